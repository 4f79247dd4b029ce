"""`make shots`: a picture of every room of the console, in both themes, wide and narrow.

The rooms are those of the navigation, so that a new one has its pictures by itself. Writes
palette PNGs into `docs/images/`, of which the documentation shows some.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from console.pages.rooms import SECTIONS
from tools.scene import Scene, playing

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
THEMES = ("dark", "light")
SIZES = {1440: 900, 390: 844}
COLOURS = 256
"""Of a palette, as far apart as they can be: glyphs keep theirs, and a picture is small."""

TELLING = {
    "connections": "/ws/chat/lobby/",
    "traffic": "merging now",
    "groups": "chat.lobby",
}
"""What the row says that is opened in a room."""

QUERIES = {"routing": "?path=/ws/chat/lobby/"}

SETTLED_MS = 1_200
"""Fonts, the first batch of the socket and the fade of new rows are over by then."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: an address of the console, and what it is called."""

    name: str
    path: str


async def main(arguments: Sequence[str] | None = None) -> None:
    """Take the pictures that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of rooms; all, if none is named")
    parser.add_argument("--into", type=Path, default=IMAGES, help="folder to write into")
    asked = parser.parse_args(arguments)
    asked.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        async with playing(Path(data)) as scene:
            link = scene.servers[0].new_sign_in_link()
            state = await _signed_in(scene, link)
            shots = [shot async for shot in _shots(scene, state)]
            for shot in shots:
                if not asked.names or shot.name in asked.names:
                    await scene.talk()
                    for theme in THEMES:
                        for width in SIZES:
                            await _take(scene, state, shot, theme, width, asked.into)


async def _signed_in(scene: Scene, link: str) -> Path:
    context = await scene.chromium.new_context()
    page = await context.new_page()
    await page.goto(link)
    path = Path(tempfile.mkdtemp()) / "state.json"
    await context.storage_state(path=path)
    await context.close()
    return path


async def _shots(scene: Scene, state: Path) -> AsyncIterator[Shot]:
    """Yield the rooms, each with something open, and the pages of one thing below them."""
    context = await scene.chromium.new_context(
        base_url=scene.url, storage_state=state, viewport={"width": 1440, "height": 900}
    )
    page = await context.new_page()
    for room in (room for _, section in SECTIONS for room in section):
        await page.goto(f"/console/{room.name}/{QUERIES.get(room.name, '')}")
        yield Shot(room.name, await _opened(page, room.name))
        if room.name == "connections":
            yield Shot("connection", await _leads_to(page, "a[data-open]"))
        if room.name == "traces":
            yield Shot("trace", await _trace(page))
    yield Shot("recording", await _recorded(page))
    yield Shot("shortcuts", "/console/traffic/")
    await context.close()


async def _opened(page: Page, name: str) -> str:
    """Open a telling row of a room's list, if it has one; return the address that shows it."""
    if name in TELLING:
        await page.locator("[data-list] [data-id]").filter(has_text=TELLING[name]).first.click()
        await page.wait_for_url(re.compile(r"[?&](selected|message)=|/groups/."))
    return page.url


async def _leads_to(page: Page, selector: str) -> str:
    return await page.locator(selector).first.evaluate("link => link.href")


async def _recorded(page: Page) -> str:
    await page.goto("/console/traffic/?q=path:/ws/chat/lobby/")
    await page.get_by_role("button", name="Record this").click()
    await page.wait_for_url(re.compile(r"/console/recordings/\d+/"))
    return page.url


async def _trace(page: Page) -> str:
    await page.goto("/console/traces/?q=%22merging+now%22+type:websocket.receive")
    await page.goto(await _leads_to(page, "[data-list] a[data-row-link]"))
    delivery = page.locator("[data-list] [data-id]").filter(has=page.locator("[data-dir=deliver]"))
    await delivery.last.click()
    await page.locator(".drawer:not([hidden])").wait_for()
    return page.url


async def _take(scene: Scene, state: Path, shot: Shot, theme: str, width: int, into: Path) -> None:
    context = await scene.chromium.new_context(
        base_url=scene.url,
        storage_state=state,
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": SIZES[width]},
    )
    page = await context.new_page()
    # On a phone an open inspector would hide the list, which the picture is of.
    hides = re.compile(r"([?&])(?:selected|message)=[^&]*&?")
    await page.goto(hides.sub(r"\1", shot.path) if width < 640 else shot.path)
    if shot.name == "shortcuts":
        await page.locator("#shortcuts").evaluate("dialog => dialog.showModal()")
    if shot.name == "client":
        await _talk_with_the_client(page)
    await page.wait_for_timeout(SETTLED_MS)
    picture = Image.open(io.BytesIO(await page.screenshot()))
    small = picture.convert("RGB").quantize(
        COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
    )
    file = into / f"{shot.name}-{theme}-{width}.png"
    small.save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size:,} bytes", file=sys.stderr)
    await context.close()


async def _talk_with_the_client(page: Page) -> None:
    await page.get_by_label("Route").first.select_option(
        label="ws/chat/<slug:room>/ → ChatConsumer"
    )
    await page.get_by_role("button", name="Connect", exact=True).first.click()
    await page.get_by_role("log").filter(has_text="welcome").first.wait_for()


if __name__ == "__main__":
    asyncio.run(main())
