"""One line of time for all that a process writes down: paced by the timer, placed by the clock.

Owns what the timer's seconds are since the Unix epoch. To read two clocks for a message costs more
than to keep it; and between two readings the clock may be set. Pure.

Source: docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SET_S: Final = 0.001
"""By how much the clock has been set when it is not where it was: below that, it was read late."""

READINGS: Final = 3


class TimeLine:
    """The seconds of a timer, as seconds since the Unix epoch.

    Args:
        clock: seconds since the Unix epoch.
        timer: seconds of a clock that is not set back.
    """

    __slots__ = ("_offset_s", "clock", "timer")

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.clock = clock
        self.timer = timer
        self._offset_s = self._read()

    def __call__(self) -> float:
        """Return the time, in seconds since the Unix epoch."""
        return self.timer() + self.offset_s()

    def offset_s(self) -> float:
        """Return what makes seconds of the timer seconds since the Unix epoch.

        It stays as it is until the clock is set: what is written in turn stays in order.
        """
        offset_s = self._read()
        if abs(offset_s - self._offset_s) > SET_S:
            self._offset_s = offset_s
        return self._offset_s

    def _read(self) -> float:
        """Read both; again if something came between them."""
        for _ in range(READINGS):
            before = self.timer()
            offset_s = self.clock() - before
            if self.timer() - before < SET_S:
                break
        return offset_s
