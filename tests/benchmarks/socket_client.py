"""A WebSocket client that costs next to nothing, so that the server is what is measured.

It sends one short text over and over, and counts the bytes of frames whose length it
knows. Not a WebSocket client for anything else.

Source: RFC 6455, section 5.2
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HEADER_SIZE_BYTES = 2
LONGEST_SHORT_TEXT = 125


class SocketClient(asyncio.Protocol):
    """One WebSocket.

    Args:
        path: of the request.
        text: what every frame says, in both directions; ASCII, at most 125 characters.

    Attributes:
        on_text: called for each frame that came.
    """

    def __init__(self, path: str, text: str) -> None:
        payload = text.encode()
        assert len(payload) <= LONGEST_SHORT_TEXT, text
        self.on_text: Callable[[], None] = lambda: None
        self._path = path
        # Masked, as a client's frames have to be, by zeros: the text stands as it is.
        self._frame = bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload
        self._size_bytes = HEADER_SIZE_BYTES + len(payload)
        self._unread_bytes = 0
        self._greeting = b""
        self._is_open = False
        self._opened = asyncio.get_running_loop().create_future()

    async def opened(self) -> SocketClient:
        """Return when the server has accepted."""
        await self._opened
        return self

    def send(self) -> None:
        self._transport.write(self._frame)

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        host, port = transport.get_extra_info("peername")
        lines = (
            f"GET {self._path} HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version: 13",
        )
        transport.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            data = self._read_greeting(data)
        self._unread_bytes += len(data)
        while self._unread_bytes >= self._size_bytes:
            self._unread_bytes -= self._size_bytes
            self.on_text()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._opened.done():
            self._opened.set_exception(exc or ConnectionError("The server closed the connection."))

    def _read_greeting(self, data: bytes) -> bytes:
        self._greeting += data
        head, end, rest = self._greeting.partition(b"\r\n\r\n")
        if not end:
            return b""
        if head.startswith(b"HTTP/1.1 101 "):
            self._is_open = True
            self._opened.set_result(None)
        else:
            self._opened.set_exception(ConnectionError(f"The server refused: {head!r:.200}"))
        return rest
