"""Daphne in a thread of the test process, for tests that need a real socket or a browser.

Owns the server's thread, which lives as long as the test session since Twisted's reactor
starts only once, and which application it serves at the moment. A test and the
server share the process: its settings, its channel layers in memory, its patches.
Called by the fixture `live_server_ws`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from runtime.typing import ASGIApplication, Receive, Scope, Send

HOST = "127.0.0.1"
START_S = 30
GOODBYE_S = 5.0
"""How long the applications of a test may take to end once their clients are gone."""


@dataclass(frozen=True, slots=True)
class LiveServer:
    """Where the project is served.

    Attributes:
        url: the origin for HTTP, without a slash at the end.
        ws_url: the same for WebSockets.
    """

    url: str
    ws_url: str

    def __str__(self) -> str:
        return self.url


@contextmanager
def serving(application: ASGIApplication) -> Iterator[LiveServer]:
    """Serve `application` on a free port of the loopback interface while the context lasts.

    At its end the connections are cut, and the applications get the time to say goodbye.
    """
    thread = _thread()
    thread.application = application
    try:
        yield LiveServer(f"http://{HOST}:{thread.port}", f"ws://{HOST}:{thread.port}")
    finally:
        thread.application = None
        thread.hang_up()


class DaphneThread:
    """The thread in which Daphne runs.

    Attributes:
        application: what is served at the moment.
        port: where it listens.
    """

    def __init__(self) -> None:
        self.application: ASGIApplication | None = None
        self.port = 0
        self._is_listening = threading.Event()
        self._server: Any = None
        self._loop: Any = None
        self._thread = threading.Thread(target=self._run, name="live server", daemon=True)
        self._thread.start()
        if not self._is_listening.wait(START_S):
            raise RuntimeError(f"Daphne did not listen within {START_S} s.")

    def hang_up(self) -> None:
        """Cut every connection, and return when the applications have ended."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()

    def _run(self) -> None:
        # First of all that speaks of Twisted: importing it is what puts Twisted on asyncio.
        from daphne.server import Server, twisted_loop

        self._loop = twisted_loop
        self._server = Server(
            application=self._serve,
            endpoints=[f"tcp:port=0:interface={HOST}"],
            signal_handlers=False,  # they belong to the main thread, which is pytest's
            ready_callable=self._listening,
        )
        self._server.run()

    def _listening(self) -> None:
        self.port = self._server.listening_addresses[0][1]
        self._loop.call_soon(self._is_listening.set)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.application is None:
            raise RuntimeError("No test is using the live server at the moment.")
        await self.application(scope, receive, send)

    async def _hang_up(self) -> None:
        connections = list(self._server.connections.items())
        for protocol, details in connections:
            if "disconnected" not in details and protocol.transport is not None:
                protocol.transport.abortConnection()
        running = {
            details["application_instance"]
            for _, details in connections
            if "application_instance" in details
        }
        # The first cancellation is answered by a `disconnect()`, which may hang as well.
        for _ in range(3):
            if not running:
                return
            _, running = await asyncio.wait(running, timeout=GOODBYE_S)
            for application in running:
                application.cancel()


@cache
def _thread() -> DaphneThread:
    return DaphneThread()
