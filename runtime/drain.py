"""An orderly end: every open connection is told before the server goes down.

Owns who is served on an event loop, the deadline, and the place that it takes before the
server's own answer to SIGTERM: first the connections end, each between two of
its handlers, then the server gets the signal. What being told means is the
protocol's, in `runtime.generic`. Called by the consumers, each as it begins and ends.

SIGTERM is watched while somebody is served, on the main thread, and given back soon after.

Source: docs/decisions/0008-drain.md
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from django.conf import settings

from runtime.daphne import allow_server_codes
from runtime.exceptions import ConnectionEnding
from runtime.tasks import spawn

logger = logging.getLogger("runtime.drain")

DEFAULT_DEADLINE_S: Final = 10.0
"""How long connections may take over their end, unless CHANNELS_DRAIN_S says otherwise."""

CANCELLED_DEADLINE_S: Final = 2.0
"""How long those may take that were cancelled after it."""

IDLE_S = 1.0
"""How long SIGTERM is watched although nobody is served: taking and giving costs 15 us."""

SERVICE_RESTART: Final = 1012
"""Source: the IANA registry of WebSocket close codes"""


class Endable(Protocol):
    """What a connection is told through: its mailbox."""

    def end(self, ending: ConnectionEnding) -> None:
        """End the connection when what has come so far is handled."""


class Drain:
    """The consumers that are served on one event loop, and their end.

    Attributes:
        is_begun: whether new connections are refused.
        is_left_to_server: whether SIGTERM stays the server's, because it tells its scopes itself.
    """

    def __init__(self) -> None:
        allow_server_codes()
        self.is_begun = False
        self.is_left_to_server = False
        self._loop = asyncio.get_running_loop()
        self._served: dict[Endable, asyncio.Task[Any] | None] = {}
        self._all_left: asyncio.Event | None = None
        self._give_back: Callable[[], None] | None = None
        self._idle: asyncio.TimerHandle | None = None

    def enter(self, inbox: Endable) -> None:
        """Take note of a connection that the running task serves."""
        if not self._served:
            self._watch_signal()
        self._served[inbox] = asyncio.current_task()

    def leave(self, inbox: Endable) -> None:
        """Forget it: it has ended."""
        del self._served[inbox]
        if not self._served:
            if self._all_left is not None:
                self._all_left.set()
            if self._give_back is not None and self._idle is None:
                self._idle = self._loop.call_later(IDLE_S, self._unwatch_if_idle)

    async def run(self, deadline_s: float | None = None) -> int:
        """End all connections; new ones are refused from now on.

        Args:
            deadline_s: after which those that are left are cancelled; None for the
                setting CHANNELS_DRAIN_S.

        Returns: how many had to be cancelled.
        """
        self.is_begun = True
        for inbox in [*self._served]:
            inbox.end(ConnectionEnding(SERVICE_RESTART, "service restart"))
        if await self._have_left(deadline() if deadline_s is None else deadline_s):
            return 0
        late = [task for task in self._served.values() if task is not None]
        logger.warning("Cancelled, since they did not end in time: %d connections.", len(late))
        for task in late:
            task.cancel()
        await self._have_left(CANCELLED_DEADLINE_S)
        return len(late)

    async def _have_left(self, within_s: float) -> bool:
        if self._served:
            self._all_left = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._all_left.wait()
        return not self._served

    def _watch_signal(self) -> None:
        if self.is_begun or self.is_left_to_server or self._give_back is not None:
            return
        if threading.current_thread() is not threading.main_thread():
            return
        _unwatch_ended_loop()
        servers = signal.getsignal(signal.SIGTERM)
        # One that was not set from Python could not be given back; who ignores it means to.
        if servers in (None, signal.SIG_IGN) or not deadline():
            return
        ours = self._on_signal
        signal.signal(signal.SIGTERM, ours)

        def give_back() -> None:
            if signal.getsignal(signal.SIGTERM) == ours:  # nobody has taken it since
                signal.signal(signal.SIGTERM, servers)

        self._give_back = give_back

    def _unwatch_if_idle(self) -> None:
        self._idle = None
        if not self._served:
            self.unwatch_signal()

    def unwatch_signal(self) -> None:
        """Give SIGTERM back, if it was taken."""
        if self._give_back is not None:
            self._give_back()
            self._give_back = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        is_hurried = self.is_begun  # a second signal
        if is_hurried or not self._served or self._loop.is_closed():
            self._hand_on(number)
        else:
            self.is_begun = True
            self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        spawn(self._run_and_hand_on(number), name="drain")

    async def _run_and_hand_on(self, number: int) -> None:
        try:
            await self.run()
        finally:
            self._hand_on(number)

    def _hand_on(self, number: int) -> None:
        self.unwatch_signal()
        signal.raise_signal(number)


def _unwatch_ended_loop() -> None:
    # A loop that was closed before it was idle for long, as each test's, has left its own.
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(owner, Drain):
        owner.unwatch_signal()


def deadline() -> float:
    """Return the setting CHANNELS_DRAIN_S: seconds; 0 leaves SIGTERM to the server alone."""
    return float(getattr(settings, "CHANNELS_DRAIN_S", DEFAULT_DEADLINE_S))


def current_drain() -> Drain:
    """Return the drain of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _drains.get(loop)
    if found is None:
        found = _drains[loop] = Drain()
    return found


async def drain(deadline_s: float | None = None) -> int:
    """End all connections of this event loop's consumers, and refuse new ones.

    For a server that is not ended by SIGTERM; see `Drain.run`.
    """
    return await current_drain().run(deadline_s)


_drains: WeakKeyDictionary[asyncio.AbstractEventLoop, Drain] = WeakKeyDictionary()
