"""An application run for a scope that somebody composed, without a server or a socket.

Owns one such run: what goes in, what comes out, its bounds and its end. Passes through
the boundary, so that it is observed as any connection is, and marked as the console's.
Knows nothing of HTTP, of pages, or of who asked; that is `virtual_live`.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from console.marks import made_by
from runtime.boundary import CONNECTION_KEY, observe
from runtime.taps import Connection
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import ASGIApplication, Event, Receive, Scope, Send

Happening: TypeAlias = Literal["in", "out", "waiting", "ended", "failed"]

TRACEBACK_CHARS = 16_384
GOODBYE_S = 2.0
"""How long an application may take over its disconnect."""

_GOODBYES: dict[str, Event] = {
    "websocket": {"type": "websocket.disconnect", "code": 1001},
    "http": {"type": "http.disconnect"},
    "lifespan": {"type": "lifespan.shutdown"},
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take.

    Attributes:
        time_s: seconds from its beginning to its end.
        events: that the application may send.
        size_bytes: of their text and bytes together.
        waiting: events that may wait for the application.
    """

    time_s: float = 600.0
    events: int = 1_000
    size_bytes: int = 5_000_000
    waiting: int = 100


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that happened in a run.

    Attributes:
        what: an event in or out, the application waiting for one, or the end.
        at: seconds since the Unix epoch.
        event: for "in" and "out".
        took_s: since the last event in, for what came out after it.
        words: why it ended.
        traceback: of the error that it ended with.
    """

    what: Happening
    at: float
    event: Event | None = None
    took_s: float | None = None
    words: str = ""
    traceback: str = ""


class Ended(RuntimeError):
    """An event came for an application that has ended, or that takes no more for now."""


class VirtualScope:
    """One run of an application::

        async with VirtualScope(application, scope, on_said=print) as run:
            run.feed({"type": "websocket.connect"})

    Args:
        application: the project's.
        scope: as a server would make it.
        on_said: called with all that happens, in order, on the event loop.
        by: the name of who runs it, for the mark.
        limits: what it may take.
        clock: seconds since the Unix epoch.

    Attributes:
        connection: what the boundary knows it as; None for a lifespan.
    """

    def __init__(
        self,
        application: ASGIApplication,
        scope: Scope,
        *,
        on_said: Callable[[Said], None],
        by: str = "",
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.scope = scope
        self.limits = limits or Limits()
        self.connection: Connection | None = None
        self.fed = self.sent = self._sent_bytes = 0
        self._application = application
        self._on_said = on_said
        self._by = by
        self._clock = clock
        self._fed_at: float | None = None
        self._why = ""
        self._events: asyncio.Queue[Event] = asyncio.Queue(self.limits.waiting)
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<VirtualScope {self.scope['type']} fed={self.fed} sent={self.sent}>"

    async def __aenter__(self) -> VirtualScope:
        self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.end()

    @property
    def is_running(self) -> bool:
        """Whether the application has begun and not ended."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Call the application."""
        self._task = spawn(self._run(), name="virtual scope", on_error=self._failed)
        self._task.add_done_callback(self._done)

    def feed(self, event: Event) -> None:
        """Give the application an event.

        Raises:
            Ended: it takes none.
        """
        if not self.is_running:
            raise Ended("The application has ended: it takes no more events. Run it again.")
        if self._events.full():
            raise Ended(f"{self.limits.waiting} events wait for the application: it takes none.")
        self._events.put_nowait(event)
        self.fed += 1
        self._fed_at = self._clock()
        self._say("in", event=event)

    async def end(self) -> None:
        """End the application: with the goodbye of its protocol, and then without asking."""
        task = self._task
        if task is None or task.done():
            return
        goodbye = _GOODBYES.get(self.scope["type"])
        if goodbye is not None and not self._events.full():
            self.feed(goodbye)
            await asyncio.wait({task}, timeout=GOODBYE_S)
        self._why = self._why or "It was ended."
        await cancel_and_wait(task)

    async def _run(self) -> None:
        made_by.set(self._by or "the console")
        limit_s = self.limits.time_s
        try:
            async with asyncio.timeout(limit_s) as bound:
                await observe(self._enter, self.scope, self._receive, self._send)
        except TimeoutError:
            if not bound.expired():
                raise
            self._why = f"It was ended after {limit_s:g} s."

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.connection = scope.get(CONNECTION_KEY)
        await self._application(scope, receive, send)

    async def _receive(self) -> Event:
        if self._events.empty():
            self._say("waiting")
        return await self._events.get()

    async def _send(self, event: Event) -> None:
        self.sent += 1
        self._sent_bytes += _size(event)
        if self.sent > self.limits.events or self._sent_bytes > self.limits.size_bytes:
            self._why = (
                f"It was ended: it sent more than {self.limits.events} events"
                f" or {self.limits.size_bytes} bytes."
            )
            task = self._task
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)  # the cancellation is raised here
        took_s = None if self._fed_at is None else self._clock() - self._fed_at
        self._say("out", event=event, took_s=took_s)

    def _failed(self, error: BaseException) -> None:
        lines = "".join(traceback.format_exception(error))
        sentence = " ".join("".join(traceback.format_exception_only(error)).split())
        self._say("failed", words=sentence[:500], traceback=lines[-TRACEBACK_CHARS:])

    def _done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._say("ended", words=self._why or "The application returned.")

    def _say(self, what: Happening, **fields: Any) -> None:
        self._on_said(Said(what, self._clock(), **fields))


def _size(event: Event) -> int:
    return sum(len(value) for value in event.values() if isinstance(value, str | bytes))
