"""One timer for all that a layer lets expire, on whichever loop is there to run it.

Owns when the layer looks again, and nothing of what it looks at. Leaves nothing behind: it goes
with the loop that it waits on, and the next one that is used takes over. Called by the
in-memory layer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context

from asgiref.sync import AsyncToSync


class SweepTimer:
    """Calls `sweep` when something may have expired.

    Args:
        sweep: removes what has expired; returns in how many seconds the next thing will, or
            None if nothing waits.
        lock: the layer's own, which is held while `sweep` decides whether something waits.
    """

    __slots__ = ("_handle", "_lasting_loop", "_lock", "_loop", "_sweep")

    def __init__(self, sweep: Callable[[], float | None], lock: threading.RLock) -> None:
        self._sweep = sweep
        self._lock = lock
        self._handle: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lasting_loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_set(self) -> bool:
        """Whether a loop that runs will call `sweep`."""
        return self._loop is not None and self._loop.is_running()

    def start(self, delay_s: float) -> None:
        """Call `sweep` in `delay_s` seconds, unless it will be called anyway.

        Without a loop that lasts until then, it is not; then a later call starts the timer.
        """
        with self._lock:
            if self.is_set:
                return
            self.stop()
            running = _running_loop()
            loop = self._loop = self._find_lasting(running)
            if loop is None:
                return
            if loop is running:
                self._wait(loop, delay_s)
            else:
                loop.call_soon_threadsafe(self._wait, loop, delay_s, context=Context())

    def stop(self) -> None:
        """Call `sweep` no more, until the next `start()`."""
        with self._lock:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop = None

    def _find_lasting(
        self, running: asyncio.AbstractEventLoop | None
    ) -> asyncio.AbstractEventLoop | None:
        # asgiref makes a loop for each call from code that has none, and ends it after the call.
        if running is not None and running not in AsyncToSync.loop_thread_executors:
            self._lasting_loop = running
        elif self._lasting_loop is not None and not self._lasting_loop.is_running():
            self._lasting_loop = None
        return self._lasting_loop

    def _wait(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        with self._lock:
            if self._loop is not loop:
                return  # stopped meanwhile, or another loop does it
            # What is said when it fires is nobody's in particular: not the context of a sender.
            self._handle = loop.call_later(delay_s, self._fire, loop, context=Context())

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if self._loop is not loop:
                return
            next_s = self._sweep()
            if next_s is None:
                self._handle = self._loop = None
            else:
                self._wait(loop, next_s)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
