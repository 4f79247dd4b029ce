from __future__ import annotations

import pytest

from console.demo.asgi import application
from runtime.testing import HttpCommunicator, WebsocketCommunicator

TIMEOUT_S = 30
HOST = (b"host", b"testserver")


async def get(path: str) -> tuple[int, bytes]:
    async with HttpCommunicator(application, "GET", path, headers=[HOST]) as request:
        response = await request.get_response(TIMEOUT_S)
    return response["status"], response["body"]


async def test_static_files_need_no_other_server() -> None:
    status, body = await get("/static/demo/demo.css")
    assert (status, b"@layer" in body) == (200, True)


async def test_ordinary_views_are_served_beside_the_consumers() -> None:
    status, body = await get("/ticker/")
    assert (status, b"<h1>Ticker</h1>" in body) == (200, True)


async def test_a_websocket_without_a_route_is_refused() -> None:
    headers = [(b"origin", b"http://testserver")]
    async with WebsocketCommunicator(application, "/ws/nowhere/", headers) as visitor:
        assert (await visitor.connect(TIMEOUT_S))[0] is False


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [(b"http://testserver", True), (b"https://elsewhere.test", False), (b"garbage", False)],
)
async def test_a_websocket_is_opened_by_our_own_pages_alone(origin: bytes, is_let_in: bool) -> None:
    headers = [(b"origin", origin)]
    async with WebsocketCommunicator(application, "/ws/ticker/", headers) as visitor:
        assert (await visitor.connect(TIMEOUT_S))[0] is is_let_in
