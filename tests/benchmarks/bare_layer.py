"""A channel layer without anything that a layer is for: the floor under any layer on a server.

One connection to send and one to receive, both plain protocols on `hiredis`, and a queue for each
channel. Nothing is supervised, bounded, expired or isolated; a second node of the same name, a lost
connection or a refusal of the server would break it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict, deque
from typing import Any
from urllib.parse import urlsplit

import hiredis
import ormsgpack


class Wire(asyncio.Protocol):
    """Commands out, answers in: in order to who asked, or all to one listener."""

    def __init__(self) -> None:
        self.on_push: Any = None
        self._reader = hiredis.Reader()
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._transport: Any = None
        self._to_write: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (answer := self._reader.gets()) is not False:
            if isinstance(answer, list) and answer[0] == b"message":
                self.on_push(answer[2])
            elif not (asked := self._asked.popleft()).done():
                asked.set_result(answer)

    def ask(self, *command: str | bytes) -> asyncio.Future[Any]:
        asked = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        if not self._to_write:  # what one turn of the loop asks is written at once
            asyncio.get_running_loop().call_soon(self._flush)
        self._to_write.append(hiredis.pack_command(command))
        return asked

    def _flush(self) -> None:
        self._transport.write(b"".join(self._to_write))
        self._to_write.clear()

    def close(self) -> None:
        self._transport.abort()


class BareLayer:
    """The calls of a channel layer that the workloads need.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._node = secrets.token_hex(6)
        self._out: Wire | None = None
        self._in: Wire | None = None
        self._queues: dict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)
        self._members: dict[str, list[str]] = {}

    async def new_channel(self, prefix: str = "specific") -> str:
        return f"{prefix}.{self._node}!{secrets.token_hex(6)}"

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        out, _ = await self._wires()
        node = channel[channel.index(".") + 1 : channel.index("!")]
        await out.ask("PUBLISH", node, ormsgpack.packb([channel, message]))

    async def receive(self, channel: str) -> Any:
        return await self._queues[channel].get()

    async def group_add(self, group: str, channel: str) -> None:
        _, incoming = await self._wires()
        if group not in self._members:
            self._members[group] = []
            await incoming.ask("SUBSCRIBE", group)
        self._members[group].append(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        out, _ = await self._wires()
        await out.ask("PUBLISH", group, ormsgpack.packb([group, message]))

    async def flush(self) -> None:
        out, _ = await self._wires()
        await out.ask("FLUSHALL")

    async def close(self) -> None:
        for wire in (self._out, self._in):
            if wire is not None:
                wire.close()
        await asyncio.sleep(0)

    async def _wires(self) -> tuple[Wire, Wire]:
        if self._out is None or self._in is None:
            self._out, self._in = await self._connect(), await self._connect()
            self._in.on_push = self._deliver
            await self._in.ask("SUBSCRIBE", self._node)
        return self._out, self._in

    async def _connect(self) -> Wire:
        loop = asyncio.get_running_loop()
        assert self._address.hostname is not None
        _, wire = await loop.create_connection(Wire, self._address.hostname, self._address.port)
        return wire

    def _deliver(self, payload: bytes) -> None:
        to, message = ormsgpack.unpackb(payload)
        for channel in self._members.get(to, (to,)):
            self._queues[channel].put_nowait(message)
