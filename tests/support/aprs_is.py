"""A server of APRS-IS on loopback, written from the public documentation.

Greets, checks the login as a real one does, keeps what clients send, and sends what a test
says. A station of a test's own speaks through it.

Source: http://www.aprs-is.net/Connecting.aspx
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.listening import stop_accepting

SOON_S = 30

LOGIN = re.compile(r"user (\S+) pass (-?\d+) vers (\S+) (\S+)(?: filter (.+))?\r\n")


class AprsIs:
    """One server, and the station W1AW-7 behind it.

    Attributes:
        logins: (call sign, passcode, filter) of each login.
        lines: what clients have sent after it, without the lines' ends.
    """

    station = "W1AW-7"
    host = "127.0.0.1"

    def __init__(self) -> None:
        self.port = 0
        self.logins: list[tuple[str, int, str]] = []
        self.lines: list[str] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"# aprsc 2.1.19-g730c5c0\r\n")
        login = LOGIN.fullmatch((await reader.readline()).decode())
        if login is not None:
            call, passcode = login[1], int(login[2])
            verified = "verified" if passcode >= 0 else "unverified"
            writer.write(f"# logresp {call} {verified}, server TEST\r\n".encode())
            self._writers.add(writer)
            await self._note(lambda: self.logins.append((call, passcode, login[5] or "")))
            while line := await reader.readline():
                text = line.decode().removesuffix("\r\n")
                await self._note(lambda text=text: self.lines.append(text))
        self._writers.discard(writer)
        writer.close()

    async def send(self, *lines: str | bytes) -> None:
        """Send lines to every client."""
        async with asyncio.timeout(SOON_S), self._changed:
            await self._changed.wait_for(lambda: self._writers)
        for line in lines:
            data = line if isinstance(line, bytes) else line.encode()
            for writer in self._writers:
                writer.write(data + b"\r\n")

    async def write(self, text: str, to: str = "N0CALL-10", source: str = station) -> None:
        """Let a station write a message."""
        await self.send(f"{source}>APRS,TCPIP*,qAC,TEST::{to:<9}:{text}")

    def hang_up(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def wait_lines(self, number: int) -> list[str]:
        """Return what was sent, once there are so many lines."""
        async with asyncio.timeout(SOON_S), self._changed:
            await self._changed.wait_for(lambda: len(self.lines) >= number)
        return self.lines

    async def wait_logins(self, number: int) -> None:
        """Return when somebody has logged in so often."""
        async with asyncio.timeout(SOON_S), self._changed:
            await self._changed.wait_for(lambda: len(self.logins) >= number)

    async def _note(self, change) -> None:  # type: ignore[no-untyped-def]
        async with self._changed:
            change()
            self._changed.notify_all()


@asynccontextmanager
async def running_aprs_is() -> AsyncIterator[AprsIs]:
    """Run a server while the context lasts."""
    aprs_is = AprsIs()
    server = await asyncio.start_server(aprs_is.serve, aprs_is.host, 0)
    aprs_is.port = server.sockets[0].getsockname()[1]
    try:
        yield aprs_is
    finally:
        await stop_accepting(server)
        aprs_is.hang_up()
        await asyncio.sleep(0)
