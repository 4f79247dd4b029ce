"""The same application under another server: nothing in it may lean on Daphne."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
import websockets
from websockets.typing import Origin

from tests.e2e.servers import SOON_S, UVICORN, DemoServer, running_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    with running_demo(UVICORN, tmp_path_factory.mktemp("uvicorn")) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/", "Channelscope"),
        ("/static/demo/demo.css", "@layer"),
        ("/console/", "Sign in"),
    ],
)
def test_pages_and_files_are_served(demo: DemoServer, path: str, part: str) -> None:
    with urllib.request.urlopen(demo.url + path, timeout=SOON_S) as response:
        assert response.status == 200
        assert part in response.read().decode()


async def test_a_websocket_goes_out_and_back(demo: DemoServer) -> None:
    async with websockets.connect(
        f"{demo.websocket_url}/ws/echo/", origin=Origin(demo.url)
    ) as socket:
        assert await socket.recv() == "[Welcome Anonymous!]"
        await socket.send("hello")
        assert await socket.recv() == "Anonymous: hello"


async def test_the_database_is_there_for_a_synchronous_consumer(demo: DemoServer) -> None:
    async with websockets.connect(
        f"{demo.websocket_url}/ws/log/", origin=Origin(demo.url)
    ) as socket:
        assert await socket.recv() == "1 visit so far"
