"""What is said in the groups of one process: how often, and since when.

Owns the counts, of a bounded number of groups: projects make a group for each user, and none
ever says that it is over. Who is in them is in `state`. Changed by the recorder alone, under
its lock. Pure.
"""

from __future__ import annotations

from console.connection import ACTIVITY_BUCKETS, ACTIVITY_S, Meter
from console.group_flow import STEP_S, STEPS

GROUPS_KEPT = 5_000
"""Groups whose counts are kept: of more, those that were heard of first are forgotten."""


class GroupStats:
    """One group.

    Attributes:
        first_at: when it was first heard of, in seconds since the Unix epoch.
        sends: messages that this process sent to it since then.
    """

    __slots__ = ("_meter", "_steps", "first_at", "sends")

    def __init__(self, first_at: float) -> None:
        self.first_at = first_at
        self.sends = 0
        # Of a group that nobody sends to there are none.
        self._meter: Meter | None = None
        self._steps: Meter | None = None

    def __repr__(self) -> str:
        return f"<GroupStats sends={self.sends}>"

    def count_send(self, now: float) -> None:
        """A message was sent to it."""
        self.sends += 1
        if self._meter is None or self._steps is None:
            self._meter = Meter(ACTIVITY_BUCKETS, ACTIVITY_S)
            self._steps = Meter(STEPS, STEPS * STEP_S)
        self._meter.mark(now)
        self._steps.mark(now)

    def activity(self, now: float) -> tuple[int, ...]:
        """Return the sends of the last 60 s in buckets, the oldest first."""
        return self._meter.read(now) if self._meter is not None else (0,) * ACTIVITY_BUCKETS

    def sent_by_step(self, now: float) -> tuple[int, ...]:
        """Return the sends of the last five minutes in the steps of `group_flow`."""
        return self._steps.read(now) if self._steps is not None else (0,) * STEPS


class Groups:
    """The groups that one process has heard of, in the order in which it did."""

    def __init__(self) -> None:
        self._stats: dict[str, GroupStats] = {}

    def __len__(self) -> int:
        return len(self._stats)

    def of(self, name: str, now: float) -> GroupStats:
        """Return the counts of a group, new ones for one that is heard of first."""
        stats = self._stats.get(name)
        if stats is None:
            stats = self._stats[name] = GroupStats(now)
            if len(self._stats) > GROUPS_KEPT:
                del self._stats[next(iter(self._stats))]
        return stats

    def get(self, name: str) -> GroupStats | None:
        """Return the counts of a group; None if nobody has heard of it, or for too long."""
        return self._stats.get(name)
