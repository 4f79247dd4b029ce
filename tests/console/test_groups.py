from __future__ import annotations

from console.groups import GROUPS_KEPT, Groups


def test_a_group_is_counted_from_when_it_is_first_heard_of():
    groups = Groups()
    groups.of("lobby", 100.0).count_send(100.0)
    groups.of("lobby", 101.0).count_send(101.0)
    stats = groups.get("lobby")
    assert (stats.first_at, stats.sends) == (100.0, 2)
    assert sum(stats.activity(101.0)) == 2
    assert sum(stats.activity(200.0)) == 0


def test_a_group_that_nobody_sends_to_is_silent():
    assert set(Groups().of("lobby", 100.0).activity(100.0)) == {0}


def test_the_groups_that_were_heard_of_first_are_forgotten():
    groups = Groups()
    for number in range(GROUPS_KEPT + 1):
        groups.of(f"user.{number}", 100.0)
    assert len(groups) == GROUPS_KEPT
    assert groups.get("user.0") is None
    assert groups.get(f"user.{GROUPS_KEPT}") is not None
