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


SHARE = 0.01
"""Of the time of a process, what one viewer may take while something changes all the time."""

LONGEST_S = 0.5
"""Between two updates, whatever they cost: what happens is to be seen within a second."""


class Watchers:
    """Everyone who waits for changes of one recorder: pages, and what tells other processes.

    Args:
        recorder: whose entries wake them. It knows one function to call, so it has one of these.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._watches: tuple[Watch, ...] = ()

    def __len__(self) -> int:
        return len(self._watches)

    def watch(self, batch_s: float) -> Watch:
        """Return a watcher that begins to watch when it is entered.

        Args:
            batch_s: seconds that lie between two of its wakings at least.
        """
        return Watch(self, batch_s)

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

    def __init__(self, watchers: Watchers, batch_s: float) -> None:
        self._watchers = watchers
        self._batch_s = batch_s
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_due = False
        self._next_at = 0.0
        self._rests_until = 0.0

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
        loop = self._loop
        if self._is_due or loop is None:
            return
        self._is_due = True
        # A viewer's loop may have ended without saying so, as in a test.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._event.set)

    def rest(self, cost_s: float) -> None:
        """Say what the last change took of this process: the next one waits for so much longer.

        A viewer shall not take more than `SHARE` of it; nobody waits longer than `LONGEST_S`.
        """
        pause_s = min(cost_s / SHARE, LONGEST_S)
        self._rests_until = asyncio.get_running_loop().time() + pause_s
        self._next_at = max(self._next_at, self._rests_until)

    async def changed_within(self, seconds: float) -> None:
        """Return when `changed()` does, or after `seconds` without a change.

        Who rests does so too where it asks by itself: it does not return before that is over.
        """
        rest_s = self._rests_until - asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, rest_s)):
                await self.changed()

    async def changed(self) -> None:
        """Return when something changed since the last return; at most once each batch.

        After a quiet while the first change is told at once, and what follows it together.
        """
        await self._event.wait()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(self._next_at - loop.time(), 0))
        self._event.clear()
        # Whatever is said from here on is for the next call, even while this one returns.
        self._is_due = False
        self._watchers.wake_next()
        self._next_at = loop.time() + self._batch_s
