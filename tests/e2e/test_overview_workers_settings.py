"""Overview, Workers and Settings over two servers and a worker on one Redis.

How soon what happens is on the screen is held to the clock in `test_within_a_second`.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio
import websockets
from playwright.async_api import Browser, Locator, Page, StorageState, expect
from websockets.typing import Origin

from tests.e2e.people import PHONE, People, sign_in
from tests.e2e.servers import DAPHNE, SOON_S, DemoServer, running_demo
from tests.e2e.test_several_processes import LAYER, name, running_worker
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEND_A_JOB = """
from asgiref.sync import async_to_sync
from runtime.layers import get_channel_layer
send = async_to_sync(get_channel_layer().send)
send("thumbnails", {"type": "thumbnail.generate", "password": "hunter2", "number": 7})
"""


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[tuple[DemoServer, DemoServer]]:
    data = tmp_path_factory.mktemp("rooms")
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.support.demo_with_jobs",
        "DEMO_LAYER": LAYER,
        "DEMO_REDIS_URL": f"{redis_server.url}/1",
    }
    with ExitStack() as stack:
        one = stack.enter_context(running_demo(DAPHNE, data, name="one", **variables))
        two = stack.enter_context(running_demo(DAPHNE, data, name="two", **variables))
        stack.enter_context(running_worker(one))
        yield one, two


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def signed_in(chromium: Browser, servers: tuple[DemoServer, DemoServer]) -> StorageState:
    return await sign_in(chromium, servers[0])


@pytest_asyncio.fixture(loop_scope="session")
async def console(
    chromium: Browser, servers: tuple[DemoServer, DemoServer], signed_in: StorageState
) -> AsyncIterator[Page]:
    async with People(chromium, servers[0].url, signed_in) as people:
        yield await people.staff()
    assert people.problems == []


def connect(demo: DemoServer) -> Any:
    return websockets.connect(f"{demo.websocket_url}/ws/echo/", origin=Origin(demo.url))


async def settled(page: Page) -> None:
    """Return when the page's socket has brought something."""
    await expect(page.locator("figure[data-chart] canvas").first).to_be_attached()
    await expect(page.locator("#process-menu")).to_contain_text("process")


def figure(page: Page, label: str) -> Locator:
    return page.locator(".readout").filter(has_text=label).locator(".figure")


async def test_the_console_begins_with_the_overview(console: Page) -> None:
    await console.goto("/console/")
    await expect(console.get_by_role("heading", name="Overview")).to_be_visible()
    await console.goto("/console/traffic/")
    await console.keyboard.type("go")
    await expect(console.get_by_role("heading", name="Overview")).to_be_visible()


async def test_a_connection_to_another_process_is_counted_while_the_page_is_open(
    console: Page, servers: tuple[DemoServer, DemoServer]
) -> None:
    _, two = servers
    async with connect(two) as first:
        await first.recv()
        await console.goto("/console/overview/")
        await settled(console)
        row = console.get_by_role("row").filter(has_text=name(two))
        await expect(row).to_be_visible()
        # Those of other tests may still be going.
        await expect(figure(console, "Connections")).to_have_text("1")
        async with connect(two) as second:
            await second.recv()
            await expect(figure(console, "Connections")).to_have_text("2")
            chart = console.get_by_role("img", name=re.compile("Open connections, last"))
            await expect(chart).to_have_attribute("aria-label", containing("Now: 2;"))


async def test_a_chart_is_drawn_follows_the_theme_and_ends_with_its_page(console: Page) -> None:
    await console.goto("/console/overview/")
    await settled(console)
    canvas = console.locator("#chart-messages canvas")
    before = await canvas.evaluate("canvas => canvas.toDataURL()")
    await console.get_by_role("button", name="Switch theme").click()
    async with asyncio.timeout(SOON_S):  # the page's policy lets nobody wait for a script of ours
        while await canvas.evaluate("canvas => canvas.toDataURL()") == before:
            await asyncio.sleep(0)
    await expect(console.locator("figure[data-chart] canvas")).to_have_count(3)
    await console.get_by_role("navigation", name="Process").get_by_role("link").nth(1).click()
    await expect(console).to_have_url(containing("process="))
    await settled(console)
    await expect(console.locator("figure[data-chart] canvas")).to_have_count(3)
    await expect(console.locator("figure[data-chart] .uplot")).to_have_count(3)


@pytest.mark.parametrize("width", [1440, 390])
async def test_how_much_time_is_shown_is_chosen_by_keyboard_and_stays_in_the_address(
    console: Page, width: int
) -> None:
    await console.set_viewport_size({"width": width, "height": 844})
    await console.goto("/console/overview/")
    await settled(console)
    bases = console.get_by_role("navigation", name="Time base")
    ten, two = (bases.get_by_role("link", name=f"{n} min", exact=True) for n in (10, 2))
    await expect(ten).to_be_in_viewport(ratio=1)
    for chosen, minutes, points in ((ten, 10, 60), (two, 2, 12)):
        await chosen.focus()
        await console.keyboard.press("Enter")
        await expect(chosen).to_have_attribute("aria-current", "true")
        await expect(console).to_have_url(containing(f"?minutes={minutes}"))
        await expect(chosen).to_be_focused()
        chart = console.locator("#chart-messages")
        said = re.compile(f"^Messages, last {minutes} minutes")
        await expect(chart.get_by_role("img", name=said)).to_be_visible()
        await expect(chart.locator("[data-times] span").first).to_have_text(f"\u2212{minutes} min")
        data = await chart.locator("script").evaluate("one => JSON.parse(one.textContent)")
        assert {len(signal["values"]) for signal in data["signals"]} == {points}
    await expect(bases.locator("[aria-current]")).to_have_count(1)


async def test_the_chart_of_connections_has_a_line_more_once_there_are_several_processes(
    console: Page, servers: tuple[DemoServer, DemoServer]
) -> None:
    one, _ = servers
    await console.goto(f"/console/overview/?process={name(one)}")
    await settled(console)
    lines = console.locator("#chart-connections [data-signal]")
    await expect(lines).to_have_count(1)
    await console.get_by_role("navigation", name="Process").get_by_role("link", name="All").click()
    await expect(lines).to_have_count(2)
    await expect(console.locator("#chart-connections")).to_contain_text("fullest process")


@pytest.mark.parametrize("width", [1440, 1200, 1024, 390])
async def test_what_the_lines_of_a_chart_are_now_is_not_cut(console: Page, width: int) -> None:
    await console.set_viewport_size({"width": width, "height": 900})
    await console.goto("/console/overview/")
    await settled(console)
    cut, tops = await console.evaluate("""() => {
        const all = (selector) => [...document.querySelectorAll(selector)];
        const said = all("#chart-latency [data-signal]");
        ["8.8 ms", "88.8 ms", "188 ms"].forEach((one, n) => (said[n].textContent = one));
        return [
            all(".chart-head").filter((head) => head.scrollWidth > head.clientWidth).length,
            all("[data-plot]").map((plot) => Math.round(plot.getBoundingClientRect().top)),
        ];
    }""")
    assert cut == 0
    assert width < 960 or len(set(tops)) == 1, "the screens of a row are level"


@pytest.mark.parametrize("width", [1440, 1280, 1024, 700, 390])
async def test_the_overview_s_tables_and_title_fit_at_every_width(
    console: Page, servers: tuple[DemoServer, DemoServer], width: int
) -> None:
    async with connect(servers[0]) as socket:
        await socket.recv()
        await console.set_viewport_size({"width": width, "height": 900})
        await console.goto("/console/overview/")
        await settled(console)
        cut = await console.evaluate("""() =>
            [...document.querySelectorAll(".table-wrap, .topbar, .topbar h1")]
                .filter((one) => one.scrollWidth > one.clientWidth)
                .map((one) => `${one.className} ${one.scrollWidth} > ${one.clientWidth}`)
        """)
        assert cut == []


async def test_a_chart_s_graticule_is_not_dashed_by_its_lines(console: Page) -> None:
    await console.goto("/console/overview/")
    await settled(console)
    dashed = await console.evaluate("""async () => {
        const { drawGraticule } = await import("/static/console/js/graticule.js");
        const context = document.createElement("canvas").getContext("2d");
        const seen = [];
        context.setLineDash([4, 3]);
        context.stroke = () => seen.push(...context.getLineDash());
        const box = { left: 0, top: 0, width: 100, height: 60 };
        drawGraticule(context, box, { line: "#000", axis: "#000", ratio: 1 });
        return seen;
    }""")
    assert dashed == []


@pytest.mark.parametrize(
    ("room", "table", "cells"),
    [
        ("workers", "What each worker does", 7),
        ("overview", "Consumers over the last", 9),
        ("overview", "Processes that report", 8),
        ("settings", "The settings of the console", 3),
        ("settings", "The processes with their versions", 5),
    ],
)
async def test_on_a_phone_all_that_a_row_says_is_in_sight(
    console: Page, servers: tuple[DemoServer, DemoServer], room: str, table: str, cells: int
) -> None:
    async with connect(servers[0]) as socket:
        await socket.recv()
        await console.set_viewport_size(PHONE)
        await console.goto(f"/console/{room}/")
        row = console.get_by_role("table", name=table).get_by_role("row").nth(1)
        await expect(row.get_by_role("cell")).to_have_count(cells)
        await row.get_by_role("cell").last.scroll_into_view_if_needed()
        for cell in await row.get_by_role("cell").filter(has_text=re.compile(".")).all():
            await expect(cell).to_be_in_viewport(ratio=1)
    wide = "wraps => wraps.filter((one) => one.scrollWidth > one.clientWidth).length"
    assert await console.locator(".table-wrap").evaluate_all(wide) == 0


async def test_a_problem_in_another_process_leads_to_its_message(
    console: Page, servers: tuple[DemoServer, DemoServer]
) -> None:
    _, two = servers
    await console.goto("/console/overview/")
    await settled(console)
    with pytest.raises(websockets.InvalidStatus):
        async with websockets.connect(
            f"{two.websocket_url}/ws/no-such-place/", origin=Origin(two.url)
        ):
            pass
    problem = console.locator("#problems").get_by_role("link").filter(has_text="/ws/no-such-place/")
    await expect(problem).to_be_visible()
    await problem.click()
    await expect(console.get_by_role("heading", name="Routing")).to_be_visible()
    await expect(console.get_by_label("Path", exact=True)).to_have_value("/ws/no-such-place/")


async def test_a_dead_letter_comes_is_looked_at_put_back_and_deleted(
    console: Page, servers: tuple[DemoServer, DemoServer]
) -> None:
    one, _ = servers
    await console.goto("/console/workers/")
    workers = console.get_by_role("table", name="What each worker does")
    await expect(workers.get_by_role("row").filter(has_text="runworker")).to_be_visible()
    letters = console.locator("#channel-default-thumbnails a[data-visit]")
    await expect(letters).to_have_text("0")
    await run(one, SEND_A_JOB)
    await expect(letters).to_have_text("1")
    await letters.click()
    table = console.get_by_role("table", name="Jobs that failed as often as they may")
    await expect(table).to_contain_text("KeyError")
    assert "hunter2" not in await console.content()
    await table.get_by_role("link").click()
    drawer = console.get_by_role("complementary", name="Dead letter")
    await expect(drawer).to_contain_text("thumbnail.generate")
    await drawer.get_by_role("button", name="Put back").click()
    await expect(console.get_by_role("status").filter(has_text="Put back: 1")).to_be_visible()
    # The worker fails at it once more: it comes back as another letter, or the same.
    await expect(letters).to_have_text("1")
    await console.goto("/console/workers/?channel=thumbnails")
    await console.get_by_text("Delete all…").click()
    await console.get_by_role("button", name="Delete all").click()
    await expect(console.get_by_role("status").filter(has_text="Deleted: 1")).to_be_visible()
    await expect(letters).to_have_text("0")
    log = await run(one, LOG)
    assert "Put back 1 dead letter. [" in log
    assert "Deleted all dead letters. 1 done." in log


async def test_times_are_in_the_zone_that_the_viewer_chooses(console: Page) -> None:
    await console.goto("/console/settings/")
    await console.get_by_label("Times in").select_option("Asia/Tokyo")
    await expect(console.get_by_role("contentinfo", name="Measurements")).to_contain_text(
        "times in Asia/Tokyo"
    )
    await console.get_by_label("Theme", exact=True).select_option("light")
    await expect(console.locator("html")).to_have_attribute("data-theme", "light")
    await console.goto("/console/traffic/")
    await expect(console.get_by_role("contentinfo", name="Measurements")).to_contain_text(
        "times in Asia/Tokyo"
    )


async def test_shortcuts_are_turned_off_for_all_pages(console: Page) -> None:
    await console.goto("/console/settings/")
    box = console.locator("form").get_by_label("Single-key shortcuts").first
    await box.uncheck()
    await console.goto("/console/overview/")
    await console.keyboard.press("?")
    await expect(console.get_by_role("dialog")).to_have_count(0)


LOG = """
from django.contrib.admin.models import LogEntry
print([entry.change_message for entry in LogEntry.objects.order_by("pk")])
"""


async def run(demo: DemoServer, code: str) -> str:
    """Run `code` as the project's own, in a process beside its servers."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "django", "shell", "-v", "0", "-c", code),
        env=demo.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(SOON_S):
        said, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return said.decode()


def containing(text: str) -> Any:
    """Return a pattern of what has `text` in it."""
    return re.compile(re.escape(text))
