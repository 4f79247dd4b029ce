"""How much passed in each step of the last two and a half minutes, by direction.

Owns the steps, how those of several processes are added, and how they move on while entries
come. Counted from entries that somebody has read anyway. Shown above the tail of Traffic. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from console.entry import Direction

STEP_S: Final = 2.0
STEPS: Final = 75

SERIES: Final[dict[Direction, str]] = {
    "in": "in",
    "layer": "layer",
    "deliver": "layer",
    "out": "out",
}
"""What a direction is counted as; others are not messages."""

NAMES: Final = ("in", "layer", "out")

LARGEST: Final = 2**40


class Density:
    """Counts of messages by step.

    Attributes:
        newest: the number of the last step, counted from the Unix epoch.
        counts: of each name in `NAMES`, oldest step first.
    """

    __slots__ = ("counts", "newest")

    def __init__(self, now: float) -> None:
        self.newest = int(now // STEP_S)
        self.counts = {name: [0] * STEPS for name in NAMES}

    def add(self, direction: Direction, at: float, count: int = 1) -> None:
        """Count messages that passed at a time; those that are too old are left out."""
        name = SERIES.get(direction)
        place = int(at // STEP_S) - self.newest + STEPS - 1
        if name is not None and place >= 0:
            # A clock that is ahead counts as now.
            self.counts[name][min(place, STEPS - 1)] += count

    def move(self, now: float) -> None:
        """Let steps that are too old go, and begin those that have come since."""
        by = int(now // STEP_S) - self.newest
        if by > 0:
            self.newest += by
            for name, counts in self.counts.items():
                self.counts[name] = [*counts[by:], *[0] * min(by, STEPS)][-STEPS:]

    def merge(self, other: Density) -> None:
        """Add what another process counted, by its own clock."""
        by = self.newest - other.newest
        for name, counts in self.counts.items():
            for place, count in enumerate(other.counts[name]):
                if 0 <= place - by < STEPS:
                    counts[place - by] += count

    def as_plain(self) -> list[int]:
        """Return it as JSON says it: the newest step, then the counts of each name in turn."""
        return [self.newest, *(count for name in NAMES for count in self.counts[name])]

    @classmethod
    def read(cls, value: object) -> Density | None:
        """Understand what another process said; None for anything else."""
        if not isinstance(value, list) or len(value) != 1 + STEPS * len(NAMES):
            return None
        if not all(type(one) is int and 0 <= one <= LARGEST for one in value):
            return None
        density = cls(value[0] * STEP_S)
        for number, name in enumerate(NAMES):
            density.counts[name] = value[1 + STEPS * number : 1 + STEPS * (number + 1)]
        return density

    @property
    def total(self) -> int:
        """Messages in all steps."""
        return sum(map(sum, self.counts.values()))

    @property
    def peak(self) -> int:
        """The messages of the fullest step."""
        return max(map(sum, zip(*self.counts.values(), strict=True)))


def density_of(entries: Iterable[tuple[Direction, float]], now: float) -> Density:
    """Return the density of entries, each its direction and its time."""
    density = Density(now)
    for direction, at in entries:
        density.add(direction, at)
    return density
