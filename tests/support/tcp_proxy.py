"""A wire between a client and a server that can be cut, stalled and silenced, and counts its bytes.

Runs in a thread of its own, so that a test may block or stop its own loop meanwhile. Its methods
return when what they say has happened, and may be called from any thread.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.listening import stop_accepting

CHUNK = 65_536
HANG_UP = struct.pack("ii", 1, 0)
"""For SO_LINGER: close at once, by a reset."""


class Wire:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.ends = (client, server)
        self.is_silenced = False

    def cut(self) -> None:
        for end in self.ends:
            reset(end)


class TcpProxy:
    """Listens on a loopback port and passes everything on to a server, until it is told not to.

    Args:
        target: the host and the port to connect to.
        tls: speaks TLS with the clients; the server is spoken to in the clear.

    Attributes:
        sent_bytes: from clients to the server.
        received_bytes: from the server to clients.
        connections: that have ever been opened through it.
    """

    host = "127.0.0.1"

    def __init__(self, target: tuple[str, int], *, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.sent_bytes = 0
        self.received_bytes = 0
        self.connections = 0
        self._target = target
        self._tls = tls
        self._wires: dict[asyncio.Task[None], Wire] = {}
        self._loop = asyncio.new_event_loop()
        self._loop.set_debug(False)
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy")
        self._flows = asyncio.Event()
        self._is_refusing = False
        self._server: asyncio.Server | None = None

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        return len(self._wires)

    def start(self) -> None:
        """Return when it listens; `port` is the one from then on."""
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        """Cut everything and end the thread."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Reset the connections that are open; new ones are welcome."""
        self._run(self._cut())

    def refuse(self) -> None:
        """Cut everything, and cut each new connection at once, until `heal()`."""
        self._is_refusing = True
        self.cut()

    def stall(self) -> None:
        """Hold back every byte, on old connections and new ones, until `heal()`."""
        self._run(self._set(is_flowing=False))

    def silence(self) -> None:
        """Lose every byte of the connections that are open, for ever, and hold back new ones.

        This is a peer that has vanished: no reset, no end, no answer. `heal()` brings back new
        connections only.
        """
        self.stall()
        for wire in list(self._wires.values()):
            wire.is_silenced = True

    def heal(self) -> None:
        """Let everything flow again."""
        self._is_refusing = False
        self._run(self._set(is_flowing=True))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._flows.set()
        self._server = await asyncio.start_server(self._serve, self.host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        await stop_accepting(self._server)
        await self._cut()
        # Who is still in a handshake, or waits for the server, is no wire yet.
        coming = asyncio.all_tasks() - {asyncio.current_task()}
        for task in coming:
            task.cancel()
        await asyncio.gather(*coming, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted is closed in the next turn

    async def _cut(self) -> None:
        self._flows.set()
        serving = list(self._wires)
        for wire in self._wires.values():
            wire.cut()
        await asyncio.gather(*serving)

    async def _set(self, *, is_flowing: bool) -> None:
        if is_flowing:
            self._flows.set()
        else:
            self._flows.clear()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._is_refusing:
            reset(client)
            return
        try:
            answers, server = await asyncio.open_connection(*self._target)
        except OSError:  # the server is down, and this is how a client sees it
            reset(client)
            return
        except asyncio.CancelledError:
            reset(client)
            raise
        wire = Wire(client, server)
        task = asyncio.current_task()
        assert task is not None
        self._wires[task] = wire
        try:
            await asyncio.gather(
                self._pass_on(wire, reader, server, self._count_sent),
                self._pass_on(wire, answers, client, self._count_received),
            )
        finally:
            del self._wires[task]
            wire.cut()

    async def _pass_on(
        self,
        wire: Wire,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        count: Any,
    ) -> None:
        with suppress(ConnectionError):  # reset by either end
            while data := await reader.read(CHUNK):
                await self._flows.wait()
                if wire.is_silenced:
                    continue
                count(len(data))  # first: who gets the answer may ask for the count at once
                writer.write(data)
                await writer.drain()
        if not wire.is_silenced:
            writer.close()  # after what it still has to say

    def _count_sent(self, size: int) -> None:
        self.sent_bytes += size

    def _count_received(self, size: int) -> None:
        self.received_bytes += size


def reset(end: asyncio.StreamWriter) -> None:
    """Hang up without a goodbye: the peer sees a reset, and nothing that was on its way."""
    if not end.transport.is_closing():
        underlying = end.get_extra_info("socket")
        underlying.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HANG_UP)
    with suppress(AttributeError):  # older Pythons: TLS that has ended has no protocol left
        end.transport.abort()


@contextmanager
def proxied(target: tuple[str, int], *, tls: ssl.SSLContext | None = None) -> Iterator[TcpProxy]:
    """Run a proxy to `target` while the context lasts."""
    proxy = TcpProxy(target, tls=tls)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
