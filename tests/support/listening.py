"""Servers of a test's own, on the loop of the test, whose end leaves no socket open.

asyncio has a gap there: who was accepted in the turn in which a server is closed finds no server
any more. Its socket is left to the garbage collector, which says so in whatever test runs by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

TURNS = 3
"""Of the loop, until who was accepted has its transport, and has begun its handshake."""


async def stop_accepting(server: asyncio.Server) -> None:
    """Close `server` when all whom it has accepted have their connections."""
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    server.close()


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[tuple[str, int]]:
    """Serve each connection to a loopback port while the context lasts; yield host and port.

    What is still served at the end is cancelled.
    """
    calls: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.ensure_future(serve(reader, writer))
        calls.add(call)
        await asyncio.wait({call})
        calls.discard(call)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield host, port
    finally:
        await stop_accepting(server)
        for call in calls:
            call.cancel()
        while calls:
            await asyncio.sleep(0)
        await asyncio.sleep(0)  # what was closed is so in the next turn
