from __future__ import annotations

import pytest

from console.density import STEP_S, STEPS, Density, density_of

NOW = 10_000.0


def test_messages_are_counted_in_the_step_that_they_passed_in():
    density = density_of([("in", NOW), ("in", NOW - STEP_S), ("out", NOW - STEP_S)], NOW)
    assert density.counts["in"][-2:] == [1, 1]
    assert density.counts["out"][-2:] == [1, 0]
    assert (density.total, density.peak) == (3, 2)


def test_what_was_sent_to_the_layer_and_what_was_delivered_are_both_of_the_layer():
    density = density_of([("layer", NOW), ("deliver", NOW)], NOW)
    assert density.counts["layer"][-1] == 2


def test_what_is_no_message_and_what_is_too_old_is_not_counted():
    long_ago = NOW - STEPS * STEP_S
    density = density_of([("life", NOW), ("handler", NOW), ("in", long_ago)], NOW)
    assert density.total == 0


def test_a_clock_that_is_ahead_counts_as_now():
    assert density_of([("in", NOW + 60)], NOW).counts["in"][-1] == 1


def test_steps_move_to_the_left_as_time_passes():
    density = density_of([("in", NOW)], NOW)
    density.move(NOW + 3 * STEP_S)
    assert density.counts["in"][-4:] == [1, 0, 0, 0]
    density.move(NOW + 1_000_000)
    assert density.total == 0
    assert len(density.counts["in"]) == STEPS


def test_processes_are_added_step_by_step_whatever_step_they_are_at():
    density = density_of([("in", NOW)], NOW)
    behind = density_of([("in", NOW - STEP_S)], NOW - STEP_S)
    ahead = density_of([("in", NOW), ("in", NOW + STEP_S)], NOW + STEP_S)
    density.merge(behind)
    density.merge(ahead)
    assert density.counts["in"][-2:] == [1, 2]


def test_it_survives_the_way_to_another_process():
    density = density_of([("in", NOW), ("out", NOW - 9)], NOW)
    read = Density.read(density.as_plain())
    assert read is not None
    assert read.as_plain() == density.as_plain()


@pytest.mark.parametrize(
    "said", [None, [], [1], "x", [1.5] * 226, [True] * 226, [-1] * 226, [2**70] * 226]
)
def test_what_is_no_density_is_refused(said):
    assert Density.read(said) is None
