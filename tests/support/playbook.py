"""A playbook: feed events to an ASGI application, and expect what it replies.

The driver of the runtime's own tests. Unlike a communicator it has no opinion:
whatever the application sends is an item to expect, and its end is one too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

TIMEOUT_S = 30
"""How long to wait for what has to come: on a busy machine it is slow, and no fault."""


class Playbook:
    """One running application: `put` events in, `expect` replies, `end` it."""

    def __init__(self, application: Any, scope: dict[str, Any]) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.task = asyncio.ensure_future(application(scope, self.inbox.get, self.outbox.put))

    async def put(self, kind: str, /, **fields: Any) -> None:
        await self.inbox.put({"type": kind, **fields})

    async def expect(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        """Return the next reply, which is of that type and has at least those fields."""
        async with asyncio.timeout(TIMEOUT_S):
            getter = asyncio.ensure_future(self.outbox.get())
            await asyncio.wait({getter, self.task}, return_when=asyncio.FIRST_COMPLETED)
            if not getter.done():
                getter.cancel()
                self.task.result()
                raise AssertionError(f"the application ended; expected {kind}")
        reply = getter.result()
        assert reply["type"] == kind, reply
        assert {key: reply.get(key) for key in fields} == fields
        return reply

    async def end(self) -> None:
        """Return when the application has; raises what it raised."""
        async with asyncio.timeout(TIMEOUT_S):
            await self.task

    @property
    def is_silent(self) -> bool:
        return self.outbox.empty()


@asynccontextmanager
async def play(application: Any, scope: dict[str, Any]) -> AsyncIterator[Playbook]:
    """Run `application` for the body of the `with`; it is cancelled if it still runs then."""
    playbook = Playbook(application, scope)
    try:
        yield playbook
    finally:
        playbook.task.cancel()
        await asyncio.wait({playbook.task})


@asynccontextmanager
async def websocket(application: Any, path: str = "/", **scope: Any) -> AsyncIterator[Playbook]:
    """Run `application` for a WebSocket that it has been asked to accept."""
    details = {"type": "websocket", "path": path, "headers": [], "subprotocols": [], **scope}
    async with play(application, details) as playbook:
        await playbook.put("websocket.connect")
        yield playbook


async def eventually(is_true: Callable[[], bool]) -> None:
    """Let the loop run until `is_true()`."""
    async with asyncio.timeout(TIMEOUT_S):
        while not is_true():
            await asyncio.sleep(0)
