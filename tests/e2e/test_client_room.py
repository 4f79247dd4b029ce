"""The room Client in a browser: several connections, what they say, and the messages it keeps."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.people import People

pytestmark = pytest.mark.asyncio(loop_scope="session")

ECHO = "ws/echo/ → EchoConsumer"
CHAT = "ws/chat/<slug:room>/ → ChatConsumer"


def panels(page: Page) -> Locator:
    """Return the panels that are on the screen."""
    return page.get_by_role("tabpanel").filter(visible=True)


async def connect(panel: Locator, route: str, **arguments: str) -> None:
    await panel.get_by_label("Route").select_option(label=route)
    for name, value in arguments.items():
        await panel.get_by_label(name, exact=True).fill(value)
    await panel.get_by_role("button", name="Connect", exact=True).click()
    await expect(panel.get_by_role("status").first).to_contain_text("open")


async def send(panel: Locator, text: str, kind: str = "Text") -> None:
    await panel.get_by_role("radio", name=kind).check()
    await panel.get_by_role("textbox", name="Message").fill(text)
    await panel.get_by_role("button", name="Send").click()


def log(panel: Locator) -> Locator:
    return panel.get_by_role("log", name="Transcript")


async def test_several_connections_stand_side_by_side_and_come_back_with_the_page(
    people: People,
) -> None:
    console = await people.staff(at="/console/client/")
    await connect(panels(console), CHAT, room="beside")
    await console.get_by_role("button", name="New client").click()
    await connect(panels(console), ECHO)
    await expect(console.locator("#note")).to_have_text("2 open")
    await console.get_by_role("button", name="Side by side").click()
    await expect(panels(console)).to_have_count(2)
    chat, echo = panels(console).nth(0), panels(console).nth(1)
    await send(chat, '{"type": "message", "text": "only here"}', "JSON")
    await expect(log(chat)).to_contain_text("reply in")
    await expect(log(echo)).not_to_contain_text("only here")

    await console.reload()
    await expect(panels(console)).to_have_count(2)
    await expect(panels(console).nth(0).get_by_label("URL")).to_have_value("/ws/chat/beside/")
    await expect(panels(console).nth(1).get_by_label("URL")).to_have_value("/ws/echo/")


async def test_tabs_are_walked_and_closed_by_keys_and_a_closed_one_ends_its_connection(
    people: People,
) -> None:
    console = await people.staff(at="/console/client/")
    await connect(panels(console), CHAT, room="first-tab")
    await console.get_by_role("button", name="New client").click()
    await connect(panels(console), CHAT, room="second-tab")
    await console.get_by_role("tab", selected=True).focus()
    await console.keyboard.press("ArrowLeft")
    await expect(console.get_by_role("tab", selected=True)).to_contain_text("first-tab")
    await expect(panels(console).get_by_label("URL")).to_have_value("/ws/chat/first-tab/")
    await console.keyboard.press("Delete")
    await expect(console.get_by_role("tab")).to_have_count(1)
    await expect(console.get_by_role("tab", selected=True)).to_be_focused()
    await console.goto("/console/connections/?q=path:/ws/chat/first-tab/")
    await expect(console.get_by_role("row").nth(1)).to_contain_text("by client")


async def test_bytes_go_out_as_they_are_written_in_hex(people: People) -> None:
    console = await people.staff(at="/console/client/")
    panel = panels(console)
    await connect(panel, ECHO)
    await panel.get_by_role("radio", name="Binary").check()
    await panel.get_by_role("textbox", name="Message").fill("89 50 4e 47 0")
    await expect(panel.get_by_role("button", name="Send")).to_be_disabled()
    await expect(panel.get_by_text("An odd number of hex digits")).to_be_visible()
    await panel.get_by_role("textbox", name="Message").fill("89 50 4e 47 00 ff")
    await panel.get_by_role("button", name="Send").click()
    await expect(log(panel).get_by_text("binary 89 50 4e 47 00 ff")).to_have_count(2)


async def test_a_saved_message_is_used_by_another_and_changed_by_its_maker_alone(
    people: People,
) -> None:
    console = await people.staff(at="/console/client/")
    panel = panels(console)
    await connect(panel, ECHO)
    await send(panel, "what I always say")
    await panel.get_by_role("button", name="Save as…").click()
    dialog = console.get_by_role("dialog", name="Save this message")
    await dialog.get_by_label("Name").fill("The usual")
    await dialog.get_by_role("button", name="Save", exact=True).click()
    saved = panel.get_by_role("region", name="Saved messages")
    await expect(saved).to_contain_text("The usual")

    other = await people.staff(at="/console/client/")
    await expect(other.get_by_role("region", name="Saved messages")).to_contain_text("The usual")
    await other.get_by_role("heading", name="Transcript").click()
    await other.keyboard.press("1")
    await expect(panels(other).get_by_role("textbox", name="Message")).to_have_value(
        "what I always say"
    )

    await saved.get_by_role("button", name="Change The usual").click()
    dialog = console.get_by_role("dialog", name="Change a saved message")
    await dialog.get_by_label("Name").fill("My words")
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(saved).to_contain_text("My words")
    await saved.get_by_role("button", name="Change My words").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(saved).to_contain_text("None yet")


async def test_a_route_s_arguments_subprotocols_and_query_string_make_the_address(
    people: People,
) -> None:
    console = await people.staff(at="/console/client/")
    panel = panels(console)
    await panel.get_by_label("Query string").fill("v=2")
    await connect(panel, CHAT, room="a-b")
    await expect(panel.get_by_label("URL")).to_have_value("/ws/chat/a-b/?v=2")
    await panel.get_by_role("link", name="See it in Connections").click()
    await expect(console).to_have_url(re.compile(r"q=id%3A[0-9a-f]{16}"))
    rows = console.get_by_role("region", name="Connections").get_by_role("row")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text("/ws/chat/a-b/")


async def test_a_message_is_repeated_as_often_as_asked_or_until_it_is_stopped(
    people: People,
) -> None:
    console = await people.staff(at="/console/client/")
    panel = panels(console)
    await connect(panel, ECHO)
    await panel.get_by_text("Text", exact=True).click()
    await panel.get_by_role("textbox", name="Message").fill("again and again")
    await panel.get_by_role("button", name="Repeat…").click()
    dialog = console.get_by_role("dialog", name="Repeat this message")
    await dialog.get_by_label("Every, in seconds").fill("0.1")
    await dialog.get_by_label("Times").fill("3")
    await dialog.get_by_role("button", name="Repeat").click()
    await expect(log(panel).get_by_text("Anonymous: again and again")).to_have_count(3)
    await expect(panel.get_by_role("button", name="Repeat…")).to_be_visible()
    await panel.get_by_role("button", name="Repeat…").click()
    await dialog.get_by_label("Every, in seconds").fill("3600")
    await dialog.get_by_role("button", name="Repeat").click()
    await expect(panel.get_by_role("button", name="Stop 1 of 3")).to_be_visible()
    await panel.get_by_role("button", name="Stop 1 of 3").click()
    await expect(panel.get_by_role("button", name="Repeat…")).to_be_focused()


async def test_a_transcript_is_kept_as_a_recording_of_its_connection(people: People) -> None:
    console = await people.staff(at="/console/client/")
    panel = panels(console)
    await connect(panel, ECHO)
    await panel.get_by_text("Text", exact=True).click()
    await send(panel, "keep this")
    await expect(log(panel).get_by_text("Anonymous: keep this")).to_be_visible()
    async with console.expect_popup() as opened:
        await panel.get_by_role("button", name="Keep as recording").click()
    recording = await opened.value
    await expect(recording.get_by_role("heading", name="/ws/echo/ by the client")).to_be_visible()
    await expect(recording.locator("#steps")).to_contain_text("keep this")


async def test_a_virtual_scope_runs_the_application_and_shows_what_it_does(people: People) -> None:
    console = await people.staff(at="/console/client/")
    await panels(console).get_by_role("button", name="Virtual scope").click()
    panel = panels(console)
    await panel.get_by_label("User in scope").select_option(label="ada, your own session")
    await panel.get_by_role("button", name="Open scope").click()
    await expect(panel.get_by_role("status").first).to_have_text("waiting for an event")
    did = panel.get_by_role("log", name="What the application did")
    await panel.get_by_role("button", name="Send event").click()
    await expect(did).to_contain_text("websocket.accept")
    await expect(did).to_contain_text('"welcome"')
    await panel.get_by_role("button", name="Send event").click()
    await expect(did).to_contain_text('"hello"')
    await panel.get_by_role("link", name="See it in Connections").click()
    await expect(console.get_by_text("console", exact=True)).to_be_visible()
    await expect(console.locator("#ident")).to_contain_text("closed")


async def test_a_virtual_scope_without_a_route_shows_the_error_that_it_ends_with(
    people: People,
) -> None:
    console = await people.staff(at="/console/client/?url=virtual:telegram")
    panel = panels(console)
    await panel.get_by_label("Scope", exact=True).fill('{"type": "carrier"}')
    await panel.get_by_role("button", name="Open scope").click()
    did = panel.get_by_role("log", name="What the application did")
    await expect(did).to_contain_text("failed")
    await expect(did).to_contain_text("Traceback")
    await expect(did).to_contain_text("carrier")


async def test_a_composed_scope_that_is_none_is_not_sent(people: People) -> None:
    console = await people.staff(at="/console/client/?url=virtual:channel")
    panel = panels(console)
    await panel.get_by_label("Scope", exact=True).fill('{"channel": "thumbnails"}')
    await expect(panel.get_by_text('needs a "type"')).to_be_visible()
    await panel.get_by_role("button", name="Open scope").click()
    await expect(panel.get_by_role("status").first).to_have_text("not open")


async def test_each_tab_can_be_another_user_and_says_so_in_connections(people: People) -> None:
    grace = await people.visitor("grace-of-tabs")
    linus = await people.visitor("linus-of-tabs")
    console = await people.staff(at="/console/client/")
    for name in ("grace-of-tabs", "linus-of-tabs"):
        panel = panels(console).last
        await panel.get_by_label("As user").fill(name)
        await connect(panel, CHAT, room="as-others")
        await expect(log(panel)).to_contain_text(f'"{name}"')
        await console.get_by_role("button", name="New client").click()
    cookies = await console.context.cookies()
    assert not [one for one in cookies if one["name"] == "channelscope_as"]

    await console.goto("/console/connections/?q=path:/ws/chat/as-others/")
    row = console.get_by_role("row").filter(has_text="grace-of-tabs")
    number = await row.get_attribute("id")
    assert number is not None
    await console.goto(f"/console/connections/{number.removeprefix('c-')}/")
    await expect(console.locator("#ident")).to_contain_text("ada as grace-of-tabs")
    for page in (grace, linus):
        await page.close()


async def test_a_user_that_nobody_is_called_is_refused_with_a_reason(people: People) -> None:
    people.expected.append("403")
    console = await people.staff(at="/console/client/")
    panel = panels(console)
    await panel.get_by_label("As user").fill("nobody-at-all")
    await panel.get_by_role("button", name="Connect", exact=True).click()
    await expect(panel.get_by_role("alert")).to_contain_text("Nobody who may sign in is called")
