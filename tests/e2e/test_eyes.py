"""The console for who sees it otherwise: in the system's own colours, with text twice as large."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, StorageState, async_playwright, expect

from tests.e2e.addresses import ROOMS
from tests.e2e.conftest import CHROMIUM_ARGUMENTS
from tests.e2e.people import People
from tests.e2e.servers import DemoServer
from tests.e2e.test_every_room import WIDER_THAN_THE_SCREEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

TWICE = ("--blink-settings=defaultFontSize=32,defaultFixedFontSize=26",)
"""As somebody sets it who chooses very large text in the browser's settings."""

CUT_OFF = """() => {
    const isText = (element) => [...element.childNodes]
        .some((node) => node instanceof Text && node.data.trim());
    const cuts = (element) => getComputedStyle(element).overflowY !== "visible";
    const box = (element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return range.getBoundingClientRect();
    };
    const holder = (element) => {
        for (let at = element; at && at !== document.body; at = at.parentElement) {
            if (["auto", "scroll"].includes(getComputedStyle(at).overflowY)) return null;
            if (cuts(at)) return at.getBoundingClientRect();
        }
        return null;
    };
    const name = (element) => [element.tagName.toLowerCase(), ...element.classList].join(".");
    return [...document.querySelectorAll("main *, header *, nav *")]
        .filter((element) => isText(element) && element.checkVisibility())
        .filter((element) => !element.closest(".vh, .skip, svg, [aria-hidden=true]"))
        .filter((element) => {
            const [text, room] = [box(element), holder(element)];
            return room && room.height > 4 && text.height > room.height + 6;
        })
        .slice(0, 8)
        .map((element) => `${name(element)}: ${element.textContent.trim().slice(0, 40)}`);
}"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def large(
    chromium_path: Path, demo: DemoServer, staff_session: StorageState
) -> AsyncIterator[Page]:
    """Yield a page of somebody whose browser writes twice as large."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=[*CHROMIUM_ARGUMENTS, *TWICE]
        )
        async with People(browser, demo.url, staff_session) as people:
            yield await people.staff()
        assert people.problems == []
        await browser.close()


async def connects(page: Page, *paths: str) -> None:
    """Open WebSockets from the page itself."""
    await page.evaluate(
        """paths => Promise.all(paths.map((path) => new Promise((resolve) => {
            const socket = new WebSocket(path);
            socket.onopen = socket.onclose = () => resolve();
        })))""",
        list(paths),
    )


async def mark_of(row: Locator) -> dict[str, str]:
    """Return how the state of a row is drawn."""
    state = row.locator(".state").first
    await expect(state).to_be_visible()
    drawn: dict[str, str] = await state.evaluate(
        """state => {
            const { backgroundColor, borderTopColor, borderTopWidth, clipPath, height } =
                getComputedStyle(state, "::before");
            return { backgroundColor, borderTopColor, borderTopWidth, clipPath, height };
        }"""
    )
    return drawn


async def test_in_the_system_s_colours_a_state_still_has_a_mark_of_its_own(people: People) -> None:
    console = await people.staff(at=None, forced_colors="active", color_scheme="dark")
    people.expected.append("WebSocket connection to")
    await console.goto("/console/connections/?q=path:*")
    await connects(console, "/ws/echo/", "/ws/nowhere/")
    rows = console.locator("#connections tr")
    opened = await mark_of(rows.and_(console.locator("[data-state=open]")).first)
    refused = await mark_of(rows.and_(console.locator("[data-state=refused]")).first)
    closed = await mark_of(rows.and_(console.locator("[data-state=closed]")).first)
    canvas = await console.evaluate("getComputedStyle(document.body).backgroundColor")
    assert opened["backgroundColor"] != canvas, "a disc, not a ring"
    assert refused["backgroundColor"] in (canvas, "rgba(0, 0, 0, 0)")
    assert refused["borderTopColor"] != canvas
    assert closed["backgroundColor"] != canvas
    assert closed["clipPath"].startswith("polygon"), "a cross"


async def test_in_the_system_s_colours_what_is_chosen_is_told_from_the_rest(people: People) -> None:
    console = await people.staff(at="/console/traffic/?q=dir:error", forced_colors="active")
    outline = "element => getComputedStyle(element).outlineStyle"
    rail = console.get_by_role("navigation", name="Console")
    for chosen, other in (
        (rail.get_by_role("link", name="Traffic"), rail.get_by_role("link", name="Groups")),
        (
            console.get_by_role("link", name="Errors"),
            console.get_by_role("link", name="Layer only"),
        ),
    ):
        assert await chosen.evaluate(outline) == "solid"
        assert await other.evaluate(outline) == "none"


async def test_with_text_twice_as_large_no_room_is_wider_than_the_screen_or_cuts_lines(
    large: Page,
) -> None:
    await connects(large, "/ws/echo/", "/ws/ticker/")
    found: dict[str, Any] = {}
    for room in ROOMS:
        await large.goto(f"/console/{room.name}/")
        await large.wait_for_load_state("load")
        wide = await large.evaluate(WIDER_THAN_THE_SCREEN)
        cut = await large.evaluate(CUT_OFF)
        if wide or cut:
            found[room.name] = {"wide": wide, "cut": cut}
    assert found == {}, json.dumps(found, indent=1)


async def test_a_line_that_is_cut_would_be_found(large: Page) -> None:
    await large.goto("/console/settings/")
    await large.evaluate(
        """() => {
            const cut = document.createElement("p");
            cut.textContent = "cut";
            cut.style.height = "10px";
            cut.style.overflow = "hidden";
            document.querySelector("main").prepend(cut);
        }"""
    )
    assert await large.evaluate(CUT_OFF) == ["p: cut"]


async def test_that_text_is_twice_as_large_and_what_holds_it_is_too(
    large: Page, people: People
) -> None:
    usual = await people.staff()
    await connects(usual, "/ws/echo/")
    for page in (usual, large):
        await page.goto("/console/connections/")
    height = "element => element.getBoundingClientRect().height"
    for selector in ("#connections tr >> nth=0", ".topbar", ".toolbar .input >> nth=0"):
        before = await usual.locator(selector).evaluate(height)
        after = await large.locator(selector).evaluate(height)
        assert after >= 1.7 * before, selector


async def test_the_display_zoomed_to_twice_its_size_holds_every_room(people: People) -> None:
    console = await people.staff(
        at=None, viewport={"width": 720, "height": 450}, device_scale_factor=2
    )
    wide = {}
    for room in ROOMS:
        await console.goto(f"/console/{room.name}/")
        await console.wait_for_load_state("load")
        if found := await console.evaluate(WIDER_THAN_THE_SCREEN):
            wide[room.name] = found
    assert wide == {}, json.dumps(wide, indent=1)
