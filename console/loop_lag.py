"""How late an event loop is: what its application's events have to wait for, at worst.

Owns a timer that measures by how much it comes too late, as long as somebody wants to know.
It needs no task, and costs one call a quarter of a second. Used by the publisher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_S = 0.25


class LoopLag:
    """The lateness of one event loop.

    Attributes:
        most_s: the most, in seconds, since it was set back.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.most_s = 0.0
        self._loop = loop

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure as long as the context lasts, from nothing on."""
        self.reset()
        self._begin()
        try:
            yield
        finally:
            self._timer.cancel()
            self.reset()

    def reset(self) -> None:
        """Forget what was measured."""
        self.most_s = 0.0

    def _begin(self) -> None:
        self._due_at = self._loop.time() + EVERY_S
        self._timer = self._loop.call_at(self._due_at, self._measure)

    def _measure(self) -> None:
        self.most_s = max(self.most_s, self._loop.time() - self._due_at)
        self._begin()
