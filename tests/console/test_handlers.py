from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.handlers import MOST, OTHERS, STEP_S, STEPS, Handlers, HandlerStats, Latency

ended = st.tuples(st.floats(0, 1_500), st.floats(1e-5, 10), st.floats(0, 5), st.booleans())


@given(st.lists(ended).map(sorted))
def test_counts_are_those_of_the_last_ten_minutes_and_the_sums_those_of_all(many):
    stats = HandlerStats("Chat", "chat.message")
    for now, took_s, waited_s, is_error in many:
        stats.add(took_s, waited_s, now)
        if is_error:
            stats.fail(now)
    now = many[-1][0] if many else 0.0
    recent = [one for one in many if int(one[0] / STEP_S) > int(now / STEP_S) - STEPS]
    latency = stats.latency(now)
    assert latency.count == len(recent)
    assert latency.errors == sum(one[3] for one in recent)
    assert latency.max_s == max((one[1] for one in recent), default=0.0)
    assert latency.max_waited_s == max((one[2] for one in recent), default=0.0)
    whole = stats.since_start()
    assert (whole.count, whole.errors) == (len(many), sum(one[3] for one in many))
    assert whole.total_s == pytest.approx(sum(one[1] for one in many))
    assert sum(whole.buckets) == len(many)
    assert sum(step.count for step in stats.series(now)) == len(recent)


def test_a_series_has_a_place_for_each_step_oldest_first():
    stats = HandlerStats("Chat", "chat.message")
    stats.add(0.5, 0.0, 1_000.0)
    stats.add(0.1, 0.0, 1_020.0)
    series = stats.series(1_029.0)
    assert len(series) == STEPS
    assert [step.count for step in series[-3:]] == [1, 0, 1]
    assert series[-3].max_s == 0.5
    assert series[-2] == Latency()


def test_ten_minutes_as_one_step_follow_the_time():
    stats = HandlerStats("Chat", "chat.message")
    for number in range(STEPS + 5):
        stats.add(0.1, 0.0, number * STEP_S)
        assert stats.window(number * STEP_S).count == min(number + 1, STEPS)
    now = (STEPS + 4) * STEP_S
    assert stats.window(now + STEP_S).count == STEPS - 1
    assert stats.window(now + STEPS * STEP_S).count == 0


def test_a_clock_that_is_set_back_leaves_nothing_of_what_was_folded():
    stats = HandlerStats("Chat", "chat.message")
    for now in (1_000.0, 1_010.0, 1_020.0):
        stats.add(0.1, 0.0, now)
    assert stats.window(1_020.0).count == 3
    assert stats.window(1_000.0).count == 0
    for now in (1_000.0, 1_020.0):
        stats.add(0.1, 0.0, now)
    assert stats.window(1_020.0).count == 2


def test_more_than_are_counted_at_once_are_all_counted():
    stats = HandlerStats("Chat", "chat.message")
    for number in range(5_000):
        stats.add(number / 1_000, 0.0, 0.0)
    latency = stats.latency(0.0)
    assert latency.count == 5_000
    assert latency.p95_s == pytest.approx(4.75, rel=0.07)


def test_a_clock_that_is_set_back_forgets_when_and_keeps_how_many():
    stats = HandlerStats("Chat", "chat.message")
    stats.add(0.5, 0.0, 5_000.0)
    assert stats.latency(1_000.0).count == 0
    stats.add(0.1, 0.0, 1_000.0)
    assert stats.latency(1_000.0).count == 1
    assert stats.since_start().count == 2


def test_as_many_handlers_as_a_hostile_client_can_name_are_counted_together():
    handlers = Handlers()
    for number in range(MOST + 50):
        handlers.of(None, f"type.{number}").add(0.1, 0.0, 0.0)
    counted = list(handlers)
    assert len(counted) == MOST + 1
    assert counted[-1].consumer == OTHERS
    assert counted[-1].latency(0.0).count == 50
    assert handlers.of(None, "type.0") is counted[0]
