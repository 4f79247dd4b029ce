"""A page that was in the background: its socket closes, and it catches up once it is seen."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.people import People, enter, say

pytestmark = pytest.mark.asyncio(loop_scope="session")

BECOMES = """isHidden => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    const state = isHidden ? "hidden" : "visible";
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


async def test_a_page_that_slept_goes_on_from_where_it_was_left(people: People) -> None:
    console, grace = await people.staff(at=None), await people.visitor("grace")
    await enter(grace, "sleeping")
    async with console.expect_event("websocket") as opened:
        await console.goto("/console/traffic/?q=path:*sleeping*+dir:in")
    socket = await opened.value
    await say(grace, "before it sleeps")
    await expect(said(console, "before it sleeps")).to_have_count(1)

    async with socket.expect_event("close"):
        await console.evaluate(BECOMES, True)
    for number in range(3):
        await say(grace, f"while it sleeps {number}")
    await expect(grace.get_by_role("log")).to_contain_text("while it sleeps 2")
    await expect(said(console, "while it sleeps")).to_have_count(0)

    async with console.expect_event("websocket"):
        await console.evaluate(BECOMES, False)
    await expect(said(console, "while it sleeps")).to_have_count(3)
    await say(grace, "after it slept")
    await expect(said(console, "after it slept")).to_have_count(1)
    await expect(said(console, "before it sleeps")).to_have_count(1)
    await expect(console.locator("#live")).not_to_have_attribute("data-lost", "")


def said(console: Page, text: str) -> Locator:
    return console.locator("#tail [data-id]").filter(has_text=text)
