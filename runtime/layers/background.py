"""One event loop of the process's own, for callers whose loop ends with their call.

Owns the thread that it runs in. `async_to_sync()` outside any loop makes a loop for each
call; a connection that lived there would be opened for each message. Used by the layers
that hold connections.

Source: docs/decisions/0016-one-node-a-loop.md
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from asgiref.sync import AsyncToSync

T = TypeVar("T")

JOIN_S = 2.0
"""How long the thread may take to end with the process."""


def is_temporary(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether `loop` was made by `async_to_sync()` for one call."""
    return loop in AsyncToSync.loop_thread_executors


class BackgroundLoop:
    """A loop in a daemon thread, started when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the loop, which runs."""
        with self._lock:
            if self._loop is None:
                started = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=[started], name="runtime-layers", daemon=True
                )
                self._thread.start()
                started.wait()
            assert self._loop is not None
            return self._loop

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the loop, from another one; a cancellation reaches it."""
        return await run_on(self.get(), work)

    def stop(self) -> None:
        """End the loop and its tasks, and wait for the thread."""
        with self._lock:
            loop, thread, stop = self._loop, self._thread, self._stop
            self._loop = self._thread = self._stop = None
        if loop is not None and thread is not None and stop is not None:
            loop.call_soon_threadsafe(stop.set)
            thread.join(JOIN_S)

    def forget(self) -> None:
        """Take note that the thread is another process's, after a fork."""
        self.__init__()  # type: ignore[misc]  # all of it, the lock too, which may be held there

    def _run(self, started: threading.Event) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        self._stop = stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        started.set()
        await stop.wait()


async def run_on(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on another loop, which runs in another thread; a cancellation reaches it."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


background = BackgroundLoop()
"""The one of this process."""

atexit.register(background.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=background.forget)
