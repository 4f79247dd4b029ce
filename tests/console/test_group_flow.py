"""What passes through a group, by step, in one process and in several."""

from __future__ import annotations

from console.group_flow import STEP_S, STEPS, GroupFlow, flow_of

NOW = 1_790_000_000.0


def test_messages_are_counted_in_the_step_in_which_they_were_sent():
    flow = flow_of([(NOW, 3), (NOW - STEP_S, 2), (NOW - STEP_S, 2), (NOW - 1_000, 9)], NOW)
    assert flow.sent[-2:] == (2, 1)
    assert flow.addressed[-2:] == (4, 3)
    assert (sum(flow.sent), flow.addressed_lately) == (3, 7)
    assert flow.sent_per_s[-1] == 1 / STEP_S


def test_what_two_processes_say_is_added_step_by_step_whoever_answers_first():
    early, late = flow_of([(NOW, 2)], NOW), flow_of([(NOW + STEP_S, 5)], NOW + STEP_S)
    for both in (early + late, late + early):
        assert both.newest == late.newest
        assert both.sent[-2:] == (1, 1)
        assert both.addressed[-2:] == (2, 5)


def test_a_process_that_knows_nothing_adds_nothing():
    flow = flow_of([(NOW, 2)], NOW)
    assert flow + GroupFlow() == GroupFlow() + flow == flow
    assert GroupFlow().sent_per_s == [0.0] * STEPS


def test_a_process_that_says_too_much_or_is_far_behind_does_not_bend_the_steps():
    long = GroupFlow(5, (1,) * (STEPS + 7), (1,) * 3)
    assert len((long + GroupFlow(10**9)).sent) == STEPS
    assert not any((long + GroupFlow(10**9)).sent)
    assert sum((long + GroupFlow(5)).sent) == STEPS
