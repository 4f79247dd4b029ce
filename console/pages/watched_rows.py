"""The rows that one viewer has on the screen, and which of them are out of date.

Bounded by what fits on a page: however much changes, a row waits once, in its
latest state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.connection_view import ConnectionView

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
        self._stale: dict[str, ConnectionView] = {}

    def __contains__(self, connection_id: object) -> bool:
        return connection_id in self._idle_at

    def start(self, views: Iterable[ConnectionView]) -> None:
        """Know what is on the screen, newest first, and up to date."""
        for view in reversed(list(views)):
            self._idle_at[view.id] = self._when_idle(view)

    def add(self, view: ConnectionView) -> None:
        """A row came or changed; the one that came first makes room for it."""
        self._idle_at[view.id] = self._when_idle(view)
        self._stale[view.id] = view
        while len(self._idle_at) > LIMIT:
            self.discard(next(iter(self._idle_at)))

    def discard(self, connection_id: str) -> bool:
        """A row left the screen; returns whether it was there."""
        self._stale.pop(connection_id, None)
        return self._idle_at.pop(connection_id, None) is not None

    def take(self, limit: int) -> list[ConnectionView]:
        """Return at most `limit` rows that are out of date, newest connection first."""
        taken = [self._stale.pop(one) for one in list(self._stale)[:limit]]
        return sorted(taken, key=lambda view: view.opened_at, reverse=True)

    def due(self) -> list[str]:
        """Return the rows that may have become idle by now."""
        now = self._clock()
        return [one for one, idle_at in self._idle_at.items() if idle_at <= now]

    def _when_idle(self, view: ConnectionView) -> float:
        if view.state != "open":
            return float("inf")
        bucket_s = ACTIVITY_S / len(view.activity)
        silent = next((n for n, count in enumerate(reversed(view.activity)) if count), None)
        silent_s = bucket_s * silent if silent is not None else ACTIVITY_S
        return self._clock() + max(self._idle_s - silent_s, 1.0)
