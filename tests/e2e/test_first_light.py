"""The whole way that data goes: two browsers chat, and a third watches them live.

That something is seen within a second of its happening is held to the clock elsewhere, in
`test_within_a_second`: in every room, and when nothing else runs. Here it has to be seen at all.
"""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.people import People, enter, open_room, say

pytestmark = pytest.mark.asyncio(loop_scope="session")


def connection_of(console: Page, user: str, room: str) -> Locator:
    """Return the row of the list of connections that shows a user's chat."""
    rows = console.get_by_role("region", name="Connections").get_by_role("row")
    return rows.filter(has_text=f"/ws/chat/{room}/").filter(has_text=user)


def messages(console: Page) -> Locator:
    """Return the rows of the traffic tail, newest first."""
    return console.get_by_role("table", name="Messages").get_by_role("row")


async def test_staff_watch_two_people_chat_from_their_arrival_to_a_close(people: People) -> None:
    console = await people.staff()
    grace, linus = await people.visitor("grace"), await people.visitor("linus")
    await expect(console.get_by_role("heading", name="Connections")).to_be_visible()

    for page, name in ((grace, "grace"), (linus, "linus")):
        await enter(page, "first-light")
        row = connection_of(console, name, "first-light")
        await expect(row).to_be_visible()
        await expect(row).to_contain_text("ChatConsumer")
        await expect(row).to_contain_text("open")

    await open_room(console, "Traffic")
    await say(grace, "Do you see the console?")
    await expect(linus.get_by_role("log")).to_contain_text("Do you see the console?")
    told = messages(console).filter(has_text="Do you see the console?")
    await expect(told.filter(has_text="websocket.receive")).to_have_count(1)
    sent = told.filter(has_text="websocket.send")
    await expect(sent).to_have_count(2)
    for name in ("grace", "linus"):
        await expect(sent.filter(has=console.get_by_text(name, exact=True))).to_have_count(1)
    # The group message stands between the frame that came in and the frames that went out.
    order = [_gist(line) for line in await told.all_inner_texts()]
    assert order[-1] == "websocket.receive"
    assert order[-2] == "chat.message"
    assert order.index("websocket.send") < order.index("chat.message")

    await open_room(console, "Connections")
    await linus.close()
    gone = connection_of(console, "linus", "first-light")
    await expect(gone).to_contain_text("closed")
    await expect(gone).to_contain_text("1001")
    await expect(gone).to_contain_text("by client")
    await expect(connection_of(console, "grace", "first-light")).to_contain_text("open")


async def test_a_close_by_the_application_is_told_from_one_by_the_client(people: People) -> None:
    console, stranger = await people.staff(), await people.anybody()
    await stranger.goto("/")
    await stranger.evaluate("new WebSocket(`ws://${location.host}/ws/chat/closed-doors/`) && 0")
    row = connection_of(console, "anonymous", "closed-doors")
    await expect(row).to_contain_text("4401")
    await expect(row).to_contain_text("by application")


async def test_what_the_client_page_sends_shows_in_both_chats(people: People) -> None:
    console = await people.staff()
    grace, linus = await people.visitor("grace"), await people.visitor("linus")
    await enter(grace, "from-the-client")
    await enter(linus, "from-the-client")

    await open_room(console, "Client")
    await console.get_by_label("Route").select_option(label="ws/chat/<slug:room>/ → ChatConsumer")
    await console.get_by_label("room", exact=True).fill("from-the-client")
    await console.get_by_role("button", name="Connect", exact=True).click()
    transcript = console.get_by_role("log", name="Transcript")
    await expect(transcript).to_contain_text("welcome")
    await expect(grace.get_by_role("log")).to_contain_text("ada came in")

    message = '{"type": "message", "text": "hello from the console"}'
    await console.get_by_role("textbox", name="Message").fill(message)
    await console.get_by_role("button", name="Send").click()
    for page in (grace, linus):
        await expect(page.get_by_role("log")).to_contain_text("hello from the console")
    await expect(transcript.get_by_text("hello from the console")).to_have_count(2)

    await console.get_by_role("link", name="See it in Connections").click()
    row = connection_of(console, "ada", "from-the-client")
    await expect(row.get_by_text("console", exact=True)).to_be_visible()


def _gist(line: str) -> str:
    known = ("websocket.receive", "websocket.send", "chat.message")
    return next(word for word in known if word in line)
