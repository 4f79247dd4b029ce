"""A visitor of the demo's WebSockets: a communicator that waits for what the test is about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from console.demo.routing import websockets
from runtime.testing import WebsocketCommunicator
from runtime.typing import ASGIApplication

TIMEOUT_S = 30


class Visitor(WebsocketCommunicator):
    """Receives with patience: these tests may share a slow machine."""

    async def hear(self) -> Any:
        """Return the next frame, decoded."""
        return await self.receive_json_from(timeout=TIMEOUT_S)

    async def hear_text(self) -> str | bytes:
        """Return the next frame as it is."""
        return await self.receive_from(timeout=TIMEOUT_S)

    async def hear_until(self, kind: str) -> Any:
        """Return the next frame of the type `kind`; what comes before it is passed over."""
        while (heard := await self.hear())["type"] != kind:
            pass
        return heard


@asynccontextmanager
async def visit(
    path: str, name: str | None = None, application: ASGIApplication = websockets
) -> AsyncIterator[Visitor]:
    """Open the WebSocket at `path`, as a user of that name or as nobody in particular."""
    async with Visitor(application, path) as visitor:
        visitor.scope["user"] = User(username=name) if name else AnonymousUser()
        assert await visitor.connect(timeout=TIMEOUT_S) == (True, None)
        yield visitor
