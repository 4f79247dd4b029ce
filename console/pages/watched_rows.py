"""The rows that one viewer has on the screen, and what of them is out of date.

Bounded by what fits on a page: however much changes, a row waits once, in its
latest state. Of one whose counts alone have changed only these are sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from console.connection_row import Mark, Row

LIMIT = 200
ACTIVITY_S = 60.0


class WatchedRows:
    """Connections on the screen.

    Args:
        idle_s: silence after which an open connection is shown as idle.
        clock: seconds since the Unix epoch.
    """

    def __init__(self, idle_s: float, clock: Callable[[], float] = time.time) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._idle_at: dict[str, float] = {}  # in the order in which rows came to the screen
        self._told: dict[str, Mark] = {}
        self._fresh: dict[str, Row] = {}
        self._stale: dict[str, Row] = {}
        self._counted: dict[str, Row] = {}

    def __contains__(self, connection_id: object) -> bool:
        return connection_id in self._idle_at

    def start(self, rows: Iterable[Row]) -> None:
        """Know what is on the screen, newest first, and up to date."""
        for row in reversed(list(rows)):
            self._idle_at[row.id] = self._when_idle(row)

    def add(self, row: Row) -> None:
        """A row came or changed; the one that came first makes room for it."""
        if row.id in self._fresh or row.id not in self._idle_at:
            self._fresh[row.id] = row
        elif self._told.get(row.id) != row.mark:
            self._stale[row.id] = row
        else:
            self._stale.pop(row.id, None)
            self._counted[row.id] = row
        self._idle_at[row.id] = self._when_idle(row)
        while len(self._idle_at) > LIMIT:
            self.discard(next(iter(self._idle_at)))

    def tell(self, connection_id: str, mark: Mark) -> None:
        """All of a row is sent to the viewer, as it is with this mark."""
        self._told[connection_id] = mark
        self._counted.pop(connection_id, None)

    def discard(self, connection_id: str) -> bool:
        """A row left the screen; returns whether it was there."""
        for rows in (self._told, self._fresh, self._stale, self._counted):
            rows.pop(connection_id, None)
        return self._idle_at.pop(connection_id, None) is not None

    def take(self, limit: int) -> list[Row]:
        """Return at most `limit` rows that are out of date as a whole, newest connection first.

        Those that are not on the screen at all have their turn before the others.
        """
        taken = [self._fresh.pop(one) for one in list(self._fresh)[:limit]]
        taken += [self._stale.pop(one) for one in list(self._stale)[: limit - len(taken)]]
        return sorted(taken, key=lambda row: row.opened_at, reverse=True)

    def take_counts(self) -> list[Row]:
        """Return the rows of which the counts alone are out of date."""
        taken, self._counted = [*self._counted.values()], {}
        return taken

    def due(self) -> list[str]:
        """Return the rows that may have become idle by now."""
        now = self._clock()
        return [one for one, idle_at in self._idle_at.items() if idle_at <= now]

    def _when_idle(self, row: Row) -> float:
        if row.state != "open":
            return float("inf")
        bucket_s = ACTIVITY_S / len(row.activity)
        silent = next((n for n, count in enumerate(reversed(row.activity)) if count), None)
        silent_s = bucket_s * silent if silent is not None else ACTIVITY_S
        return self._clock() + max(self._idle_s - silent_s, 1.0)
