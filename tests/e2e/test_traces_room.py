"""The room Traces under somebody's hands: what happens is listed at once, and grows while open."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.people import PHONE, People, enter, say

pytestmark = pytest.mark.asyncio(loop_scope="session")

HALF_A_LETTER = r'{"type": "message", "text": "half a letter: \ud83d"}'
"""No layer between processes can carry it, and the one in memory refuses what those would."""


def listed(console: Page, text: str):
    return console.get_by_role("region", name="Traces").get_by_role("row").filter(has_text=text)


async def test_what_somebody_says_is_a_trace_at_once_and_its_page_shows_where_it_went(
    people: People,
) -> None:
    console = await people.staff()
    grace, linus = await people.visitor("grace"), await people.visitor("linus")
    await enter(grace, "traced")
    await enter(linus, "traced")
    await console.goto("/console/traces/?q=path:*traced*")
    await console.wait_for_load_state()
    await say(grace, "follow this")
    row = listed(console, "follow this")
    await expect(row).to_be_visible()
    await row.click()
    await expect(console).to_have_url(re.compile(r"/console/traces/[0-9a-f]+/$"))
    spans = console.get_by_role("table", name="Spans")
    await expect(spans.get_by_role("row").filter(has_text="chat_message()")).to_have_count(2)
    await expect(console.get_by_role("img", name=re.compile("chat.traced"))).to_be_visible()
    await expect(console.locator("#trace-head")).to_contain_text("grace")
    await console.wait_for_load_state()  # the list's own script comes after the rows
    await spans.get_by_role("row").filter(has_text="websocket_receive()").click()
    panel = console.get_by_role("complementary", name="Message")
    await expect(panel.get_by_role("heading", name="Where the time went")).to_be_visible()
    selected = spans.locator("[aria-selected=true]")
    await expect(selected).to_contain_text("websocket_receive()")
    await console.keyboard.press("p")
    await expect(selected).to_contain_text("websocket.receive")
    await expect(panel.get_by_role("button", name="Previous")).to_be_disabled()
    await panel.get_by_role("link", name="Next").click()
    await expect(selected).to_contain_text("websocket_receive()")


async def test_the_slowest_come_first_on_request(people: People) -> None:
    console, grace = await people.staff(), await people.visitor("grace")
    await enter(grace, "slowest")
    await say(grace, "one")
    await console.goto("/console/traces/?q=path:*slowest*")
    await console.get_by_role("link", name="Slowest").click()
    await expect(console).to_have_url(re.compile("sort=slowest"))
    caption = console.get_by_role("table", name="Traces, the slowest first")
    await expect(caption).to_be_visible()


async def test_on_a_phone_a_trace_says_whose_it_is_where_and_what_was_said(people: People) -> None:
    console, grace = await people.staff(at=None, viewport=PHONE), await people.visitor("grace")
    await enter(grace, "pocket")
    await console.goto("/console/traces/?q=path:*pocket*+type:websocket.receive")
    await say(grace, "hi")
    row = listed(console, "hi")
    await expect(row).to_be_visible()
    for cell in ("grace", "/ws/chat/pocket/"):
        await expect(row.get_by_role("cell", name=cell, exact=True)).to_be_in_viewport(ratio=1)
    await expect(row.get_by_role("rowheader")).to_contain_text("websocket.receive")
    await row.click()
    await expect(console).to_have_url(re.compile(r"/console/traces/[0-9a-f]+/$"))


async def test_a_handler_that_fails_is_found_by_the_filter_with_its_traceback(
    people: People,
) -> None:
    console, grace = await people.staff(), await people.visitor("grace")
    await enter(grace, "failing")
    await grace.evaluate(
        """text => new Promise((resolve) => {
            const socket = new WebSocket("/ws/chat/failing/");
            socket.onopen = () => socket.send(text);
            socket.onclose = () => resolve();
        })""",
        HALF_A_LETTER,
    )
    await console.goto("/console/traces/?q=is:error+path:*failing*")
    await listed(console, "half a letter").click()
    await console.get_by_role("link", name="Traceback").click()
    panel = console.get_by_role("complementary", name="Message")
    await expect(panel.get_by_role("heading", name="Traceback")).to_be_visible()
    await expect(panel.locator("pre").first).to_contain_text("Traceback (most recent call last)")
