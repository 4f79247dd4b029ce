"""The line of time: in order while the clock runs, and where the clock is once it was set."""

import pytest

from console.time_line import TimeLine
from tests.console.recording import Clock


class Jumping(Clock):
    """A clock that something holds up between two readings, now and then."""

    def __init__(self, now, held_up):
        super().__init__(now)
        self.held_up = held_up

    def __call__(self):
        self.now += self.held_up.pop(0) if self.held_up else 0.0
        return self.now


def test_the_time_is_that_of_the_clock():
    clock, timer = Clock(1_000.0), Clock(5.0)
    line = TimeLine(clock, timer)
    assert line() == 1_000.0
    for one in (clock, timer):
        one.advance(2.5)
    assert line() == 1_002.5
    assert timer() + line.offset_s() == 1_002.5


def test_two_clocks_that_are_read_a_moment_apart_leave_it_in_order():
    clock, timer = Clock(1_000.0), Clock(5.0)
    line = TimeLine(clock, timer)
    times = []
    for late_s in (0.0, 0.0009, 0.0002, 0.0, 0.0005):
        timer.advance(0.0001)
        clock.now = 995.0 + timer.now + late_s
        times.append(line())
    assert times == sorted(times)
    assert times[-1] == pytest.approx(995.0 + timer.now)


@pytest.mark.parametrize("by_s", [3_600.0, -3_600.0, 0.01])
def test_it_follows_a_clock_that_is_set(by_s):
    clock, timer = Clock(1_000.0), Clock(5.0)
    line = TimeLine(clock, timer)
    clock.advance(by_s)
    assert line() == pytest.approx(1_000.0 + by_s)


def test_a_reading_that_something_came_into_is_made_again():
    timer = Jumping(5.0, [0.0, 0.25])
    line = TimeLine(lambda: 995.0 + timer.now, timer)
    assert line() == pytest.approx(995.0 + timer.now)
