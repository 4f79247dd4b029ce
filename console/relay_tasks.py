"""The tasks of the relay: out of sight of every tap, and ended by whoever began them.

Owns that nothing of whoever was served when a task began goes with it, and that the console
never watches itself. Used by the node and its parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextvars import Context
from typing import Any

from runtime.taps import muted
from runtime.tasks import spawn


class Tasks:
    """Tasks that run beside each other; one that has ended is none of them any more."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[asyncio.Task[None]]:
        return iter(self._running)

    def begin(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Run `coroutine` from now on."""
        task = spawn_unobserved(coroutine, name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def spawn_unobserved(coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run `coroutine` as a task in a context of its own, and out of sight of every tap."""
    # Nothing of whoever was served when it began goes with it.
    task: asyncio.Task[None] = Context().run(spawn, _unobserved(coroutine), name=name)
    return task


async def _unobserved(coroutine: Coroutine[Any, Any, None]) -> None:
    with muted():
        await coroutine
