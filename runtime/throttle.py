"""Warnings that do not drown the log: each kind at once, then rarely, with a count.

Owns when a warning is written and how many like it were not. Knows nothing of what
is warned of. Used by whoever can fail a thousand times in a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable

INTERVAL_S = 10.0
"""Seconds between two warnings of one kind, at least."""

MOST_KINDS = 1_000
"""Kinds that are told apart; a kind may be named after something that never comes again."""


class ThrottledWarnings:
    """Writes warnings to a logger, each kind at most once in an interval.

    May be called from any thread.

    Args:
        logger: where they go.
        interval_s: seconds between two of a kind.
        clock: seconds of a clock that is not set back.
    """

    def __init__(
        self,
        logger: logging.Logger,
        interval_s: float = INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._interval_s = interval_s
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def warn(self, kind: Hashable, text: str, *arguments: object) -> None:
        """Write a warning, or count it if one of its kind was written a moment ago.

        Args:
            kind: what it has in common with others like it.
            text: with the places of `arguments`, as in `logging`. How many like it were
                not written since the last one is said after it.
        """
        unwritten = self._take_turn(kind)
        if unwritten:
            text, arguments = f"{text} And %d more like this before it.", (*arguments, unwritten)
        if unwritten is not None:
            self._logger.warning(text, *arguments)

    def _take_turn(self, kind: Hashable) -> int | None:
        """Return how many were not written before this one, or None if this one is not."""
        now = self._clock()
        with self._lock:
            written_at, unwritten = self._kinds.get(kind, (float("-inf"), 0))
            if now - written_at < self._interval_s:
                self._kinds[kind] = (written_at, unwritten + 1)
                return None
            if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
            self._kinds[kind] = (now, 0)
            return unwritten
