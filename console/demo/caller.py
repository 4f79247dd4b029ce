"""A WebSocket client of the demo's own, and the way in for somebody with a name.

Owns one connection at a time. It goes by the network as a browser does, so that what the console
shows of it is real. Called by the visitors.

Source: RFC 6455, by way of Autobahn, which Daphne brings along.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, build_opener

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

AGENT = "Channelscope demo visitor"
PATIENCE_S = 30.0


class HungUp(Exception):
    """The server ended the connection.

    Args:
        code: with which it was closed, if it was.
    """

    def __init__(self, code: int | None) -> None:
        self.code = code
        super().__init__(f"The server ended the connection with code {code}.")


class Socket(WebSocketClientProtocol):
    """One connection, as a coroutine sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()
        self.code: int | None = None

    def say(self, text: str | Mapping[str, Any]) -> None:
        """Send a text frame; a mapping goes as JSON.

        Raises:
            HungUp: nobody is there to hear it.
        """
        if self.closed.is_set():
            raise HungUp(self.code)
        shown = text if isinstance(text, str) else json.dumps(text)
        send: Any = self.sendMessage  # Autobahn's own types are not complete
        send(shown.encode(), isBinary=False)

    async def stay(self, seconds: float) -> None:
        """Stay connected for a while, and listen.

        Raises:
            HungUp: the server did not want that.
        """
        try:
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        except TimeoutError:
            return
        raise HungUp(self.code)

    # What Autobahn calls

    def onOpen(self) -> None:
        """The server has accepted."""
        if not self.opened.done():
            self.opened.set_result(None)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection has ended, or there was none."""
        self.code = code
        self.closed.set()
        if not self.opened.done():
            self.opened.set_exception(HungUp(code))


@asynccontextmanager
async def connected(origin: str, path: str, cookie: str = "") -> AsyncIterator[Socket]:
    """Open a WebSocket to `path` of the site at `origin`, and close it at the end.

    Raises:
        HungUp: it was refused.
        OSError: nobody is there.
    """
    address = urlsplit(origin)
    headers = {"Cookie": cookie} if cookie else {}
    make: Any = WebSocketClientFactory
    factory = make(f"ws://{address.netloc}{path}", origin=origin, headers=headers, useragent=AGENT)
    factory.protocol = Socket
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_S):
        host, port = address.hostname or "", address.port or 80
        _, socket = await loop.create_connection(factory, host, port)
        await socket.opened
    try:
        yield socket
    finally:
        socket.sendClose(1000)
        await socket.closed.wait()  # Autobahn hangs up by itself on who does not close in turn


async def sign_in(origin: str, name: str) -> str | None:
    """Return the header `Cookie` of a visitor who goes by `name`; None if that is not allowed.

    Raises:
        OSError: nobody is there, or the site failed.
    """
    return await asyncio.to_thread(_sign_in, origin, name)


def _sign_in(origin: str, name: str) -> str | None:
    jar = CookieJar()
    opener = build_opener(HTTPCookieProcessor(jar))
    opener.addheaders = [("User-Agent", AGENT)]
    try:
        with opener.open(f"{origin}/sign-in/", timeout=PATIENCE_S) as page:
            token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.read())
        form = {"name": name, "csrfmiddlewaretoken": token[1].decode() if token else ""}
        opener.open(f"{origin}/sign-in/", urlencode(form).encode(), timeout=PATIENCE_S).close()
    except HTTPError as error:
        with error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return None  # without DEBUG nobody comes in by a mere name
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
