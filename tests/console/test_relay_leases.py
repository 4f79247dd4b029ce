from __future__ import annotations

from console.reading import Interest
from console.relay_leases import BEAT_S, MOST_CONSOLES, NEWS_S, Leases
from console.relay_protocol import Lease, Rewind, Subscription

TAIL = Interest("tail")


def lease(console: str = "c", *ids: str, age_s: float = 5.0, since: int | None = None) -> Lease:
    offsets = {} if since is None else {"e": since}
    return Lease(console, 15.0, age_s, tuple(Subscription(one, TAIL, offsets) for one in ids))


def taken(leases: Leases, frame: Lease, *, now: float = 0.0, uptime_s: float = 99.0) -> list[str]:
    fresh = leases.take(frame, now=now, position=50, uptime_s=uptime_s)
    return [told.subscription for told in fresh]


def test_without_a_lease_there_is_nothing_to_do() -> None:
    leases = Leases("e")
    assert not leases
    assert leases.told == []
    assert leases.beats_due(0.0, 50) == {}


def test_a_lease_holds_until_it_is_not_said_again() -> None:
    leases = Leases("e")
    assert taken(leases, lease("c", "s")) == ["s"]
    assert taken(leases, lease("c", "s"), now=10.0) == [], "it is known"
    leases.expire(16.0)
    assert leases
    leases.expire(25.0)
    assert not leases


def test_what_a_lease_leaves_out_is_not_wanted_any_more() -> None:
    leases = Leases("e")
    taken(leases, lease("c", "one", "two"))
    [first, second] = leases.told
    taken(leases, lease("c", "two", "three"))
    assert [told.subscription for told in leases.told] == ["two", "three"]
    assert (leases.is_current(first), leases.is_current(second)) == (False, True)


def test_a_subscription_goes_on_from_where_its_page_was_left() -> None:
    leases = Leases("e")
    taken(leases, lease("c", "s", since=7))
    [told] = leases.told
    assert (told.origin, told.cursor, told.is_unknown) == (7, 7, False)


def test_one_that_says_nothing_begins_now_but_in_a_younger_process_at_its_start() -> None:
    for uptime_s, origin in ((99.0, 50), (3.0, 0)):
        leases = Leases("e")
        taken(leases, lease("c", "s", age_s=5.0), uptime_s=uptime_s)
        [told] = leases.told
        assert (told.origin, told.is_unknown) == (origin, True)


def test_a_position_in_the_future_is_none() -> None:
    leases = Leases("e")
    taken(leases, lease("c", "s", since=9_999))
    assert leases.told[0].cursor == 50


def test_it_goes_back_but_never_forward_and_not_before_its_origin() -> None:
    leases = Leases("e")
    taken(leases, lease("c", "s", since=10))
    [told] = leases.told
    told.cursor = told.sent = 40
    for offset in (5, 40, 45):
        assert leases.rewind(Rewind("c", "s", offset)) is None
    assert leases.rewind(Rewind("c", "s", 20)) is told
    assert (told.cursor, told.sent) == (20, 20)
    assert leases.rewind(Rewind("nobody", "s", 20)) is None


def test_a_beat_is_due_at_once_and_then_every_two_seconds() -> None:
    leases = Leases("e")
    taken(leases, lease("c", "s", since=10))
    assert leases.beats_due(0.0, 50) == {"c": {"s": 10}}
    assert leases.beats_due(BEAT_S - 0.1, 50) == {}
    assert leases.beats_due(BEAT_S, 50) == {"c": {"s": 10}}


def test_a_beat_is_due_sooner_if_something_has_happened_since() -> None:
    leases = Leases("e")
    taken(leases, lease("c", "s"))
    assert leases.beats_due(0.0, 50)
    assert leases.beats_due(NEWS_S - 0.1, 51) == {}
    assert leases.beats_due(NEWS_S, 51)
    assert leases.beats_due(2 * NEWS_S, 51) == {}, "nothing has happened since"


def test_consoles_are_bounded() -> None:
    leases = Leases("e")
    for number in range(MOST_CONSOLES + 5):
        taken(leases, lease(f"c{number}"))
    assert len(leases) == MOST_CONSOLES
    assert "c0" not in leases
