"""WebSocket members of a group on a layer over a server, in this process or in another one.

As a program it is the other process: `python -m tests.benchmarks.crowd FLAVOUR KIND URL GROUP SIZE`
writes a line when its members have joined, and one each time that all of them have heard a message.
It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.client import Client, cancel_all
from tests.benchmarks.work import Flavour, Work

ROOT = Path(__file__).resolve().parents[2]


class Crowd:
    """Clients of the flavour's consumers, in this process."""

    def __init__(self, flavour: Flavour, group: str, size: int) -> None:
        self.clients = [Client(flavour.root(flavour.member(group))) for _ in range(size)]

    async def join(self) -> None:
        """Let every client connect, one after the other."""
        for client in self.clients:
            await client.connect()

    async def leave(self) -> None:
        """Let the clients go."""
        await cancel_all(self.clients)

    async def hear(self) -> None:
        """Return when every client has been sent one more text."""
        for client in self.clients:
            await client.outbox.get()


class OtherProcess:
    """A crowd in a process of its own; one of nobody is none, and has heard everything."""

    def __init__(self, work: Work, kind: str, group: str, size: int) -> None:
        self._arguments = (work.flavour.name, kind, work.server_url, group, str(size))
        self._size = size
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> OtherProcess:
        if self._size:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.benchmarks.crowd", *self._arguments),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            await self._line()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()

    async def hear(self) -> None:
        """Return when every client there has been sent one more text."""
        if self._process is not None:
            await self._line()

    async def _line(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        if not await self._process.stdout.readline():
            raise RuntimeError("The other process has ended; what it wrote is above.")


@asynccontextmanager
async def open_layer(work: Work, kind: str) -> AsyncIterator[Any]:
    """Yield a new layer on an emptied server, and let go of it."""
    layer = work.flavour.layer(kind, work.server_url)
    await layer.flush()
    try:
        yield layer
    finally:
        await close(layer)


async def close(layer: Any) -> None:
    """Let go of a layer's connections, by whichever name it has for that."""
    for name in ("close", "close_pools"):
        if hasattr(layer, name):
            await getattr(layer, name)()
            return


async def attend(flavour: Flavour, kind: str, url: str, group: str, size: int) -> None:
    """Be the other process, until the standard input ends."""
    layer = flavour.layer(kind, url)
    crowd = Crowd(flavour, group, size)
    await crowd.join()
    print("joined", flush=True)
    telling = asyncio.ensure_future(_tell(crowd))
    await asyncio.to_thread(sys.stdin.read)
    telling.cancel()
    await crowd.leave()
    await close(layer)


async def _tell(crowd: Crowd) -> None:
    while True:
        await crowd.hear()
        print("heard", flush=True)


if __name__ == "__main__":
    from tests.benchmarks.flavours import flavour_of

    name, kind, url, group, size = sys.argv[1:]
    asyncio.run(attend(flavour_of(name), kind, url, group, int(size)))
