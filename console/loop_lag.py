"""How late an event loop is: what its application's events have to wait for, at worst.

Owns a timer that measures by how much it comes too late, as long as somebody wants to know.
It needs no task, and costs one call a quarter of a second. `LoopLag` is for the publisher, which
tells others; `OwnLag` for a console that shows the process that it runs in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_S = 0.25

KEPT = 20
"""Measurements of which the worst is shown: those of the last 5 s."""

LINGER_S = 30.0
"""How long it is measured after somebody has looked."""


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


class OwnLag:
    """The lateness of the event loop on which somebody looks again and again."""

    def __init__(self) -> None:
        self._late_s: deque[float] = deque(maxlen=KEPT)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._until = self._due_at = 0.0

    def look(self) -> float:
        """Return the most, in seconds, of late; 0.0 where nobody has looked before.

        On another thread than the loop's it returns what is known, and begins nothing.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return max(tuple(self._late_s), default=0.0)
        self._until = loop.time() + LINGER_S
        if self._loop is not loop:
            self._late_s.clear()
            self._loop = loop
            self._begin(loop)
        return max(self._late_s, default=0.0)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_at = loop.time() + EVERY_S
        loop.call_at(self._due_at, self._measure, loop)

    def _measure(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            return
        now = loop.time()
        self._late_s.append(now - self._due_at)
        if now < self._until:
            self._begin(loop)
        else:
            self._loop = None
            self._late_s.clear()
