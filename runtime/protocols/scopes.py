"""One scope of a protocol that has no connections: opened by a key, ended by silence.

Owns the events that wait for one application instance, and its orderly end: the protocol's
disconnect event, a deadline, a cancellation. Does not know the other scopes; those are the
server's. Used by `runtime.protocols.server`.

Source: ASGI specification, "Applications"; docs/decisions/0029-protocol-servers.md
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from contextvars import Context

from runtime.drops import drops
from runtime.tasks import spawn
from runtime.typing import ASGIApplication, Event, Scope, Send

EVENTS_KEPT = 256
"""Events that wait for one scope, besides those in its consumer's mailbox."""

DEFAULT_END_S = 10.0
"""How long an application may take to end its scope, unless its server says otherwise."""


class OpenScope:
    """One instance of an application, for as long as its scope lives.

    Args:
        key: what the server knows it by.
        scope: as the application gets it; its `type` names the protocol.
        application: called once, with `scope`.
        send: takes the events of the application.
        on_end: called when the application is through, with what it failed with or None.
        silence_s: seconds without an event, in or out, after which it ends; None for never.
        end_s: how long the application may take over its end before it is cancelled.

    Attributes:
        is_ending: whether no further event is taken.
        is_cut_off: whether its application had to be cancelled.
        task: in which the application runs.
        used_at: when the last event went in or out, on the event loop's clock.
    """

    def __init__(
        self,
        key: Hashable,
        scope: Scope,
        application: ASGIApplication,
        send: Send,
        on_end: Callable[[OpenScope, BaseException | None], None],
        silence_s: float | None = None,
        end_s: float = DEFAULT_END_S,
    ) -> None:
        self.key = key
        self.scope = scope
        self.is_ending = self.is_cut_off = False
        self._send = send
        self._on_end = on_end
        self._silence_s = silence_s
        self._end_s = end_s
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.used_at = self._loop.time()
        self._wait_for_silence()
        # In a context of its own: it is no part of the scope whose event happens to open it.
        self.task = Context().run(self._start, application)

    def __repr__(self) -> str:
        state = "ending" if self.is_ending else "open"
        return f"<OpenScope {self.scope['type']} {self.key!r} {state}>"

    async def put(self, event: Event) -> bool:
        """Give the application an event, as soon as there is room for it.

        Returns: False if the scope is ending, and the event was not taken.
        """
        while self._is_full():
            self._has_room.clear()
            await self._has_room.wait()
        return self._put(event)

    def offer(self, event: Event) -> bool:
        """Give the application an event if there is room; else it is lost, and counted as such.

        Returns: whether it was taken.
        """
        if self._is_full():
            drops.report(None, self.scope["type"], event, "capacity")
            return False
        return self._put(event)

    def end(self, reason: str) -> None:
        """Tell the application, after what has come so far, that its scope ends.

        Args:
            reason: for the event, in a word or two: "timeout", "shutdown".
        """
        if not self.is_ending:
            # It may stand above the bound: an end waits for no room.
            self._put({"type": f"{self.scope['type']}.disconnect", "reason": reason})
            self._close()
            self._timer = self._loop.call_later(self._end_s, self._cut_off)

    async def wait_ended(self) -> None:
        """Return when the application is through; after `end()` that takes its deadline at most."""
        await asyncio.wait({self.task})

    def _start(self, application: ASGIApplication) -> asyncio.Task[None]:
        return spawn(self._serve(application), name=f"{self.scope['type']} scope {self.key!r}")

    async def _serve(self, application: ASGIApplication) -> None:
        error: BaseException | None = None
        try:
            await application(self.scope, self._receive, self._send_out)
        except Exception as raised:  # reported by the server, which goes on without this scope
            error = raised
        finally:
            self._close()  # which also stops the timer that would cut it off
            self._on_end(self, error)

    async def _receive(self) -> Event:
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.popleft()
        self._has_room.set()
        return event

    async def _send_out(self, event: Event) -> None:
        self.used_at = self._loop.time()
        await self._send(event)

    def _is_full(self) -> bool:
        return not self.is_ending and len(self._events) >= EVENTS_KEPT

    def _put(self, event: Event) -> bool:
        if self.is_ending:
            return False
        self.used_at = self._loop.time()
        self._events.append(event)
        self._arrived.set()
        return True

    def _close(self) -> None:
        self.is_ending = True
        self._has_room.set()  # who waits for it learns that there will be none
        if self._timer is not None:
            self._timer.cancel()

    def _cut_off(self) -> None:
        self.is_cut_off = True
        self.task.cancel()

    def _wait_for_silence(self) -> None:
        # One timer for many events: it looks at the clock when it rings, and goes on.
        if self._silence_s is None:
            return
        left_s = self.used_at + self._silence_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._wait_for_silence)
        else:
            self.end("timeout")
