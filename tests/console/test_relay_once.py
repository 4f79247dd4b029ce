from __future__ import annotations

import pytest

from console.action import Action
from console.relay_once import FRESH_S, MOST_REMEMBERED, Once, TooOld
from console.relay_protocol import Act, RefusedMessage

NOW = 1_000_000.0


def act(number: object = 1, *, at: float = NOW, epoch: str = "e0c4") -> Act:
    return Act(f"a{number}", "console", epoch, at, Action("close", connections=("c1",)))


def test_an_action_is_carried_out_once():
    once = Once("e0c4")
    once.require_new(act(), NOW)
    with pytest.raises(RefusedMessage, match="has not been here before"):
        once.require_new(act(), NOW + 1)
    once.require_new(act(2), NOW + 1)


def test_one_for_another_process_or_an_earlier_life_is_refused():
    with pytest.raises(RefusedMessage, match="for this process"):
        Once("e0c4").require_new(act(epoch="e0c5"), NOW)


@pytest.mark.parametrize("off_by", [-FRESH_S - 1, FRESH_S + 1, 1e9])
def test_one_of_another_time_is_refused_with_how_far_off_it_is(off_by):
    with pytest.raises(TooOld, match=f"{off_by:.0f} s ago"):
        Once("e0c4").require_new(act(at=NOW - off_by), NOW)


@pytest.mark.parametrize("ahead_s", [-FRESH_S, 0, FRESH_S])
def test_one_is_remembered_for_as_long_as_it_is_fresh(ahead_s):
    once = Once("e0c4")
    dated = act(at=NOW + ahead_s)
    once.require_new(dated, NOW)
    for later in range(0, int(3 * FRESH_S)):
        with pytest.raises(RefusedMessage):
            once.require_new(dated, NOW + later)


def test_what_is_remembered_has_a_bound_and_is_forgotten():
    once = Once("e0c4")
    for number in range(MOST_REMEMBERED):
        once.require_new(act(number), NOW)
    with pytest.raises(RefusedMessage, match="actions a minute"):
        once.require_new(act("more"), NOW)
    later = NOW + 2 * FRESH_S + 1
    once.require_new(act("more", at=later), later)
    assert len(once._seen) == 1
