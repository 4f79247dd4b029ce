"""Who gets into the console, by which door, and who is refused before the door opens."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import websockets
from playwright.async_api import Page, expect
from websockets.exceptions import InvalidStatus

from console.pages.rooms import SECTIONS
from tests.e2e.people import People, session_cookie
from tests.e2e.servers import DemoServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIVE = "/console/live/"
ROOMS = [f"/console/{room.name}/" for _, section in SECTIONS for room in section]
ELSEWHERE = "https://elsewhere.test"


def dial(demo: DemoServer, path: str, **headers: str) -> AbstractAsyncContextManager[Any]:
    """Open a WebSocket as a program that sends exactly these headers does."""
    extra: Mapping[str, str] = {name.capitalize(): value for name, value in headers.items()}
    return websockets.connect(demo.websocket_url + path, additional_headers=extra)


async def expect_refusal(demo: DemoServer, path: str, **headers: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with dial(demo, path, **headers):
            pass
    assert refusal.value.response.status_code == 403


async def test_somebody_who_is_not_signed_in_gets_the_login_page_and_no_socket(
    people: People, demo: DemoServer
) -> None:
    page = await people.anybody()
    for room in ROOMS:
        await page.goto(room)
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.url == f"{demo.url}/console/login/?next={room}"
    await expect_refusal(demo, LIVE, origin=demo.url)


async def test_a_visitor_of_the_demo_is_forbidden_and_told_so(
    people: People, demo: DemoServer
) -> None:
    page = await people.visitor("grace")
    people.expected.append("403 (Forbidden)")
    for room in ROOMS:
        response = await page.goto(room)
        assert response is not None
        assert response.status == 403
    await expect(page.get_by_text("You are signed in as grace")).to_be_visible()
    await expect_refusal(demo, LIVE, origin=demo.url, cookie=await session_cookie(page))

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_staff_get_the_socket_from_the_console_s_own_origin_alone(
    people: People, demo: DemoServer
) -> None:
    cookie = await session_cookie(await people.staff())
    async with dial(demo, LIVE, origin=demo.url, cookie=cookie) as socket:
        assert socket.response.status_code == 101
    await expect_refusal(demo, LIVE, origin=ELSEWHERE, cookie=cookie)
    await expect_refusal(demo, LIVE, cookie=cookie)
    await expect_refusal(demo, LIVE, origin="null", cookie=cookie)


async def test_the_demo_s_own_sockets_are_closed_to_other_origins(demo: DemoServer) -> None:
    async with dial(demo, "/ws/echo/", origin=demo.url) as socket:
        assert await socket.recv() == "[Welcome Anonymous!]"
    await expect_refusal(demo, "/ws/echo/", origin=ELSEWHERE)


async def test_a_sign_in_link_works_once(people: People, demo: DemoServer) -> None:
    link = demo.new_sign_in_link()
    first, second = await people.anybody(), await people.anybody()
    await first.goto(link)
    await expect(first.get_by_role("heading", name="Connections")).to_be_visible()

    people.expected.append("410 (Gone)")
    response = await second.goto(link)
    assert response is not None
    assert response.status == 410
    await expect(second.get_by_text("This link no longer works")).to_be_visible()
    await expect_login(second)


async def test_who_signs_out_of_the_console_is_out(people: People, demo: DemoServer) -> None:
    page = await people.anybody()
    await page.goto(demo.new_sign_in_link())
    await page.get_by_label("Account of ada").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect_login(page)


async def test_a_room_that_does_not_exist_yet_is_not_in_the_navigation(people: People) -> None:
    page = await people.staff()
    links = page.get_by_role("navigation", name="Console").get_by_role("listitem")
    labels = [room.label for _, section in SECTIONS for room in section]
    texts = await links.all_inner_texts()
    assert [text.split("\n")[0].strip() for text in texts] == labels


async def expect_login(page: Page) -> None:
    await page.goto("/console/")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
