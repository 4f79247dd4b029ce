"""How often each kind of thing happened: since the start, and in steps of 10 s.

Owns the counting of a process's happenings, which outlive the ring. Of the past it keeps
the totals at the beginning of each step in which something happened: what a step had is
a difference. Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from console.entry import DIRECTIONS, Kind
from console.handlers import STEP_S, STEPS


class Tally:
    """Counts by kind.

    Attributes:
        totals: happenings since the start.
        ends_at: when the running step ends.
    """

    __slots__ = ("_begins_at", "_marks", "ends_at", "totals")

    def __init__(self) -> None:
        self.totals: dict[Kind, int] = dict.fromkeys(DIRECTIONS, 0)
        self._begins_at = self.ends_at = 0.0
        # (number of the step, totals when it began)
        self._marks: deque[tuple[int, dict[Kind, int]]] = deque(maxlen=STEPS)

    def count(self, kind: Kind, now: float) -> None:
        """Count one at `now`."""
        if now >= self.ends_at:
            self.turn_to(now)
        self.totals[kind] += 1

    def add(self, counts: Mapping[Kind, int]) -> None:
        """Count many, all of them within the running step."""
        for kind, count in counts.items():
            self.totals[kind] += count

    def turn_to(self, now: float) -> None:
        """Begin the step of `now`."""
        number = int(now / STEP_S)
        if self._marks and number < self._marks[-1][0]:
            self._marks.clear()  # the clock was set back: when that was means nothing now
        self._marks.append((number, dict(self.totals)))
        self._begins_at = number * STEP_S
        self.ends_at = self._begins_at + STEP_S

    def series(self, kind: Kind, now: float) -> list[int]:
        """Return how many there were in each step of the last 10 minutes, oldest first."""
        if now < self._begins_at:
            self.turn_to(now)
        oldest = int(now / STEP_S) - STEPS + 1
        counts = [0] * STEPS
        until = self.totals[kind]
        for number, totals in reversed(self._marks):
            if oldest <= number < oldest + STEPS:
                counts[number - oldest] = until - totals[kind]
            until = totals[kind]
        return counts
