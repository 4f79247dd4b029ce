"""The demo's own pages in a real browser."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from tests.e2e.people import PHONE, People, enter, say, status

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_two_people_chat(people: People) -> None:
    grace, linus = await people.visitor("grace"), await people.visitor("linus")
    await enter(grace, "two")
    await enter(linus, "two")
    here = grace.get_by_role("list", name="Here now")
    await expect(here.get_by_role("listitem")).to_have_text(["grace (you)", "linus"])

    said = linus.get_by_role("log")
    await say(grace, "<b>Hello</b>, Linus")
    await expect(said).to_contain_text("<b>Hello</b>, Linus")

    await grace.clock.install()
    await grace.clock.pause_at(time.time() + 60)  # or the sign would fade by itself
    await linus.get_by_role("textbox", name="Message").press_sequentially("Hi")
    await expect(grace.get_by_text("linus is typing")).to_be_visible()
    await linus.keyboard.press("Enter")
    await expect(grace.get_by_role("log")).to_contain_text("Hi")
    await expect(grace.get_by_text("linus is typing")).to_be_hidden()

    await linus.close()
    await expect(grace.get_by_role("log")).to_contain_text("linus left")
    await expect(here.get_by_role("listitem")).to_have_text(["grace (you)"])


async def test_a_thumbnail_that_somebody_asks_for_is_seen_by_all(people: People) -> None:
    grace, linus = await people.visitor("grace"), await people.visitor("linus")
    await enter(grace, "pictures")
    await enter(linus, "pictures")
    await say(grace, "/thumb hello")
    image = linus.get_by_role("log").get_by_role("img", name="hello")
    await expect(image).to_be_visible()
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 192


async def test_a_connection_that_is_lost_comes_back_and_keeps_what_was_typed(
    people: People,
) -> None:
    grace = await people.visitor("grace")
    sockets: list[WebSocketRoute] = []

    def pass_through(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    await grace.clock.install()
    await grace.route_web_socket("**/ws/chat/**", pass_through)
    await enter(grace, "shaky")
    field, send = (
        grace.get_by_role("textbox", name="Message"),
        grace.get_by_role("button", name="Send"),
    )
    await field.fill("half a sen")
    await grace.clock.pause_at(time.time() + 60)  # or it would try before anybody has seen it
    await sockets[0].close(code=1012)
    await expect(status(grace)).to_contain_text("trying again")
    await expect(send).to_be_disabled()

    await grace.clock.resume()
    await expect(status(grace)).to_have_text("Live")
    assert len(sockets) == 2
    await expect(field).to_have_value("half a sen")
    await send.click()
    await expect(grace.get_by_role("log")).to_contain_text("half a sen")


async def test_a_session_that_ended_elsewhere_is_told_and_not_asked_for_again(
    people: People,
) -> None:
    grace = await people.visitor("grace")
    await grace.route_web_socket("**/ws/chat/**", lambda socket: _close(socket, 4401))
    await grace.goto("/chat/lobby/")
    await expect(status(grace)).to_have_text("Sign in first (4401)")


async def test_an_echo_answers_under_the_name_that_was_set(people: People) -> None:
    page = await people.anybody()
    await page.goto("/echo/")
    heard = page.get_by_role("log").get_by_role("listitem")
    await expect(heard).to_have_text(["[Welcome Anonymous!]"])
    for text, answer in (
        ("hello", "Anonymous: hello"),
        ("/name Grace", "[set your username to Grace]"),
        ("hello", "Grace: hello"),
    ):
        await page.get_by_role("textbox", name="Words").fill(text)
        await page.keyboard.press("Enter")
        await expect(heard.nth(-2)).to_have_text(text)
        await expect(heard.last).to_have_text(answer)


async def test_each_visit_of_the_log_counts(people: People) -> None:
    page = await people.anybody()
    counts = []
    for _ in range(2):
        await page.goto("/log/")
        line = page.get_by_role("log").get_by_role("listitem").first
        await expect(line).to_contain_text("so far")
        counts.append(int((await line.inner_text()).split()[0]))
    assert counts[1] == counts[0] + 1


async def test_the_ticker_ticks(people: People) -> None:
    page = await people.anybody()
    await page.goto("/ticker/")
    # Each number is there for a second only.
    await expect(page.locator("[data-part=count]")).to_have_text(re.compile(r"^([2-9]|\d\d+)$"))


async def test_a_headline_reaches_everybody_who_waits_and_stays_for_those_who_come_later(
    people: People,
) -> None:
    writer, reader = await people.anybody(), await people.anybody()
    await writer.goto("/news/")
    await reader.goto("/news/")
    await expect(reader.get_by_text("Request 1 is waiting")).to_be_visible()
    for text in ("Long polls still work", "And again"):
        await writer.get_by_role("textbox", name="Headline").fill(text)
        await writer.keyboard.press("Enter")
        for page in (writer, reader):
            await expect(page.get_by_role("log")).to_contain_text(text)
    await reader.reload()
    await expect(reader.get_by_role("log")).to_contain_text("And again")


async def test_a_headline_that_is_typed_while_the_last_one_is_being_published_stays(
    people: People,
) -> None:
    page = await people.anybody()
    may_go, is_there = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "POST":
            is_there.set()
            await may_go.wait()
        await route.continue_()

    await page.route("**/news/", hold)
    await page.goto("/news/")
    field = page.get_by_role("textbox", name="Headline")
    await field.fill("The first of two")
    await page.keyboard.press("Enter")
    await is_there.wait()
    await field.press_sequentially("The second")
    async with page.expect_response(lambda response: response.request.method == "POST"):
        may_go.set()
    await expect(page.get_by_role("log")).to_contain_text("The first of two")
    await expect(field).to_have_value("The second")


async def test_a_headline_that_could_not_be_published_is_not_lost(people: People) -> None:
    page = await people.anybody()
    people.expected.append("Failed to load resource")
    await page.goto("/news/")
    await page.route("**/news/", lambda route: route.abort())
    field = page.get_by_role("textbox", name="Headline")
    await field.fill("Kept")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Not published: no answer")).to_be_visible()
    await expect(field).to_have_value("Kept")


async def test_no_page_is_wider_than_a_phone(people: People) -> None:
    page = await people.visitor("grace", viewport=PHONE)
    for path in ("/", "/chat/lobby/", "/echo/", "/log/", "/ticker/", "/news/"):
        await page.goto(path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width == PHONE["width"], path


async def _close(socket: WebSocketRoute, code: int) -> None:
    await socket.close(code=code, reason="Sign in first")
