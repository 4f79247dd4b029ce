"""Waiting for something to happen, without polling and without cost while nobody waits.

Owns who waits and how often they may be woken. The recorder calls one function once something
has happened since a watcher began to wait, and none while nobody does.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from console.recorder import Recorder


class Watchers:
    """Everyone who waits for changes of one recorder.

    Args:
        recorder: whose entries wake them.
        batch_s: seconds that lie between two wakings of the same watcher at least.
    """

    def __init__(self, recorder: Recorder, *, batch_s: float) -> None:
        self.batch_s = batch_s
        self._recorder = recorder
        self._watches: tuple[Watch, ...] = ()

    def __len__(self) -> int:
        return len(self._watches)

    def watch(self) -> Watch:
        """Return a watcher that begins to watch when it is entered."""
        return Watch(self)

    def add(self, watch: Watch) -> None:
        """Wake `watch` from now on."""
        with self._recorder.lock:
            self._watches = (*self._watches, watch)
            self._recorder.on_change = self._wake_all
            self._recorder.wake_next()

    def remove(self, watch: Watch) -> None:
        """Wake `watch` no more."""
        with self._recorder.lock:
            self._watches = tuple(other for other in self._watches if other is not watch)
            if not self._watches:
                self._recorder.on_change = None

    def wake_next(self) -> None:
        """Wake all of them as soon as something more happens."""
        self._recorder.wake_next()

    def _wake_all(self) -> None:
        for watch in self._watches:
            watch.wake()


class Watch:
    """One watcher, on the event loop in which it was entered::

    async with relay.watch() as watch:
        while True:
            await watch.changed()
            ...
    """

    def __init__(self, watchers: Watchers) -> None:
        self._watchers = watchers
        self._event = asyncio.Event()
        self._is_due = False
        self._next_at = 0.0

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._watchers.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchers.remove(self)

    def wake(self) -> None:
        """Say that something changed; from any thread, and cheap when it was said before."""
        if self._is_due:
            return
        self._is_due = True
        # A viewer's loop may have ended without saying so, as in a test.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def changed(self) -> None:
        """Return when something changed since the last return; at most once each batch."""
        await self._event.wait()
        await asyncio.sleep(max(self._next_at - self._loop.time(), 0))
        self._event.clear()
        # Whatever is said from here on is for the next call, even while this one returns.
        self._is_due = False
        self._watchers.wake_next()
        self._next_at = self._loop.time() + self._watchers.batch_s
