"""A channel layer that joins a test and the processes that it starts, over a socket.

`hub()` lends the test's own layer to them; `WireChannelLayer` is their end. When the hub
has gone, a receiver fails, as it does when a broker goes.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runtime.layers import BaseChannelLayer
from tests.support.listening import stop_accepting

PORT = "WIRE_LAYER_PORT"
"""The variable of the environment that tells a process where the hub is."""


class WireChannelLayer(BaseChannelLayer):
    """Sends and receives through the hub, with a connection for each call."""

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        await self._ask(channel, message)

    async def receive(self, channel: str) -> dict[str, Any]:
        received: dict[str, Any] = await self._ask(channel, None)
        return received

    async def new_channel(self, prefix: str = "specific") -> str:
        return f"{prefix}.wire!{os.getpid()}"

    async def _ask(self, channel: str, message: dict[str, Any] | None) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ[PORT]))
        try:
            writer.write(json.dumps([channel, message]).encode() + b"\n")
            answer = await reader.readline()
            writer.write(b"taken\n")
        finally:
            writer.close()
        if not answer:
            raise ConnectionError("the hub has gone")
        return json.loads(answer)


@asynccontextmanager
async def hub(layer: Any) -> AsyncIterator[Hub]:
    """Lend `layer` to other processes for the body of the `with`."""
    running = Hub(layer)
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.environment = {PORT: str(server.sockets[0].getsockname()[1])}
    try:
        yield running
    finally:
        await stop_accepting(server)
        await running.hang_up()


class Hub:
    """The test's end: passes on what is sent, and gives what waits to who receives."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.environment: dict[str, str] = {}
        self._calls: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.ensure_future(self._serve(reader, writer))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        await asyncio.wait({call})
        writer.close()

    async def hang_up(self) -> None:
        """End every call: who waits for a message gets none."""
        calls = set(self._calls)
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel, message = json.loads(await reader.readline())
        if message is not None:
            await self.layer.send(channel, message)
            writer.write(b"null\n")
            return
        receiving = asyncio.ensure_future(self.layer.receive(channel))
        taken = asyncio.ensure_future(_is_taken(reader))
        try:
            await asyncio.wait({receiving, taken}, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                writer.write(json.dumps(receiving.result()).encode() + b"\n")
                if not await taken:  # a receiver that was cancelled has not had it
                    await self.layer.send(channel, receiving.result())
        finally:
            receiving.cancel()
            taken.cancel()


async def _is_taken(reader: asyncio.StreamReader) -> bool:
    try:
        return bool(await reader.readline())
    except ConnectionError:  # a socket that is closed with something unread in it is reset
        return False
