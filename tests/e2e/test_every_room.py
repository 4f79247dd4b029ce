"""Every room and page of the console: accessible, quiet, and as wide as its screen."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, StorageState, expect

from tests.e2e.addresses import ROOMS, walk
from tests.e2e.people import PHONE, People, enter, say
from tests.e2e.servers import DemoServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

THEMES = ("dark", "light")

OPEN_PANEL = ".drawer:not([hidden])"

AXE = {"resultTypes": ["violations"], "iframes": False}

HALF_A_LETTER = r'{"type": "message", "text": "half a letter: \ud83d"}'
"""No layer can carry it: the handler fails."""

WIDER_THAN_THE_SCREEN = """() => {
    const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    const cuts = (element) => getComputedStyle(element).textOverflow === "ellipsis";
    const ends = (element) => Math.round(element.getBoundingClientRect().right);
    const isWide = (element) => ends(element) > innerWidth;
    const isHeld = (element) => {
        for (let at = element; at && at !== document.body; at = at.parentElement) {
            if (cuts(at) || (at !== element && scrolls(at) && !isWide(at))) return true;
        }
        return false;
    };
    const name = (element) => [element.tagName.toLowerCase(), ...element.classList].join(".");
    const isSeen = (element) => element.checkVisibility() && !element.closest(".vh, .skip, svg *");
    const { scrollWidth } = document.documentElement;
    const whole = scrollWidth > innerWidth ? [`the document ends at ${scrollWidth}`] : [];
    return whole.concat([...document.querySelectorAll("body *")]
        .filter(isSeen)
        .filter((element) => isWide(element) && !isHeld(element))
        .slice(0, 8)
        .map((element) => `${name(element)} ends at ${ends(element)}`));
}"""


@dataclass(frozen=True, slots=True)
class Walked:
    """Somebody has been everywhere.

    Attributes:
        addresses: where that is.
        problems: what the browser has complained of there.
    """

    addresses: list[str]
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Judged:
    """What axe has said of every page.

    Attributes:
        found: what it complains of, by theme and address.
        problems: what the browser has complained of meanwhile.
    """

    found: dict[str, dict[str, Any]]
    problems: list[str]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def walked(
    chromium: Browser, demo: DemoServer, staff_session: StorageState
) -> AsyncIterator[Walked]:
    """Yield where to go, once something of everything has happened; it goes on meanwhile."""
    async with People(chromium, demo.url, staff_session) as people:
        addresses = await _addresses(people)
        yield Walked(addresses, list(people.problems))


@pytest.fixture(scope="module")
def addresses(walked: Walked) -> list[str]:
    """Return where to go."""
    return walked.addresses


async def _addresses(people: People) -> list[str]:
    grace = await people.visitor("grace")
    await enter(grace, "every-room")
    await say(grace, "seen from everywhere")
    await grace.evaluate(
        "globalThis.sockets = ['echo', 'ticker'].map((one) => new WebSocket(`/ws/${one}/`))"
    )
    await grace.evaluate(
        """text => new Promise((resolve) => {
            const socket = new WebSocket("/ws/chat/every-room/");
            socket.onopen = () => socket.send(text);
            socket.onclose = () => resolve();
        })""",
        HALF_A_LETTER,
    )
    console = await people.staff(at="/console/traffic/?q=path:*every-room*")
    await console.get_by_role("button", name="Record this").click()
    await expect(console).to_have_url(re.compile(r"/console/recordings/\d+/"))
    await console.goto("/console/traffic/?q=is:error")
    await expect(console.locator("#tail [data-id]").first).to_be_visible()
    return await walk(console, lambda: _is_quiet(console))


async def _is_quiet(page: Page) -> None:
    await _has_settled(page)
    if await page.locator("#live").count():
        await expect(page.locator("#live")).not_to_have_attribute("data-lost", "")


async def settled(page: Page, address: str) -> None:
    """Go there, and return when all of it is there."""
    await page.goto(address)
    await _has_settled(page)


async def _has_settled(page: Page) -> None:
    await page.wait_for_load_state("load")
    await page.evaluate("document.fonts.ready")


async def test_the_walk_comes_through_every_room_and_what_is_in_it(addresses: list[str]) -> None:
    paths = [address.partition("?")[0] for address in addresses]
    assert {f"/console/{room.name}/" for room in ROOMS} <= set(paths)
    deeper = [
        path for path in paths if path.startswith(("/console/connections/", "/console/traces/"))
    ]
    assert {path.count("/") for path in deeper} == {3, 4}, "a room's rows lead to their pages"
    assert any("message=" in address for address in addresses), "a message is open somewhere"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def judged(
    chromium: Browser, demo: DemoServer, staff_session: StorageState, addresses: list[str]
) -> Judged:
    """Return what axe complains of at each address, in each theme.

    A theme is the value of `color-scheme` and nothing else, so a page that is there can change it.
    """
    found: dict[str, dict[str, Any]] = {theme: {} for theme in THEMES}
    async with People(chromium, demo.url, staff_session) as people:
        console = await people.staff(at=None, reduced_motion="reduce")
        for address in addresses:
            await settled(console, address)
            for theme in THEMES:
                await console.emulate_media(color_scheme=theme, reduced_motion="reduce")
                if violations := await violations_of(console):
                    found[theme][address] = violations
        return Judged(found, list(people.problems))


async def violations_of(page: Page) -> list[dict[str, Any]]:
    """Return what axe complains of in a page as it is now."""
    if not await page.evaluate("'axe' in globalThis"):
        await page.evaluate(Axe().axe_script)
    found = await page.evaluate(
        "async (options) => (await axe.run(document, options)).violations", AXE
    )
    return [_violation(one) for one in found]


@pytest.mark.parametrize("theme", THEMES)
async def test_axe_finds_nothing_to_complain_of(judged: Judged, theme: str) -> None:
    assert judged.problems == []
    assert judged.found[theme] == {}, json.dumps(judged.found[theme], indent=1)


@pytest.mark.parametrize("theme", THEMES)
async def test_axe_complains_of_what_is_wrong_in_one_theme(people: People, theme: str) -> None:
    console = await people.staff(reduced_motion="reduce")
    await console.evaluate(
        """wrong => {
            const shade = wrong === "dark" ? "light-dark(black, #222)" : "light-dark(#eee, white)";
            const text = document.createElement("p");
            text.textContent = "hard to read";
            text.style.color = shade;
            text.style.background = "light-dark(white, black)";
            document.querySelector("main").append(text);
        }""",
        theme,
    )
    found = {}
    for one in THEMES:
        await console.emulate_media(color_scheme=one, reduced_motion="reduce")
        found[one] = [violation["id"] for violation in await violations_of(console)]
    assert found == {one: ["color-contrast"] if one == theme else [] for one in THEMES}


async def test_axe_does_complain_of_what_is_wrong(people: People) -> None:
    console = await people.staff()
    await console.evaluate(
        "document.querySelector('main').append(document.createElement('button'))"
    )
    assert [one["id"] for one in await violations_of(console)] == ["button-name"]


async def test_the_shortcuts_and_the_door_are_accessible_too(people: People) -> None:
    console = await people.staff(reduced_motion="reduce")
    await console.keyboard.press("?")
    await expect(console.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    door = await people.anybody(reduced_motion="reduce")
    await door.goto("/console/login/")
    for page in (console, door):
        assert await violations_of(page) == []


async def test_no_page_says_anything_in_the_browser_s_console(walked: Walked) -> None:
    assert walked.problems == []


async def test_nothing_moves_for_who_asks_for_less_motion(people: People) -> None:
    console, grace = (
        await people.staff(at=None, reduced_motion="reduce"),
        await people.visitor("grace"),
    )
    await console.goto("/console/traffic/?q=dir:in+path:*still*")
    await console.wait_for_load_state()
    await enter(grace, "still")
    await say(grace, "nothing moves")
    await expect(console.locator("#tail [data-new]").first).to_be_visible()
    moving = await console.evaluate(
        """() => document.getAnimations()
            .filter((one) => one.effect.getComputedTiming().duration > 0).length"""
    )
    assert moving == 0


async def test_nothing_is_wider_than_a_phone(people: People, addresses: list[str]) -> None:
    console = await people.staff(at=None, viewport=PHONE)
    wide: dict[str, Any] = {}
    for address in addresses:
        await settled(console, address)
        found = await console.evaluate(WIDER_THAN_THE_SCREEN)
        for menu in await console.locator("details.menu > summary").all():
            # A panel is a sheet over the lower part of a phone's screen, its bar included.
            if await menu.is_visible() and not await console.locator(OPEN_PANEL).count():
                await menu.click()
                found += await console.evaluate(WIDER_THAN_THE_SCREEN)
                await menu.click()
        if found:
            wide[address] = found
    assert wide == {}, json.dumps(wide, indent=1)


def _violation(found: dict[str, Any]) -> dict[str, Any]:
    nodes = [
        f"{node['html'][:200]} | {node['failureSummary'][:300]}" for node in found["nodes"][:4]
    ]
    return {"id": found["id"], "count": len(found["nodes"]), "nodes": nodes}
