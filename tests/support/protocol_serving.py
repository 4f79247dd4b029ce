"""A protocol's server that runs for the body of a `with`, whichever protocol it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from runtime.protocols import ProtocolServer

S = TypeVar("S", bound=ProtocolServer)

SOON_S = 30.0


@asynccontextmanager
async def running_server(server: S, ready: asyncio.Event | None = None) -> AsyncIterator[S]:
    """Serve, and stop at the end; what the server then raises is raised.

    Args:
        ready: what to wait for before the body begins, such as that it is connected.
    """
    task = asyncio.ensure_future(server.serve())
    try:
        if ready is not None:
            async with asyncio.timeout(SOON_S):
                await ready.wait()
        yield server
    finally:
        server.stop()
        async with asyncio.timeout(SOON_S):
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()
