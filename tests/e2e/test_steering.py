"""Acting from the console of one process on connections of another, in a real browser.

Two servers share a Redis and a database. One is the console's; the other serves what it acts
on, and lets only those of the staff act who have the permission. A third is read-only.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, closing
from typing import Any

import pytest
import pytest_asyncio
import websockets
from playwright.async_api import Browser, Page, StorageState, expect
from websockets.asyncio.client import ClientConnection
from websockets.typing import Origin

from tests.e2e.people import PHONE, People, session_cookie, sign_in
from tests.e2e.servers import DAPHNE, SOON_S, DemoServer, run_django, running_demo
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRICT = {"PROCESS_NAME": "two", "STAFF_MAY_STEER": False}

MAKE_WATCHER = """
from django.contrib.auth.models import User
from console.demo.accounts import sign_in_path
user, _ = User.objects.get_or_create(username="watcher", defaults={"is_staff": True})
print(sign_in_path(user))
"""
LAST_ENTRIES = """
SELECT username || ' | ' || object_repr || ' | ' || change_message
FROM django_admin_log JOIN auth_user ON auth_user.id = user_id
ORDER BY action_time DESC LIMIT 5
"""


class Servers:
    """The three of them."""

    def __init__(self, one: DemoServer, two: DemoServer, locked: DemoServer) -> None:
        self.one, self.two, self.locked = one, two, locked

    def audit(self) -> str:
        """Return the last lines that the admin's log has, the newest first."""
        with closing(sqlite3.connect(self.one.database)) as database:
            return "\n".join(line for (line,) in database.execute(LAST_ENTRIES))


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[Servers]:
    data = tmp_path_factory.mktemp("steering")
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.support.demo_on_redis",
        "DEMO_LAYER": "runtime.layers.redis.RedisChannelLayer",
        "DEMO_REDIS_URL": redis_server.url,
    }
    own: dict[str, dict[str, Any]] = {
        "one": {"PROCESS_NAME": "one"},
        "two": STRICT,
        "locked": {"PROCESS_NAME": "locked", "READ_ONLY": True},
    }
    with ExitStack() as stack:
        yield Servers(
            *(
                stack.enter_context(
                    running_demo(
                        DAPHNE,
                        data,
                        name=name,
                        **variables,
                        DEMO_CHANNELSCOPE=json.dumps(said),
                    )
                )
                for name, said in own.items()
            )
        )


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def signed_in(chromium: Browser, servers: Servers) -> StorageState:
    """Return the cookies of the staff user at the first process."""
    return await sign_in(chromium, servers.one)


@pytest_asyncio.fixture(loop_scope="session")
async def console(
    chromium: Browser, servers: Servers, signed_in: StorageState
) -> AsyncIterator[Page]:
    """Yield a page of the staff at the console of the first process."""
    async with People(chromium, servers.one.url, signed_in) as people:
        people.expected.append("422")  # a browser counts an answer that asks again as a failure
        yield await people.staff()
        people_problems = people.problems
    assert people_problems == []


@pytest_asyncio.fixture(loop_scope="session")
async def chats(chromium: Browser, servers: Servers) -> AsyncIterator[Any]:
    """Yield what opens a chat on the second process, as somebody who is signed in."""
    async with People(chromium, servers.one.url, {}) as people, AsyncExitStack() as sockets:
        cookie = await session_cookie(await people.visitor("linus"))

        async def chat(room: str) -> ClientConnection:
            socket = await sockets.enter_async_context(
                websockets.connect(
                    f"{servers.two.websocket_url}/ws/chat/{room}/",
                    origin=Origin(servers.two.url),
                    additional_headers={"Cookie": cookie},
                )
            )
            await hear(socket, "welcome")
            return socket

        yield chat


async def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next frame of that type."""
    while True:
        said = json.loads(await anext_within(socket))
        if said["type"] == kind:
            return dict(said)


async def anext_within(socket: ClientConnection) -> str:
    import asyncio

    async with asyncio.timeout(SOON_S):
        return str(await socket.recv())


async def select(console: Page, room: str) -> None:
    """Show the chats of a room, and one of them in the inspector."""
    await console.goto(f"/console/connections/?q=path:*{room}*+is:open")
    row = console.get_by_role("region", name="Connections").get_by_role("row", name=room)
    await row.first.click()
    await expect(console.get_by_role("complementary", name="Inspector")).to_be_visible()


async def test_a_process_that_did_not_answer_is_shown_once_it_is_heard_of_again(
    console: Page, chats: Any, servers: Servers
) -> None:
    await chats("late")
    row = console.get_by_role("region", name="Connections").get_by_role("row", name="late")
    await console.goto("/console/connections/?q=path:*late*")
    await expect(row).to_be_visible()
    os.kill(servers.two.process.pid, signal.SIGSTOP)
    try:
        await console.reload()
        await expect(console.get_by_text("did not answer in time")).to_be_visible()
        await expect(row).to_have_count(0)
    finally:
        os.kill(servers.two.process.pid, signal.SIGCONT)
    await expect(row).to_be_visible()
    await expect(console.get_by_text("did not answer in time")).to_have_count(0)


async def test_a_connection_of_the_other_process_is_closed_and_that_is_seen_and_audited(
    console: Page, chats: Any, servers: Servers
) -> None:
    socket = await chats("closing")
    await select(console, "closing")
    await console.get_by_role("link", name="Close…").click()
    dialog = console.get_by_role("dialog", name="Close this connection?")
    await expect(dialog).to_contain_text("linus on /ws/chat/closing/, two")
    await dialog.get_by_label("Code").fill("4001")
    await dialog.get_by_label("Reason").fill("by hand")
    await dialog.get_by_role("button", name="Close").click()
    await expect(console.locator("#toasts")).to_contain_text("Close: done")
    await socket.wait_closed()
    assert socket.close_code == 4001  # Daphne passes on no reason
    inspector = console.get_by_role("complementary", name="Inspector")
    await expect(inspector).to_contain_text("4001")
    await expect(inspector.get_by_role("link", name="Close…")).to_have_count(0)
    audit = servers.audit()
    assert "ada | connection " in audit
    assert "Closed with code 4001 (by hand). 1 done." in audit


async def test_an_event_runs_the_handler_and_a_frame_reaches_the_client(
    console: Page, chats: Any, servers: Servers
) -> None:
    socket = await chats("sending")
    await select(console, "sending")
    await console.locator("a[data-open]").click()
    await expect(console.get_by_role("navigation", name="Connection")).to_be_visible()
    await console.wait_for_load_state()  # the keys' own script comes after the navigation
    await console.keyboard.press("s")
    dialog = console.get_by_role("dialog", name="Send an event to this connection")
    await dialog.get_by_label("Type").fill("chat.typing")
    await dialog.get_by_label("Event").fill('{"user": {"id": "1", "name": "ops"}}')
    await console.keyboard.press("Control+Enter")
    await expect(console.locator("#toasts")).to_contain_text("Send: done")
    assert (await hear(socket, "typing"))["user"]["name"] == "ops"
    timeline = console.get_by_role("table", name="Timeline")
    await expect(timeline).to_contain_text("console.deliver")
    await expect(timeline).to_contain_text("chat_typing()")

    await console.get_by_role("link", name="To client…").click()
    dialog = console.get_by_role("dialog", name="Send to this connection")
    await dialog.get_by_label("Frame").fill("{")
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Expected JSON")
    await dialog.get_by_label("Frame").fill('{"type": "message", "text": "from outside"}')
    await dialog.get_by_role("button", name="Send").click()
    await expect(dialog).to_have_count(0)
    assert (await hear(socket, "message"))["text"] == "from outside"
    assert "Sent to the client:" in servers.audit()

    await console.goto("/console/traffic/?q=is:console+dir:out")
    messages = console.get_by_role("table", name="Messages")
    await expect(messages).to_contain_text("from outside")


async def test_a_message_is_sent_again_from_traffic(
    console: Page, chats: Any, servers: Servers
) -> None:
    socket = await chats("again")
    await socket.send(json.dumps({"type": "message", "text": "say that twice"}))
    assert (await hear(socket, "message"))["text"] == "say that twice"
    await console.goto("/console/traffic/?q=path:*again*+dir:out+%22say+that+twice%22")
    await console.get_by_role("table", name="Messages").get_by_role("row").first.click()
    panel = console.get_by_role("complementary", name="Message")
    await panel.get_by_role("link", name="Send again…").click()
    dialog = console.get_by_role("dialog", name="Send to this connection")
    await expect(dialog.get_by_label("Frame")).to_have_value(re.compile("say that twice"))
    await dialog.get_by_role("button", name="Send").click()
    assert (await hear(socket, "message"))["text"] == "say that twice"
    assert "Sent to the client:" in servers.audit()


async def test_escape_leaves_the_question_and_goes_back_to_the_button(
    console: Page, chats: Any
) -> None:
    await chats("leaving")
    await select(console, "leaving")
    opener = console.get_by_role("link", name="Add to group…")
    await opener.focus()
    await console.keyboard.press("Enter")
    await expect(console.get_by_role("dialog", name="Add this connection")).to_be_visible()
    await expect(console.get_by_label("Group", exact=True)).to_be_focused()
    await console.keyboard.press("Escape")
    await expect(console.get_by_role("dialog")).to_have_count(0)
    await expect(opener).to_be_focused()
    await expect(console.get_by_role("complementary", name="Inspector")).to_be_visible()


async def test_several_rows_are_selected_with_the_keyboard_and_closed_at_once(
    console: Page, chats: Any, servers: Servers
) -> None:
    sockets = [await chats("several") for _ in range(3)]
    await console.goto("/console/connections/?q=path:*several*+is:open")
    rows = console.locator("#connections tr")
    await expect(rows).to_have_count(3)
    await rows.first.focus()
    for key in ("x", "j", "x"):
        await console.keyboard.press(key)
    bar = console.get_by_role("form", name="Act on several")
    await expect(bar).to_contain_text("2 selected")
    await bar.get_by_role("button", name="Close…").click()
    dialog = console.get_by_role("dialog", name="Close 2 connections?")
    await expect(dialog).to_contain_text("two 2")
    await dialog.get_by_role("button", name="Close 2").click()
    await expect(console.locator("#toasts")).to_contain_text("Close: 2 of 2")
    await expect(bar).to_contain_text("None selected")
    await expect(console.locator('#connections tr[data-state="open"]')).to_have_count(1)

    await bar.get_by_text("Everything that matches…").click()
    await bar.get_by_role("button", name="Close…").click()
    dialog = console.get_by_role("dialog", name="Close this connection?")
    await dialog.get_by_role("button", name="Close").click()
    for socket in sockets:
        await socket.wait_closed()
    assert "1 connections that match" in servers.audit()


async def test_a_group_is_watched_and_a_broadcast_reaches_its_members(
    console: Page, chats: Any, servers: Servers
) -> None:
    first = await chats("grouped")
    await console.goto("/console/groups/")
    await console.get_by_role("link", name="chat.grouped").click()
    group = console.locator("#group")
    await expect(group.get_by_role("heading", name="chat.grouped")).to_be_visible()
    members = group.get_by_role("table", name="Members of chat.grouped")
    await expect(members.get_by_role("row")).to_have_count(2)
    second = await chats("grouped")
    await expect(members.get_by_role("row")).to_have_count(3)
    await expect(console.locator("#happenings")).to_contain_text("group_add")
    await expect(console.locator("#reach")).to_contain_text("Reaches 2 channels")
    await expect(group.get_by_role("img", name="2 members of chat.grouped")).to_be_visible()

    await group.get_by_label("Type").fill("chat.typing")
    await group.get_by_label("Event").fill('{"user": {"id": "1", "name": "ops"}}')
    await group.get_by_role("button", name="Broadcast").click()
    await expect(console.locator("#toasts")).to_contain_text("chat.grouped: done")
    for socket in (first, second):
        assert (await hear(socket, "typing"))["user"]["name"] == "ops"
    assert "ada | group chat.grouped | Channelscope: Broadcast:" in servers.audit()

    await chats("elsewhere")
    await console.get_by_role("link", name="Add channel…").click()
    dialog = console.get_by_role("dialog", name="Add a channel to a group")
    offered = dialog.get_by_label("Connection").locator("option")
    option = offered.filter(has_text="/ws/chat/elsewhere/")
    await dialog.get_by_label("Connection").select_option(await option.first.get_attribute("value"))
    await dialog.get_by_role("button", name="Add").click()
    await expect(members.get_by_role("row")).to_have_count(4)
    await (
        members.get_by_role("row")
        .filter(has_text="/ws/chat/elsewhere/")
        .get_by_role("link", name="Remove…")
        .click()
    )
    await console.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(members.get_by_role("row")).to_have_count(3)

    await members.get_by_role("link", name="Remove…").first.click()
    dialog = console.get_by_role("dialog", name="Remove this connection")
    await dialog.get_by_role("button", name="Remove").click()
    await expect(members.get_by_role("row")).to_have_count(2)
    await second.close()
    await first.close()
    await expect(group.get_by_text("Nobody is in it")).to_be_visible()


async def test_on_a_phone_all_that_is_said_of_a_member_is_in_sight(
    console: Page, chats: Any
) -> None:
    await chats("pocketed")
    await console.set_viewport_size(PHONE)
    await console.goto("/console/groups/chat.pocketed/")
    members = console.get_by_role("table", name="Members of chat.pocketed")
    row = members.get_by_role("row").filter(has_text="/ws/chat/pocketed/")
    await expect(row.get_by_role("cell")).to_have_count(6)
    await row.scroll_into_view_if_needed()
    for cell in (row.get_by_role("rowheader"), *await row.get_by_role("cell").all()):
        await expect(cell).to_be_in_viewport(ratio=1)
    await expect(row.get_by_role("link", name="Remove…")).to_be_in_viewport(ratio=1)


async def test_whoever_may_only_watch_is_refused_by_the_server(
    chromium: Browser, chats: Any, servers: Servers
) -> None:
    socket = await chats("watched")
    path = run_django(servers.two.environment, "shell", "-v", "0", "-c", MAKE_WATCHER)
    async with await chromium.new_context(base_url=servers.two.url) as context:
        page = await context.new_page()
        await page.goto(path.strip().splitlines()[-1])
        await select(page, "watched")
        inspector = page.get_by_role("complementary", name="Inspector")
        await expect(inspector.get_by_role("button", name="Close…")).to_be_disabled()
        await expect(inspector).to_contain_text("You need the permission")
        await expect(page.get_by_role("form", name="Act on several")).to_have_count(0)
        target = await page.locator("#connections tr").first.evaluate(
            "row => `${row.dataset.process}:${row.dataset.id}`"
        )
        assert await attempt(page, target) == 403
    await socket.ping()
    assert socket.close_code is None
    assert "watcher" not in servers.audit()


async def test_a_console_that_is_read_only_refuses_its_administrator(
    chromium: Browser, chats: Any, servers: Servers
) -> None:
    socket = await chats("locked")
    async with await chromium.new_context(base_url=servers.locked.url) as context:
        page = await context.new_page()
        await page.goto(servers.locked.new_sign_in_link())
        await select(page, "locked")
        inspector = page.get_by_role("complementary", name="Inspector")
        await expect(inspector).to_contain_text("read-only")
        target = await page.locator("#connections tr").first.evaluate(
            "row => `${row.dataset.process}:${row.dataset.id}`"
        )
        assert await attempt(page, target) == 403
    assert socket.close_code is None


async def attempt(page: Page, target: str) -> int:
    """Send what the page does not offer, with the page's own session and token."""
    status: int = await page.evaluate(
        """async target => {
            const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
            const body = new URLSearchParams({ target, code: "1000", csrfmiddlewaretoken: token });
            return (await fetch("/console/act/close/", { method: "POST", body })).status;
        }""",
        target,
    )
    return status
