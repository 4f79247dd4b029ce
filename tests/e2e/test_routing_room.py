"""The room Routing under somebody's hands: live counts, the tester, a consumer's card."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.people import People

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_tree_counts_who_is_connected_as_they_come(people: People) -> None:
    console = await people.staff(at="/console/routing/")
    tree = console.get_by_role("group", name="Routing tree")
    await expect(tree.get_by_role("link", name="LogConsumer, 0 open")).to_be_visible()
    await console.wait_for_load_state()
    await console.evaluate("new WebSocket('/ws/log/')")
    await expect(tree.get_by_role("link", name="LogConsumer, 1 open")).to_be_visible()


async def test_a_path_is_tried_as_it_is_typed(people: People) -> None:
    console = await people.staff(at="/console/routing/")
    await console.wait_for_load_state()
    await console.keyboard.press("/")
    await console.keyboard.type("/ws/chat/lobby/")
    result = console.locator("#tester-result")
    await expect(result).to_contain_text("ChatConsumer")
    await expect(result).to_contain_text("room = lobby")
    await expect(console.get_by_role("complementary", name="Consumer")).to_contain_text(
        "chat_message()"
    )
    await console.get_by_label("Path", exact=True).fill("/ws/chta/lobby/")
    await expect(result).to_contain_text("no route")
    failed = console.get_by_role("listitem").filter(has_text="ws/chat/<slug:room>/")
    await expect(failed).to_contain_text("ws/ch, then expected at/<slug:room>/, found ta/lobby/")


async def test_a_leaf_opens_its_consumer_and_leads_to_its_connections(people: People) -> None:
    console = await people.staff(at="/console/routing/")
    await console.wait_for_load_state()
    await console.get_by_role("link", name="TickerConsumer").click()
    card = console.get_by_role("complementary", name="Consumer")
    await expect(card.get_by_role("heading", name="TickerConsumer")).to_be_visible()
    await card.get_by_role("link", name="Show its connections").click()
    await expect(console.get_by_role("heading", name="Connections")).to_be_visible()
    await expect(console.get_by_label("Filter connections")).to_have_value(
        "proto:websocket consumer:TickerConsumer"
    )


async def test_a_consumer_s_card_follows_what_its_handlers_do_and_keeps_the_focus(
    people: People,
) -> None:
    console = await people.staff(at="/console/routing/?type=websocket&path=/ws/echo/")
    card = console.get_by_role("complementary", name="Consumer")
    row = card.get_by_role("table", name="Handlers of EchoConsumer").get_by_role("row").nth(1)
    await expect(row.get_by_role("rowheader")).to_contain_text("connect()")
    link = row.get_by_role("link")
    await link.focus()
    runs = row.get_by_role("cell").first
    before = await runs.inner_text()
    await console.evaluate("globalThis.socket = new WebSocket('/ws/echo/')")
    # Of the last 10 minutes: some of other tests may leave it at the same time.
    await expect(runs).not_to_have_text(before)
    await expect(card.get_by_text(re.compile(r"^[1-9]\d* open$"))).to_be_visible()
    await expect(link).to_be_focused()
