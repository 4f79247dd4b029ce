import logging

import pytest

from runtime.throttle import MOST_KINDS, ThrottledWarnings

logger = logging.getLogger("tests.throttle")


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def warnings(clock):
    return ThrottledWarnings(logger, interval_s=10, clock=clock)


def test_the_first_of_a_kind_is_written_at_once(warnings, caplog):
    warnings.warn("full", "Channel %r is full.", "jobs")
    warnings.warn("late", "Channel %r is late.", "jobs")
    assert caplog.messages == ["Channel 'jobs' is full.", "Channel 'jobs' is late."]


def test_others_of_its_kind_are_counted_and_said_with_the_next(warnings, clock, caplog):
    for _ in range(313):
        warnings.warn("full", "Channel %r is full.", "jobs")
    assert len(caplog.messages) == 1
    clock.now_s += 10
    warnings.warn("full", "Channel %r is full.", "jobs")
    assert caplog.messages[1:] == ["Channel 'jobs' is full. And 312 more like this before it."]


def test_a_kind_that_was_quiet_is_written_without_a_count(warnings, clock, caplog):
    warnings.warn("full", "Full.")
    clock.now_s += 10
    warnings.warn("full", "Full.")
    assert caplog.messages == ["Full.", "Full."]


def test_kinds_that_never_come_again_are_forgotten(warnings, caplog):
    for kind in range(MOST_KINDS + 10):
        warnings.warn(kind, "Full.")
    assert len(warnings._kinds) == MOST_KINDS
