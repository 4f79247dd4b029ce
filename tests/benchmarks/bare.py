"""The work done by ASGI applications without a framework: the floor under any consumer.

They do what the workload asks for and nothing else: no handlers by name, no groups that
survive an error, no bounds. What they cost is the driver's, the loop's or the server's.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from tests.benchmarks.work import Application

if TYPE_CHECKING:
    from tests.benchmarks.bare_layer import BareLayer

ACCEPT = {"type": "websocket.accept"}


class Bare:
    """The flavour without a framework."""

    name = "bare"

    def __init__(self) -> None:
        self._layer: BareLayer | None = None
        self._rooms: dict[str, set[asyncio.Queue[str | None]]] = defaultdict(set)

    def root(self, application: Application) -> Application:
        return application

    def echo(self, kind: str) -> Application:
        return {"async": _echo, "json": _json_echo, "sync": _in_thread(lambda text: text)}[kind]

    def blocked(self, seconds: float) -> Application:
        def work(text: str) -> str:
            time.sleep(seconds)
            return text

        return _in_thread(work)

    def authenticated(self, application: Application) -> Application:
        return application  # no cookies, no session, nobody to look up

    def member(self, group: str) -> Application:
        if self._layer is not None:
            return _listener(self._layer, group)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            heard: asyncio.Queue[str | None] = asyncio.Queue()
            self._rooms[group].add(heard)
            reader = asyncio.ensure_future(self._read(group, receive, send, heard))
            try:
                while (text := await heard.get()) is not None:
                    await send({"type": "websocket.send", "text": text})
            finally:
                self._rooms[group].discard(heard)
                reader.cancel()

        return application

    async def group_send(self, group: str, text: str) -> None:
        if self._layer is not None:
            await self._layer.group_send(group, {"type": "room.message", "text": text})
        for heard in self._rooms[group]:
            heard.put_nowait(text)

    def layer(self, kind: str, url: str) -> Any:
        # Not at the top: the environment of Channels has what Channels needs, and no more.
        from tests.benchmarks.bare_layer import BareLayer

        self._layer = BareLayer(url)
        return self._layer

    def router(self, routes: list[Any]) -> Application:
        # One look-up by the first segment, then Django's own pattern for the arguments.
        by_segment = {_first_segment(route): route for route in routes}

        async def application(scope: Any, receive: Any, send: Any) -> None:
            path = scope["path"][1:]
            route = by_segment[path.split("/", 1)[0]]
            remaining, args, kwargs = route.pattern.match(path)
            inner = {**scope, "path_remaining": remaining, "url_route": (args, kwargs)}
            await route.callback(inner, receive, send)

        return application

    async def _read(
        self, group: str, receive: Any, send: Any, heard: asyncio.Queue[str | None]
    ) -> None:
        await receive()
        await send(ACCEPT)
        while (event := await receive())["type"] == "websocket.receive":
            await self.group_send(group, event["text"])
        heard.put_nowait(None)


def _listener(layer: BareLayer, group: str) -> Application:
    """Return a member of a group across processes, deaf to its client."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        await receive()
        await send(ACCEPT)
        while True:
            message = await layer.receive(channel)
            await send({"type": "websocket.send", "text": message["text"]})

    return application


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(ACCEPT)
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event["text"]})


async def _json_echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(ACCEPT)
    while (event := await receive())["type"] == "websocket.receive":
        text = json.dumps(json.loads(event["text"]))
        await send({"type": "websocket.send", "text": text})


def _in_thread(work: Callable[[str], str]) -> Application:
    """Return an application with a thread for each connection: one hop there, one back."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        todo: SimpleQueue[str | None] = SimpleQueue()
        done: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def run() -> None:
            while (text := todo.get()) is not None:
                loop.call_soon_threadsafe(done.put_nowait, work(text))

        async def answer() -> None:
            while True:
                await send({"type": "websocket.send", "text": await done.get()})

        pool = ThreadPoolExecutor(1)
        thread = loop.run_in_executor(pool, run)
        answering = asyncio.ensure_future(answer())
        await receive()
        await send(ACCEPT)
        while (event := await receive())["type"] == "websocket.receive":
            todo.put(event["text"])
        answering.cancel()
        todo.put(None)
        await thread
        pool.shutdown()

    return application


def _first_segment(route: Any) -> str:
    return str(route.pattern).lstrip("^").split("/", 1)[0]
