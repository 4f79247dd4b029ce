"""One application on two queues: the driver that all flavours share."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.benchmarks.work import Application


class Client:
    """A WebSocket client without a server between it and the application.

    Args:
        application: called at once, in a task of its own.
        scope: what the scope says beyond the usual.
    """

    __slots__ = ("inbox", "outbox", "task")

    def __init__(self, application: Application, **scope: Any) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        details = {
            "type": "websocket",
            "path": "/",
            "headers": [],
            "subprotocols": [],
            "query_string": b"",
            **scope,
        }
        self.task = asyncio.ensure_future(application(details, self.inbox.get, self.outbox.put))

    async def connect(self) -> Client:
        await self.inbox.put({"type": "websocket.connect"})
        accepted = await self.outbox.get()
        assert accepted["type"] == "websocket.accept", accepted
        return self

    async def disconnect(self) -> None:
        await self.inbox.put({"type": "websocket.disconnect", "code": 1000})
        await self.task


async def cancel_all(clients: list[Client]) -> None:
    """End every client's application, as a server that goes down does."""
    for client in clients:
        client.task.cancel()
    await asyncio.gather(*(client.task for client in clients), return_exceptions=True)
