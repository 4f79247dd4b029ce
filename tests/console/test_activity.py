from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.activity import (
    MOST_HANDLERS,
    Activity,
    HandlerActivity,
    Steps,
    added,
    bounded,
    durations,
    follow,
    fullest_counts,
    handlers_of,
    open_counts,
    quantiles,
    series,
)
from console.handlers import STEPS
from console.latency import count_into, empty, sparse
from console.process import Totals


def totals(open_count: int = 0) -> Totals:
    return Totals(0.0, 0.0, 0.0, 0, 1, 0, 0, open_count, {})


def activity(newest: int = 100, open_count: int = 0, running_s: float = 10.0, **steps) -> Activity:
    return Activity(newest, running_s, totals(open_count), steps=Steps(**steps))


def took(*seconds: float) -> tuple[int, ...]:
    buckets = empty()
    count_into(buckets, seconds)
    return sparse(buckets)


def handler(name: str, *seconds: float, **fields) -> HandlerActivity:
    counts = {"count": len(seconds), "errors": 0, "max_s": max(seconds), "max_waited_s": 0.0}
    return HandlerActivity("Chat", name, **(counts | fields), buckets=took(*seconds))


def test_processes_are_added_up_where_they_are_now() -> None:
    one = activity(inbound=(10, 20), outbound=(0, 5))
    other = activity(newest=7, inbound=(100,))
    assert series([one, other], "inbound")[-3:] == [0.0, 1.0, 12.0]
    assert series([one, other], "inbound", "outbound")[-2:] == [1.0, 12.5]
    assert series([], "inbound") == [0.0] * STEPS


def test_a_step_that_runs_lacks_nothing_of_what_is_still_to_come() -> None:
    half_way = activity(running_s=5.0, inbound=(100, 50))
    assert series([half_way], "inbound")[-2:] == [10.0, 10.0]
    just_begun = activity(running_s=0.0, inbound=(100, 0))
    assert series([just_begun], "inbound")[-2:] == [10.0, 10.0]


def test_how_many_were_open_is_worked_out_from_who_came_and_went() -> None:
    one = activity(open_count=3, opened=(2, 0, 4), closed=(0, 1, 2))
    assert open_counts([one])[-4:] == [0, 2, 1, 3]
    other = activity(open_count=10)
    assert open_counts([one, other])[-4:] == [10, 12, 11, 13]
    assert open_counts([]) == fullest_counts([]) == [0] * STEPS
    busy = activity(open_count=1, closed=(0, 0, 9))
    assert fullest_counts([one, busy])[-4:] == [10, 10, 10, 3]


def test_a_percentile_over_processes_is_one_of_all_handlers_and_no_average() -> None:
    quick = activity(durations=(took(*[0.001] * 99),))
    slow = activity(durations=(took(1.0),))
    assert quantiles([quick, slow], 0.95)[-1] == pytest.approx(0.001, rel=0.07)
    assert quantiles([quick, slow], 0.999)[-1] == pytest.approx(1.0, rel=0.07)
    assert quantiles([quick, slow], 0.5)[-2] is None
    assert quantiles([], 0.5) == [None] * STEPS


def test_what_all_handlers_took_is_read_of_as_many_steps_as_are_wanted() -> None:
    one = activity(durations=(took(0.5), took(0.001, 0.001)))
    other = activity(durations=(took(0.001),))
    assert sparse(durations([one, other], 1)) == took(0.001, 0.001, 0.001)
    assert sparse(durations([one, other], STEPS)) == took(0.001, 0.001, 0.001, 0.5)
    assert not any(durations([], STEPS))


def test_the_same_handler_of_two_processes_is_one() -> None:
    one = Activity(1, 0.0, totals(), handlers=(handler("receive", 0.1, 0.1, errors=1),))
    other = Activity(
        1, 0.0, totals(), handlers=(handler("receive", 0.5), handler("connect", 0.2, 0.2, 0.2, 0.2))
    )
    connect, receive = handlers_of([one, other])
    assert (connect.handler, connect.count) == ("connect", 4)
    assert (receive.count, receive.errors, receive.max_s) == (3, 1, 0.5)
    assert receive.quantile(0.5) == pytest.approx(0.1, rel=0.07)


def test_the_last_steps_go_on_from_what_is_known() -> None:
    earlier = activity(newest=100, inbound=tuple(range(STEPS)), durations=(took(0.1),) * STEPS)
    later = activity(newest=102, inbound=(7, 8, 9), durations=((), (), took(0.2)))
    joined = follow(earlier, later)
    assert joined.steps.inbound == (*range(2, STEPS - 1), 7, 8, 9)
    assert len(joined.steps.durations) == STEPS
    assert joined.steps.durations[-1] == took(0.2)


def test_what_lies_between_two_looks_and_was_not_asked_for_is_nothing() -> None:
    earlier = activity(newest=100, inbound=(1, 2))
    assert follow(earlier, activity(newest=104, inbound=(9,))).steps.inbound == (1, 2, 0, 0, 0, 9)


@pytest.mark.parametrize("newest", [99, 100 + STEPS])
def test_a_clock_that_was_set_back_or_a_long_silence_begins_anew(newest: int) -> None:
    later = activity(newest=newest, inbound=(1,))
    assert follow(activity(newest=100, inbound=(5,) * STEPS), later) is later


@given(st.lists(st.lists(st.integers(-5, 5), max_size=80), max_size=4), st.integers(1, 60))
def test_series_of_any_length_are_added_from_their_ends(many: list[list[int]], length: int) -> None:
    total = added(many, length)
    assert len(total) == length
    assert all(count >= 0 for count in total)
    assert total[-1] == sum(max(one[-1], 0) for one in many if one)


def test_a_process_that_says_too_much_is_cut_short() -> None:
    many = tuple(handler(str(number), 0.1) for number in range(MOST_HANDLERS + 5))
    said = Activity(
        1,
        1e9,
        totals(),
        steps=Steps(inbound=(1,) * 500),
        handlers=many,
        missed={str(number): 1 for number in range(500)},
    )
    kept = bounded(said)
    assert kept.running_s == 10.0
    assert len(kept.steps.inbound) == STEPS
    assert len(kept.handlers) == MOST_HANDLERS
    assert len(kept.missed) == 20
