"""What somebody does before a page's scripts have come, or while it is busy, is not lost."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.e2e.people import People

pytestmark = pytest.mark.asyncio(loop_scope="session")

BUSY_AFTER_G = """() => addEventListener("keydown", (event) => {
    const end = performance.now() + 2_000;
    while (event.key === "g" && performance.now() < end);
})"""


async def come_without_scripts(page: Page, address: str) -> asyncio.Event:
    """Go there; the page's script comes when what is returned is set."""
    may_come = asyncio.Event()

    async def hold(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await page.route("**/js/main.js", hold)
    await page.goto(address, wait_until="commit")
    return may_come


@pytest.mark.parametrize(
    ("room", "text"),
    [
        ("traffic", "dir:in no-such-words"),
        ("routing", "/ws/no-such-place/"),
        ("groups", "no-such-group"),
    ],
)
async def test_what_is_typed_in_a_filter_is_shown_once_the_script_has_come(
    people: People, room: str, text: str
) -> None:
    console = await people.staff(at=None)
    may_come = await come_without_scripts(console, f"/console/{room}/")
    field = console.locator("[data-filter] input:not([type=hidden])").first
    await field.fill(text)
    may_come.set()
    await expect(console).to_have_url(re.compile("no-such"))
    await expect(field).to_have_value(text)


async def test_the_address_that_is_typed_in_the_client_stays(people: People) -> None:
    console = await people.staff(at=None)
    may_come = await come_without_scripts(console, "/console/client/?url=/ws/echo/")
    await console.get_by_label("URL").fill("/ws/chat/typed/")
    may_come.set()
    await expect(console).to_have_url(re.compile("url=%2Fws%2Fchat%2Ftyped%2F"))
    await expect(console.get_by_label("URL")).to_have_value("/ws/chat/typed/")
    await expect(console.get_by_label("Route")).to_have_value("")


async def test_two_keys_lead_to_a_room_though_the_page_is_busy_between_them(
    people: People,
) -> None:
    console = await people.staff(at="/console/connections/")
    await console.evaluate(BUSY_AFTER_G)
    await asyncio.gather(console.keyboard.press("g"), console.keyboard.press("t"))
    await expect(console.get_by_role("heading", name="Traffic")).to_be_visible()
