"""Two Daphnes on one Redis: what happens in one is recorded, replayed and stopped in the other."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import websockets
from playwright.async_api import Browser, Page, expect
from websockets.typing import Origin

from tests.e2e.servers import DAPHNE, DemoServer, running_demo
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[tuple[DemoServer, DemoServer]]:
    """Yield two servers of one project."""
    data = tmp_path_factory.mktemp("two")
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.support.demo_on_redis",
        "DEMO_LAYER": "runtime.layers.redis.RedisChannelLayer",
        "DEMO_REDIS_URL": redis_server.url,
    }
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_demo(DAPHNE, data, name=name, **variables))
            for name in ("one", "two")
        ]
        yield servers[0], servers[1]


@pytest_asyncio.fixture(loop_scope="session")
async def console(chromium: Browser, two: tuple[DemoServer, DemoServer]) -> AsyncIterator[Page]:
    """Yield a page of the staff, at the first server's console."""
    context = await chromium.new_context(base_url=two[0].url)
    page = await context.new_page()
    await page.goto(two[0].new_sign_in_link())
    yield page
    await context.close()


async def test_what_happens_in_another_process_is_recorded_whole_and_replayed_here(
    console: Page, two: tuple[DemoServer, DemoServer]
) -> None:
    here, there = two
    await console.goto("/console/recordings/")
    await console.get_by_text("Record…").click()
    await console.get_by_label("What").fill("path:/ws/echo/")
    await console.get_by_role("button", name="Record", exact=True).click()
    await expect(console.get_by_role("button", name="Stop recording")).to_be_visible()
    steps = console.get_by_role("list", name="Steps")
    async with websockets.connect(
        f"{there.websocket_url}/ws/echo/", origin=Origin(there.url)
    ) as socket:
        await socket.recv()
        await socket.send("over there " + "x" * 500)
        await socket.recv()
        await expect(steps).to_contain_text("over there")
    await expect(steps).to_contain_text("by client")

    # The other server's console shows it, and ends it.
    other = await console.context.new_page()
    await other.goto(f"{there.url}{console.url.removeprefix(here.url)}")
    await other.get_by_role("button", name="Stop recording").click()
    await expect(other.locator("#recording-facts")).to_contain_text("ended")

    await console.reload()
    await console.get_by_role("button", name="Replay").click()
    await expect(console.get_by_text("The replay answered as recorded")).to_be_visible()
    async with console.expect_download() as download:
        await console.get_by_role("link", name="JSON lines").click()
    lines = _lines_of(await (await download.value).path())
    (whole,) = [one["text"] for one in lines if one["kind"] == "in" and "text" in one][:1]
    assert re.fullmatch(r"over there x{500}", whole)
    assert {one["process"] for one in lines} == {f"web-{there.process.pid}"}


def _lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
