"""The demo as a whole: which processes it has, one behind the other, until somebody ends it.

Owns the order: the database, the server between processes, servers and worker, the welcome,
visitors; and the end in the reverse order. The lives of the processes are the business of `fleet`.
Called by the command `channelscope demo`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from console.demo import process, valkey
from console.demo.fleet import Fleet, ProcessEnded

WELCOME = """
  Channelscope is running on {address}

  Console  {link}
           signs you in as {user}, once
  Demo     {address}
  Data     {data}
  Runs     {runs}

  Stop it with Ctrl-C.
"""

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Demo:
    """What is asked for.

    Attributes:
        listener: the socket that all servers accept from.
        origin: how a browser on this machine calls it: `http://127.0.0.1:8000`.
        data: the folder for the database and the secret key.
        processes: how many servers.
        redis: the URL of a Redis between them, EMBEDDED for one of the demo's own, or None for
            the memory of a single server.
        has_visitors: whether some visit by themselves.
    """

    listener: socket.socket
    origin: str
    data: Path
    processes: int
    redis: str | None
    has_visitors: bool

    @property
    def runs(self) -> str:
        """What runs, in a few words."""
        servers = "1 server" if self.processes == 1 else f"{self.processes} servers"
        between = {None: "", EMBEDDED: ", a worker, Valkey"}.get(
            self.redis, ", a worker, your Redis"
        )
        return f"{servers}{between}{', visitors' if self.has_visitors else ''}"


def run(demo: Demo) -> int:
    """Run the demo until SIGINT or SIGTERM; return the exit status.

    Raises:
        NoServer: several processes have nothing between them.
        NoAnswer: what was named does not answer.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "console.demo.settings"
    os.environ["CHANNELSCOPE_DATA"] = str(demo.data)
    with tempfile.TemporaryDirectory(prefix="channelscope-") as folder:
        return asyncio.run(_run(demo, Path(folder)))


async def _run(demo: Demo, folder: Path) -> int:
    told_to_end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    async with Fleet() as fleet:
        try:
            await _start(demo, fleet, folder)
            await _wait(fleet, told_to_end)
        except ProcessEnded as ended:
            # Before the others are ended, who may have something to say about it too.
            print(f"channelscope: {ended}", file=sys.stderr, flush=True)
            return 1
    return 0


async def _start(demo: Demo, fleet: Fleet, folder: Path) -> None:
    variables: dict[str, str] = {}
    if demo.redis == EMBEDDED:
        server, variables["CHANNELSCOPE_DEMO_REDIS"] = valkey.plan(folder)
        await fleet.start([server])
    elif demo.redis is not None:
        variables["CHANNELSCOPE_DEMO_REDIS"] = demo.redis
        await asyncio.to_thread(valkey.ask, demo.redis)
    welcome = await asyncio.to_thread(_prepare, demo)
    fd = demo.listener.fileno()
    servers = [process.web(number, fd, variables) for number in range(1, demo.processes + 1)]
    workers = [process.worker(1, variables)] if variables else []
    await fleet.start([*servers, *workers])
    # They have it now: if all of them are gone, clients are refused and do not wait for us.
    demo.listener.close()
    print(welcome, flush=True)
    if demo.has_visitors:
        await fleet.start([process.visitors(demo.origin)])


async def _wait(fleet: Fleet, told_to_end: asyncio.Event) -> None:
    """Wait for a signal, or for a process that ends by itself.

    Raises:
        ProcessEnded: one did.
    """
    end, signalled = (
        asyncio.ensure_future(fleet.first_end()),
        asyncio.ensure_future(told_to_end.wait()),
    )
    await asyncio.wait([end, signalled], return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if not told_to_end.is_set():
        raise end.result()
    end.cancel()
    await asyncio.wait([end])


def _prepare(demo: Demo) -> str:
    """Bring the database up to date; return the welcome, with the way in."""
    import django

    django.setup()
    # These need a Django that is set up.
    from django.core.management import call_command
    from django.db import connections

    from console.demo.accounts import ensure_staff, sign_in_path

    call_command("migrate", interactive=False, verbosity=0)
    user = ensure_staff()
    said = WELCOME.format(
        address=f"{demo.origin}/",
        link=demo.origin + sign_in_path(user),
        user=user.get_username(),
        data=demo.data,
        runs=demo.runs,
    )
    connections.close_all()
    return said
