"""The rooms of the console under somebody's hands: keys, pausing, filters, the inspector."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.people import PHONE, People, enter, look_at, open_room, say

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED_BY_THE_SERVER = "WebSocket connection to"


def row_of(console: Page, path: str) -> Locator:
    return console.get_by_role("region", name="Connections").get_by_role("row", name=path)


def tail_row(console: Page, text: str) -> Locator:
    return console.get_by_role("table", name="Messages").get_by_role("row").filter(has_text=text)


def held(console: Page) -> Locator:
    return console.locator("[data-held]")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


async def chats(console: Page, room: str) -> None:
    """Open a chat's socket from the console's own page; return when it is open."""
    await console.evaluate(
        """room => new Promise((resolve, reject) => {
            const socket = new WebSocket(`/ws/chat/${room}/`);
            socket.onopen = () => resolve();
            socket.onclose = () => reject(new Error("the chat was not opened"));
        })""",
        room,
    )


async def test_a_paused_list_stands_still_counts_and_goes_on(people: People) -> None:
    console = await people.staff(at=None)
    await look_at(console, "/console/connections/?q=path:*paused*")
    await expect(console.get_by_text("Nothing matches")).to_be_visible()
    await console.keyboard.press("Space")
    await expect(console.get_by_role("button", name="Paused")).to_have_attribute(
        "aria-pressed", "true"
    )
    await chats(console, "paused-one")
    await expect(held(console)).to_have_text("1 new")
    await expect(row_of(console, "paused-one")).to_have_count(0)
    await console.keyboard.press("Space")
    await expect(row_of(console, "paused-one")).to_be_visible()
    await expect(held(console)).to_be_empty()


async def test_a_list_with_an_open_inspector_holds_new_rows_until_it_closes(
    people: People,
) -> None:
    console = await people.staff()
    await chats(console, "held-first")
    await console.goto("/console/connections/?q=path:*held*")
    await chats(console, "held-second")
    await expect(row_of(console, "held-second")).to_be_visible()
    await console.keyboard.press("j")
    await console.keyboard.press("Enter")
    inspector = console.get_by_role("complementary", name="Inspector")
    await expect(inspector.get_by_role("heading", name="held-second")).to_be_visible()
    await expect(console).to_have_url(re.compile(r"selected=[0-9a-f]{12}"))
    await chats(console, "held-third")
    await expect(held(console)).to_have_text("1 new")
    await expect(row_of(console, "held-third")).to_have_count(0)
    await console.keyboard.press("Escape")
    await expect(inspector).to_be_hidden()
    await expect(row_of(console, "held-third")).to_be_visible()
    await expect(row_of(console, "held-second")).to_be_focused()
    await expect(console).not_to_have_url(re.compile("selected="))


async def test_the_row_that_is_open_opens_its_page_at_the_second_enter(people: People) -> None:
    console = await people.staff(at="/console/connections/?q=path:*second-enter*")
    await chats(console, "second-enter")
    await row_of(console, "second-enter").click()
    inspector = console.get_by_role("complementary", name="Inspector")
    await expect(inspector).to_be_visible()
    await console.keyboard.press("Enter")
    timeline = console.get_by_role("table", name="Timeline")
    await expect(timeline.get_by_role("row").filter(has_text="websocket_connect()")).to_be_visible()
    await console.get_by_role("link", name="Scope", exact=True).click()
    await expect(console.get_by_text('"cookie"', exact=True)).to_be_visible()
    await expect(console.get_by_text("redacted", exact=True).first).to_be_visible()
    await expect(console.get_by_role("main")).not_to_contain_text("sessionid=")


async def test_a_timeline_grows_while_it_is_looked_at(people: People) -> None:
    console, grace = await people.staff(at=None), await people.visitor("grace")
    await enter(grace, "timeline")
    await console.goto("/console/connections/?q=path:/ws/chat/timeline/")
    await row_of(console, "/ws/chat/timeline/").click()
    await console.get_by_role("link", name="Open", exact=False).first.click()
    timeline = console.get_by_role("table", name="Timeline")
    await expect(timeline).to_be_visible()
    await say(grace, "one more line")
    said = timeline.get_by_role("row").filter(has_text="one more line")
    await expect(said.filter(has_text="receive")).to_have_count(1)
    await expect(said.filter(has_text="send")).to_have_count(1)
    # A handler stands below its cause.
    below = said.filter(has_text="receive").locator("xpath=following-sibling::*[1]")
    await expect(below).to_contain_text("websocket_receive()")


async def test_a_filter_lives_in_the_address_and_keeps_the_focus(people: People) -> None:
    console = await people.staff()
    await chats(console, "filtered-in")
    await chats(console, "filtered-out")
    await console.goto("/console/connections/")
    await expect(row_of(console, "filtered-out")).to_be_visible()
    await console.keyboard.press("/")
    await console.keyboard.type("path:*filtered-in*")
    await expect(row_of(console, "filtered-out")).to_have_count(0)
    await expect(row_of(console, "filtered-in")).to_be_visible()
    await expect(console.get_by_label("Filter connections")).to_be_focused()
    await expect(console).to_have_url(re.compile(r"q=path%3A\*filtered-in\*"))
    await console.reload()
    await expect(console.get_by_label("Filter connections")).to_have_value("path:*filtered-in*")
    await expect(row_of(console, "filtered-out")).to_have_count(0)


async def test_a_filter_that_cannot_be_understood_says_why_under_the_field(
    people: People,
) -> None:
    console = await people.staff()
    await open_room(console, "Traffic")
    field = console.get_by_label("Filter messages")
    await field.fill("size:>abc")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile("number"))


async def test_a_message_shows_as_json_raw_and_hex(people: People) -> None:
    console, grace = await people.staff(), await people.visitor("grace")
    await enter(grace, "three-ways")
    await open_room(console, "Traffic")
    await say(grace, "<b>three</b> ways")
    await tail_row(console, "three</b> ways").filter(has_text="websocket.receive").click()
    message = console.get_by_role("complementary", name="Message")
    await expect(message.get_by_text('"<b>three</b> ways"', exact=True)).to_be_visible()
    await message.get_by_role("link", name="Raw").click()
    await expect(message.locator("pre")).to_contain_text('"text":"<b>three</b> ways"')
    await message.get_by_role("link", name="Hex").click()
    await expect(message.get_by_text("7b 22 74 79 70 65 22 3a")).to_be_visible()
    await expect(message.get_by_role("heading", name="Effects")).to_be_visible()


async def test_on_a_phone_a_message_says_whose_it_is_and_what_was_said(people: People) -> None:
    console, grace = await people.staff(at=None, viewport=PHONE), await people.visitor("grace")
    await enter(grace, "pocket")
    await console.goto("/console/traffic/?q=path:*pocket*+dir:in")
    await say(grace, "in short")
    row = tail_row(console, "in short")
    await expect(row).to_be_visible()
    await expect(row.locator("[data-f=who]")).to_be_in_viewport(ratio=1)
    await expect(row.locator("[data-f=who]")).to_have_text("grace")
    await expect(row.locator("[data-f=preview]")).to_be_in_viewport()


async def test_a_refused_connection_is_explained_and_leads_to_its_scope(people: People) -> None:
    people.expected.append(REFUSED_BY_THE_SERVER)
    console = await people.staff()
    await open_room(console, "Client")
    await console.get_by_label("URL").fill("/ws/no-such-place/")
    await console.get_by_role("button", name="Connect", exact=True).click()
    await expect(console.get_by_role("alert")).to_contain_text("did not accept")
    await console.get_by_role("link", name="Find it in Connections").click()
    await expect(row_of(console, "/ws/no-such-place/")).to_contain_text("refused")


async def test_the_client_ends_a_connection_with_the_code_that_is_asked_for(
    people: People,
) -> None:
    console = await people.staff()
    await open_room(console, "Client")
    await console.get_by_label("Route").select_option(label="ws/chat/<slug:room>/ → ChatConsumer")
    await console.get_by_label("room", exact=True).fill("good-bye")
    await console.get_by_role("button", name="Connect", exact=True).click()
    await console.get_by_role("button", name="Disconnect…").click()
    dialog = console.get_by_role("dialog", name="Disconnect")
    await dialog.get_by_label("Code").fill("4002")
    await dialog.get_by_role("button", name="Disconnect").click()
    await expect(console.get_by_role("log", name="Transcript")).to_contain_text("4002")
    await console.get_by_role("link", name="See it in Connections").click()
    await expect(row_of(console, "/ws/chat/good-bye/")).to_contain_text("4002 by client")


async def test_keys_lead_from_room_to_room_and_stay_out_of_fields(people: People) -> None:
    console = await people.staff()
    await console.keyboard.type("gt")
    await expect(console.get_by_role("heading", name="Traffic")).to_be_visible()
    await console.wait_for_load_state()  # the keys' own script comes after the heading
    await console.get_by_label("Filter messages").press_sequentially("g l ?")
    await expect(console.get_by_label("Filter messages")).to_have_value("g l ?")
    await expect(console.get_by_role("dialog", name="Shortcuts")).to_be_hidden()
    await console.get_by_role("heading", name="Traffic").click()
    await console.keyboard.press("?")
    await expect(console.get_by_role("dialog", name="Shortcuts")).to_be_visible()


async def test_the_theme_that_was_chosen_stays(people: People) -> None:
    console = await people.staff(color_scheme="dark")
    await console.get_by_role("button", name="Switch theme").click()
    await expect(console.locator("html")).to_have_attribute("data-theme", "light")
    await console.reload()
    await expect(console.locator("html")).to_have_attribute("data-theme", "light")


async def test_every_page_can_be_read_without_scripts(people: People) -> None:
    console = await people.staff(at="/console/connections/?hide=http", java_script_enabled=False)
    await console.get_by_role("link", name="Path", exact=True).click()
    await expect(console).to_have_url(re.compile("sort=path"))
    await open_room(console, "Traffic")
    await console.get_by_role("table", name="Messages").get_by_role("link").first.click()
    await expect(console.get_by_role("complementary", name="Message")).to_be_visible()


async def test_the_filter_completes_the_term_that_is_typed(people: People) -> None:
    console = await people.staff(at="/console/traffic/")
    await console.get_by_label("Filter messages").press_sequentially("(dir:in OR di")
    words = console.locator("#query-words option")
    await expect(words.and_(console.locator("[data-word='dir:out']"))).to_have_attribute(
        "value", "(dir:in OR dir:out"
    )


async def test_a_range_swept_over_the_strip_becomes_part_of_the_filter(people: People) -> None:
    console = await people.staff()
    await chats(console, "swept")
    await console.goto("/console/traffic/?q=path:*swept*")
    strip = console.get_by_role("group", name="Range of time")
    box = await strip.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await console.mouse.move(box["x"] + box["width"] * 0.5, y)
    await console.mouse.down()
    await console.mouse.move(box["x"] + box["width"] - 1, y, steps=4)
    await console.mouse.up()
    await expect(console).to_have_url(
        re.compile(r"q=path[^&]*swept[^&]*at%3A%3E%3D[\d.]+\+at%3A%3C")
    )
    await expect(console.locator("#density .band").first).to_be_visible()
    await console.get_by_role("link", name="Show all times").click()
    await expect(console).to_have_url(re.compile(r"q=path[^&]*swept[^&]*$"))
    await expect(console).not_to_have_url(re.compile("at%3A"))
    await strip.focus()
    await console.keyboard.press("ArrowLeft")
    await console.keyboard.press("Shift+ArrowLeft")
    await console.keyboard.press("Enter")
    await expect(console).to_have_url(re.compile("at%3A%3E%3D"))


async def test_what_the_filter_shows_is_exported(people: People) -> None:
    console = await people.staff()
    await chats(console, "exported")
    await console.goto("/console/connections/?q=path:*exported*")
    await console.get_by_text("Export", exact=True).click()
    async with console.expect_download() as download:
        await console.get_by_role("link", name="HTTP Archive").click()
    archive = read_json(await (await download.value).path())
    (entry,) = archive["log"]["entries"]
    assert entry["request"]["url"].endswith("/ws/chat/exported/")
    assert entry["_webSocketMessages"]


async def test_a_scope_is_copied_as_python_by_keyboard(people: People) -> None:
    console = await people.staff(permissions=["clipboard-read", "clipboard-write"])
    await chats(console, "copied")
    await console.goto("/console/connections/?q=path:*copied*")
    await row_of(console, "copied").click()
    await console.get_by_role("link", name="Open").click()
    await console.get_by_role("link", name="Scope", exact=True).click()
    await console.wait_for_load_state()  # what copies it is a script
    await console.get_by_role("button", name="Copy as Python").focus()
    await console.keyboard.press("Enter")
    await expect(console.locator("#toasts")).to_contain_text("Copied")
    scope = ast.literal_eval(await console.evaluate("navigator.clipboard.readText()"))
    assert (scope["type"], scope["path"]) == ("websocket", "/ws/chat/copied/")
    assert [b"upgrade", b"websocket"] in [[name, value.lower()] for name, value in scope["headers"]]


async def test_what_another_process_says_late_stands_where_its_time_belongs(
    people: People,
) -> None:
    console = await people.staff(at="/console/traffic/?q=nothing-matches-this")
    await console.wait_for_load_state()

    async def come(*times: float, **more: Any) -> None:
        entries = [{"id": f"e:{at}", "at": at, "dir": "in", "type": f"at {at:g}"} for at in times]
        await console.evaluate(
            "batch => document.dispatchEvent("
            "new CustomEvent('channelscope:entries', {detail: batch}))",
            {"entries": entries, **more},
        )

    await come(1.0, 4.0)
    await come(2.0, 3.0, 5.0)
    rows = console.locator("#tail > *")
    await expect(rows.locator(".type")).to_have_text([f"at {n}" for n in (5, 4, 3, 2, 1)])
    await come(0.5, 6.0, gaps=[{"process": "web-1", "missed": 7}])
    said = [re.compile(text) for text in ("at 6", r"at 0\.5", "7 of web-1", "at 5")]
    await expect(rows).to_have_text([*said, *(re.compile(f"at {n}") for n in (4, 3, 2, 1))])
    stops = console.locator("#tail [tabindex='0']")
    await expect(stops).to_have_count(1)


async def test_a_page_that_is_brought_up_to_date_does_not_grow(people: People) -> None:
    console, grace = await people.staff(at=None), await people.visitor("grace")
    await enter(grace, "no-growth")
    await console.goto("/console/traffic/?q=path:*no-growth*+dir:in")
    foot = console.locator("#tail-foot")
    nodes = "foot => foot.parentElement.childNodes.length"
    await say(grace, "first")
    await expect(tail_row(console, "first")).to_be_visible()
    before = await foot.evaluate(nodes)
    for number in range(5):
        await say(grace, f"line {number}")
        await expect(tail_row(console, f"line {number}")).to_be_visible()
    assert await foot.evaluate(nodes) == before


async def test_the_counts_of_a_row_follow_its_messages_and_the_row_stays_as_it_is(
    people: People,
) -> None:
    console = await people.staff()
    await console.goto("/console/connections/?q=counted")
    await expect(console.get_by_text("Nothing matches")).to_be_visible()
    await console.evaluate(
        """() => new Promise((resolve) => {
            window.echo = new WebSocket("/ws/echo/?counted");
            window.echo.onopen = () => resolve();
        })"""
    )
    row = row_of(console, "/ws/echo/")
    inbound, signal = row.locator(".c-in"), row.locator(".spark [data-drift]")
    await console.evaluate("() => window.echo.send('0123456789')")
    await expect(inbound).to_have_text("110")
    # Whatever renders the row again would take it away.
    await row.evaluate("row => row.setAttribute('data-kept', 'yes')")
    await console.evaluate("() => window.echo.send('0123456789')")
    await expect(inbound).to_have_text("220")
    await expect(row).to_have_attribute("data-kept", "yes")
    await expect(row.locator(".c-out")).to_contain_text("3")
    await expect(signal).to_have_attribute("d", re.compile("^M.*v-15"))
