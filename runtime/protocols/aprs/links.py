"""The two ways to other stations: a server of APRS-IS, and a TNC that speaks KISS over TCP.

Owns one connection each, from its opening to its end. Both give out packets and take them.
What is no packet is reported, and the next one is read.

Source: http://www.aprs-is.net/Connecting.aspx
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from runtime.protocols.aprs import ax25, kiss
from runtime.protocols.aprs.packet import LONGEST_LINE, MalformedPacket, Packet, parse_line
from runtime.protocols.aprs.settings import AprsSettings

CONNECT_S = 30.0
SILENT_S = 120.0
"""A server of APRS-IS says something each 20 seconds: after this time it is gone."""

CHUNK = 4_096

OnMalformed = Callable[[bytes, str], None]


class Link(Protocol):
    """A way to other stations."""

    def connect(self) -> contextlib.AbstractAsyncContextManager[AsyncIterator[Packet]]:
        """Connect while the context lasts; gives the packets that come. Raises OSError."""

    async def send(self, packet: Packet) -> None:
        """Send a packet. Raises OSError if there is no connection, MalformedPacket if it is odd."""


class NotConnected(ConnectionError):
    """There is no connection at the moment."""


class _TcpLink:
    """What both have in common: a connection that is there or not."""

    def __init__(self, settings: AprsSettings, on_malformed: OnMalformed) -> None:
        self._settings = settings
        self._on_malformed = on_malformed
        self._writer: asyncio.StreamWriter | None = None

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[asyncio.StreamReader]:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(
                self._settings.HOST, self._settings.PORT, limit=LONGEST_LINE
            )
        self._writer = writer
        try:
            yield reader
        finally:
            self._writer = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _write(self, data: bytes) -> None:
        if self._writer is None:
            raise NotConnected("there is no connection")
        self._writer.write(data)
        await self._writer.drain()


class IsLink(_TcpLink):
    """A server of APRS-IS."""

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncIterator[Packet]]:
        """Connect and log in while the context lasts."""
        async with self._opened() as reader:
            await self._write(self._login())
            yield self._packets(reader)

    async def send(self, packet: Packet) -> None:
        """Send a packet."""
        await self._write(packet.to_line() + b"\r\n")

    def _login(self) -> bytes:
        settings = self._settings
        passcode = -1 if settings.PASSCODE is None else settings.PASSCODE
        words = [
            "user",
            settings.CALLSIGN,
            "pass",
            str(passcode),
            "vers",
            "channelscope",
            _version(),
        ]
        if settings.FILTER:
            words += ["filter", settings.FILTER]
        return " ".join(words).encode() + b"\r\n"

    async def _packets(self, reader: asyncio.StreamReader) -> AsyncIterator[Packet]:
        while line := await self._line(reader):
            if line.startswith(b"#") or not line.strip():
                continue  # the server speaks of itself
            try:
                yield parse_line(line)
            except MalformedPacket as error:
                self._on_malformed(line, error.expected)

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        """Return the next line, b"" at the end."""
        while True:
            try:
                async with asyncio.timeout(SILENT_S):
                    return await reader.readline()
            except ValueError as error:  # no end of the line within the limit
                self._on_malformed(str(error).encode(), f"lines of at most {LONGEST_LINE} bytes")


class KissLink(_TcpLink):
    """A TNC that speaks KISS over TCP, such as Dire Wolf."""

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncIterator[Packet]]:
        """Connect while the context lasts."""
        async with self._opened() as reader:
            yield self._packets(reader)

    async def send(self, packet: Packet) -> None:
        """Send a packet."""
        await self._write(kiss.encode(ax25.encode(packet)))

    async def _packets(self, reader: asyncio.StreamReader) -> AsyncIterator[Packet]:
        decoder = kiss.Decoder()
        while data := await reader.read(CHUNK):
            for frame in decoder.feed(data):
                if isinstance(frame, kiss.MalformedFrame):
                    self._on_malformed(frame.data, frame.expected)
                    continue
                try:
                    yield ax25.decode(frame)
                except MalformedPacket as error:
                    self._on_malformed(frame, error.expected)


def make_link(settings: AprsSettings, on_malformed: OnMalformed) -> Link:
    """Return the link that the settings name."""
    kind = KissLink if settings.LINK == "kiss" else IsLink
    return kind(settings, on_malformed)


def _version() -> str:
    try:
        return version("channelscope")
    except PackageNotFoundError:  # run from a checkout
        return "0"
