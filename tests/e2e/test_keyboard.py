"""The console without a mouse: shortcuts, lists with one tab stop, the way back from a panel."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.addresses import ROOMS
from tests.e2e.people import People, enter, say_and_hear

pytestmark = pytest.mark.asyncio(loop_scope="session")

TAB_STOPS = "[data-list] [data-id][tabindex='0']"


def dialog(console: Page):
    return console.get_by_role("dialog", name="Shortcuts")


async def test_g_and_a_letter_lead_to_every_room(people: People) -> None:
    console = await people.staff()
    for room in ROOMS:
        await console.wait_for_load_state()  # the keys' own script comes after the navigation
        await console.keyboard.type(f"g{room.key}")
        await expect(console).to_have_url(re.compile(rf"/console/{room.name}/"))
        await expect(console.locator("a[data-go][aria-current=page]")).to_contain_text(room.label)


async def test_a_question_mark_shows_the_shortcuts_of_all_rooms_and_of_this_one(
    people: People,
) -> None:
    console = await people.staff(at="/console/traffic/")
    await console.keyboard.press("?")
    for room in ROOMS:
        await expect(dialog(console)).to_contain_text(room.label)
    await expect(dialog(console)).to_contain_text("The trace of the open message")
    await console.keyboard.press("Escape")
    await expect(dialog(console)).to_be_hidden()


async def test_single_keys_can_be_turned_off_and_arrows_stay(people: People) -> None:
    console, grace = await people.staff(at=None), await people.visitor("grace")
    await enter(grace, "keys-off")
    await console.goto("/console/traffic/")
    await console.keyboard.press("?")
    await dialog(console).get_by_label("Single-key shortcuts").uncheck()
    await console.keyboard.press("Escape")
    for key in ("?", "j", "Space", "/"):
        await console.keyboard.press(key)
    await expect(dialog(console)).to_be_hidden()
    await expect(console.locator("#live")).to_have_attribute("aria-pressed", "false")
    await expect(console.locator("[data-list] [data-id]:focus")).to_have_count(0)
    await console.locator(TAB_STOPS).focus()
    await console.keyboard.press("ArrowDown")
    await expect(console.locator("[data-list] [data-id]:focus")).to_have_count(1)


@pytest.mark.parametrize("room", ["connections", "traffic", "traces"])
async def test_a_list_is_one_tab_stop_and_moves_by_keys(people: People, room: str) -> None:
    console, grace = await people.staff(at=None), await people.visitor("grace")
    await enter(grace, "tab-stops")
    await say_and_hear(grace, "one")
    await console.goto(f"/console/{room}/?q=path:*tab-stops*")
    await expect(console.locator("[data-list] [data-id]").first).to_be_visible()
    await expect(console.locator(TAB_STOPS)).to_have_count(1)
    await console.keyboard.press("j")
    await expect(console.locator("[data-list] [data-id]").first).to_be_focused()
    await console.keyboard.press("End")
    await expect(console.locator(TAB_STOPS)).to_have_count(1)


async def test_enter_opens_and_escape_leads_back_to_the_row(people: People) -> None:
    console, grace = await people.staff(at=None), await people.visitor("grace")
    await enter(grace, "way-back")
    await say_and_hear(grace, "there and back")
    await console.goto("/console/traffic/?q=%22there and back%22")
    rows = console.locator("[data-list] [data-id]")
    await expect(rows.nth(1)).to_be_visible()
    await console.keyboard.press("j")
    await console.keyboard.press("j")
    await console.keyboard.press("Enter")
    panel = console.get_by_role("complementary", name="Message")
    await expect(panel).to_be_visible()
    await console.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(rows.nth(1)).to_be_focused()


async def test_t_leads_from_an_open_message_to_its_trace_and_a_span_opens_there(
    people: People,
) -> None:
    console, grace = await people.staff(at=None), await people.visitor("grace")
    await enter(grace, "to-the-trace")
    await say_and_hear(grace, "follow me")
    await console.goto("/console/traffic/?q=dir:in+%22follow me%22")
    await expect(console.locator("[data-list] [data-id]").first).to_be_visible()
    await console.keyboard.press("j")
    await console.keyboard.press("Enter")
    await expect(console.get_by_role("link", name="Trace", exact=True)).to_be_visible()
    await console.keyboard.press("t")
    await expect(console).to_have_url(re.compile(r"/console/traces/[0-9a-f]+/"))
    spans = console.get_by_role("table", name="Spans")
    await expect(spans.get_by_role("row").filter(has_text="chat_message()")).to_have_count(1)
    await expect(spans.locator("[aria-selected=true]")).to_contain_text("websocket.receive")
    await expect(console.get_by_role("complementary", name="Message")).to_contain_text("follow me")


async def test_space_presses_the_control_that_has_the_focus(people: People) -> None:
    console = await people.staff(at="/console/traffic/")
    await console.get_by_role("button", name="Switch theme").focus()
    await console.keyboard.press("Space")
    await expect(console.locator("#live")).to_have_attribute("aria-pressed", "false")
    await console.locator("#main").focus()
    await console.keyboard.press("Space")
    await expect(console.locator("#live")).to_have_attribute("aria-pressed", "true")
