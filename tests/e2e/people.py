"""People of a browser test: each has a browser context, so a session and a theme of their own."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    StorageState,
    expect,
)

from tests.e2e.servers import SOON_S, DemoServer

DESKTOP = {"width": 1440, "height": 900}
TELL_OF_REFUSALS = """addEventListener("securitypolicyviolation", (event) =>
    console.error("refused by the policy:", event.violatedDirective, event.blockedURI))"""

PHONE = {"width": 390, "height": 844}


class People:
    """Whoever takes part in a test.

    Attributes:
        problems: what browsers have complained about: script errors, failed loads, and
            whatever the Content-Security-Policy refused.
        expected: parts of complaints that the test itself provokes.
    """

    def __init__(self, browser: Browser, url: str, staff_session: StorageState) -> None:
        self.problems: list[str] = []
        self.expected: list[str] = []
        self._browser = browser
        self._url = url
        self._staff_session = staff_session
        self._contexts: list[BrowserContext] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for context in self._contexts:
            await context.close()

    async def anybody(self, **options: Any) -> Page:
        """Return a page of somebody who is not signed in.

        Args:
            options: of the browser context, such as `viewport` or `color_scheme`.
        """
        context = await self._browser.new_context(
            base_url=self._url, **{"viewport": DESKTOP, **options}
        )
        self._contexts.append(context)
        await context.add_init_script(TELL_OF_REFUSALS)
        page = await context.new_page()
        page.on("console", self._note_message)
        page.on("pageerror", self._note_error)
        return page

    async def staff(self, *, at: str | None = "/console/connections/", **options: Any) -> Page:
        """Return a page of the staff user, who is signed in.

        Args:
            at: what they look at; None for nothing yet.
        """
        page = await self.anybody(storage_state=self._staff_session, **options)
        if at is not None:
            await page.goto(at)
        return page

    async def visitor(self, name: str, **options: Any) -> Page:
        """Return a page of a visitor who has chosen a name and sees the demo's home page."""
        page = await self.anybody(**options)
        await page.goto("/sign-in/")
        await page.get_by_label("Your name").fill(name)
        await page.get_by_role("button", name="Come in").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return page

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(message.text)

    def _note_error(self, error: Error) -> None:
        self._note(f"uncaught: {error}")

    def _note(self, problem: str) -> None:
        if not any(part in problem for part in self.expected):
            self.problems.append(problem)


async def sign_in(browser: Browser, demo: DemoServer) -> StorageState:
    """Return the cookies of the staff user, who has followed a one-time link."""
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(demo.new_sign_in_link())
        return await context.storage_state()


async def enter(page: Page, room: str) -> None:
    """Go to a chat room and wait until the page is connected."""
    await page.goto(f"/chat/{room}/")
    await expect(status(page)).to_have_text("Live")


def status(page: Page) -> Locator:
    """Return where the page of a demo says how its connection is."""
    return page.get_by_role("main").get_by_role("status")


async def say(page: Page, text: str) -> None:
    """Write a message in the chat room that the page shows, and send it."""
    await page.get_by_role("textbox", name="Message").fill(text)
    await page.keyboard.press("Enter")


async def look_at(page: Page, address: str) -> None:
    """Go to a page of the console; return when its socket has brought something.

    What happens from then on is news to it; what happened before may be on it already.
    """
    heard = asyncio.Event()
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: heard.set()))
    await page.goto(address)
    async with asyncio.timeout(SOON_S):
        await heard.wait()


async def say_and_hear(page: Page, text: str) -> None:
    """Say something in the chat room that the page shows; return when it has come back."""
    await say(page, text)
    await expect(page.get_by_role("log")).to_contain_text(text)


async def open_room(console: Page, name: str) -> None:
    """Go to a room of the console by its navigation; return when its scripts have come, too."""
    link = console.get_by_role("navigation", name="Console").get_by_role("link", name=name)
    await link.click()
    await expect(link).to_have_attribute("aria-current", "page")
    await expect(console.get_by_role("heading", name=name)).to_be_visible()
    await console.wait_for_load_state()


async def session_cookie(page: Page) -> str:
    """Return the header by which a plain client is the person of `page`."""
    cookies = await page.context.cookies()
    return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies)
