from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.roster import Roster


def test_new_ones_are_told_before_those_that_changed() -> None:
    roster = Roster({"a": "websocket", "b": "websocket"})
    roster.note(["a", "b", "new"], [])
    assert roster.next(2) == ["new", "a"]
    assert roster.is_behind
    assert roster.next(2) == ["b"]
    assert not roster.is_behind


def test_what_does_not_match_is_not_told_until_it_does() -> None:
    roster = Roster({})
    assert roster.tell("a", "http", False) == ""
    assert roster.tell("a", "http", True) == "came"
    assert roster.tell("a", "http", False) == "changed", "who sees a row sees it to its end"


def test_counts_are_said_when_they_have_changed() -> None:
    roster = Roster({"a": "http"})
    assert roster.take_counts() == {"http": 1}
    assert roster.take_counts() is None
    assert roster.note([], ["a", "never told"]) == ["a"]
    assert roster.take_counts() == {}


def test_what_was_not_heard_is_told_again_as_new() -> None:
    roster = Roster({"a": "http"})
    roster.take_counts()
    roster.again(["a"])
    assert roster.next(5) == ["a"]
    assert roster.tell("a", "http", True) == "came"
    assert roster.take_counts() == {"http": 1}


ids = st.sampled_from("abcdef")


@given(st.lists(st.tuples(st.sampled_from(["change", "remove", "again", "tell"]), ids)))
def test_the_counts_are_those_of_a_naive_recount(steps: list[tuple[str, str]]) -> None:
    roster, told = Roster({}), set()
    for step, one in steps:
        if step == "change":
            roster.note([one], [])
        elif step == "remove":
            roster.note([], [one])
            told.discard(one)
        elif step == "again":
            roster.again([one])
            told.discard(one)
        else:
            for turn in roster.next(2):
                roster.tell(turn, "http", True)
                told.add(turn)
    assert len(roster) == len(told)
    assert (roster.take_counts() or {}).get("http", 0) == len(told)
