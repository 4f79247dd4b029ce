"""The demo's own WebSocket client, before a server of somebody else's making."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from console.demo.caller import AGENT, HungUp, connected, sign_in

SOON_S = 30
UNCLEAN = 1006


@asynccontextmanager
async def site(serve_one: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(serve_one, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def answering(status: HTTPStatus) -> AsyncIterator[str]:
    """Answer each request with `status`."""

    async def never(socket: ServerConnection) -> None:
        raise AssertionError

    def answer(socket: ServerConnection, request: Request) -> Response:
        return socket.respond(status, "")

    async with serve(never, "127.0.0.1", 0, process_request=answer) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_it_says_who_it_is_and_what_it_is_told_to_say() -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()

    async def listen(socket: ServerConnection) -> None:
        assert socket.request is not None
        wanted = ("Origin", "Cookie", "User-Agent")
        heard.put_nowait([socket.request.path, *(socket.request.headers[key] for key in wanted)])
        heard.put_nowait(await socket.recv())
        heard.put_nowait(await socket.recv())
        await socket.wait_closed()
        heard.put_nowait(socket.close_code)

    async with site(listen) as origin:
        async with connected(origin, "/ws/echo/", "sessionid=abc") as caller:
            caller.say("hello")
            caller.say({"type": "typing"})
            first = await asyncio.wait_for(heard.get(), SOON_S)
            said = [await asyncio.wait_for(heard.get(), SOON_S) for _ in range(2)]
        assert first == ["/ws/echo/", origin, "sessionid=abc", AGENT]
        assert said == ["hello", '{"type": "typing"}']
        assert await asyncio.wait_for(heard.get(), SOON_S) == 1000


async def test_a_server_that_hangs_up_is_noticed_with_its_code() -> None:
    async def hang_up(socket: ServerConnection) -> None:
        await socket.close(1012)

    async with site(hang_up) as origin, connected(origin, "/") as caller:
        with pytest.raises(HungUp, match="1012"):
            await caller.stay(SOON_S)
        with pytest.raises(HungUp):
            caller.say("anybody?")


async def test_a_server_that_does_not_close_in_turn_holds_nobody() -> None:
    is_left = asyncio.Event()

    async def hear_nothing(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await is_left.wait()
        socket.transport.abort()

    async with site(hear_nothing) as origin:
        async with asyncio.timeout(SOON_S), connected(origin, "/") as caller:
            pass
        is_left.set()
    assert caller.code == UNCLEAN


@pytest.mark.parametrize("status", [HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR])
async def test_a_site_that_fails_is_asked_again(status: HTTPStatus) -> None:
    async with answering(status) as origin:
        with pytest.raises(OSError, match=str(status.value)):
            await sign_in(origin, "ada")


async def test_where_nobody_comes_in_by_a_name_that_is_known() -> None:
    async with answering(HTTPStatus.NOT_FOUND) as origin:
        assert await sign_in(origin, "ada") is None


async def test_a_refusal_is_an_end_too() -> None:
    async def never(socket: ServerConnection) -> None:
        raise AssertionError

    def refuse(connection: ServerConnection, request: object) -> websockets.Response:
        return connection.respond(403, "No")

    async with serve(never, "127.0.0.1", 0, process_request=refuse) as server:
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(HungUp):
            async with connected(origin, "/"):
                pytest.fail("It was let in.")


async def test_nobody_there_is_an_error_of_the_network() -> None:
    async with site(lambda socket: socket.wait_closed()) as origin:
        pass
    with pytest.raises(OSError, match=r"refused|Connect"):
        async with connected(origin, "/"):
            pytest.fail("Nobody was there.")
