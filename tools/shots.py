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
FLAT = 160
"""Of a palette's colours the commonest, which surfaces and lines have, are kept as they are; the
others are as far apart as they can be, so that glyphs keep theirs, and a picture is small."""

TELLING = {
    "connections": "/ws/chat/lobby/",
    "traffic": '{"type":"chat.message"',
    "groups": "chat.lobby",
}
"""What the row says that is opened in a room."""

QUERIES = {"routing": "?path=/ws/chat/lobby/"}

SAVED = {
    "Say hello": '{"type": "message", "text": "hello from the console"}',
    "Typing": '{"type": "typing"}',
    "Without a text": '{"type": "message"}',
}
RECORD_MS = 6_000

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
            # By then the charts have something to show.
            shots.sort(key=lambda shot: shot.name == "overview")
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
            yield Shot("connection", await _said(page))
        if room.name == "client":
            await _save_messages(page)
        if room.name == "traces":
            yield Shot("trace", await _trace(page))
    yield Shot("recording", await _recordings(page))
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


async def _said(page: Page) -> str:
    """Return the address of the connection that is inspected, with an event of it open."""
    await page.goto(await _leads_to(page, "a[data-open]"))
    said = page.locator("[data-list] [data-id]").filter(has_text="receive")
    await said.filter(has_text='"text"').first.click()
    await page.wait_for_url(re.compile(r"[?&]message="))
    return page.url


async def _save_messages(page: Page) -> None:
    panel = page.get_by_role("tabpanel").first
    for name, text in SAVED.items():
        await panel.get_by_role("textbox", name="Message").fill(text)
        await panel.get_by_role("button", name="Save as…").click()
        dialog = page.get_by_role("dialog", name="Save this message")
        await dialog.get_by_label("Name").fill(name)
        await dialog.get_by_role("button", name="Save", exact=True).click()
        await panel.get_by_role("region", name="Saved messages").get_by_text(name).first.wait_for()


async def _recordings(page: Page) -> str:
    """Record three things for a while; return where the last, a single connection, is."""
    await page.goto("/console/connections/?q=user:linus%20path:/ws/chat/lobby/%20is:open")
    connection = re.sub(r".*\bselected=(\w+).*", r"/console/connections/\1/", await _first(page))
    for name, path, record in (
        ("All that is said", "/console/traffic/?q=type:chat.message", "Record this"),
        ("Room django", "/console/groups/chat.django/", "Record this"),
        ("Lobby round trip", connection, "Record it"),
    ):
        await page.goto(path)
        await page.locator("form.record [name=name]").evaluate(
            "(it, name) => it.value = name", name
        )
        await page.get_by_role("button", name=record).click()
        await page.wait_for_url(re.compile(r"/console/recordings/\d+/"))
        await page.wait_for_timeout(RECORD_MS)
        await page.get_by_role("button", name="Stop recording").click()
        await page.get_by_role("button", name="Stop recording").wait_for(state="hidden")
    return page.url


async def _first(page: Page) -> str:
    return await _leads_to(page, "[data-list] a[data-row-link]")


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
    hides = re.compile(r"([?&])(?:selected|message|path)=[^&]*&?")
    await page.goto(hides.sub(r"\1", shot.path) if width < 640 else shot.path)
    if shot.name == "shortcuts":
        await page.locator("#shortcuts").evaluate("dialog => dialog.showModal()")
    if shot.name == "client":
        await _talk_with_the_client(page)
    await page.wait_for_timeout(SETTLED_MS)
    small = _small(Image.open(io.BytesIO(await page.screenshot())).convert("RGB"))
    file = into / f"{shot.name}-{theme}-{width}.png"
    small.save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size:,} bytes", file=sys.stderr)
    await context.close()


def _small(picture: Image.Image) -> Image.Image:
    """Return the picture with a palette of its own."""
    counted = picture.getcolors(picture.width * picture.height) or []
    flat = [colour for _, colour in sorted(counted, reverse=True)[:FLAT]]
    apart = picture.quantize(COLOURS - len(flat), method=Image.Quantize.MAXCOVERAGE).getpalette()
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(part for colour in flat for part in colour), *(apart or [])])
    near = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    # It looks at the upper bits alone, and would take one white for another.
    data, place = picture.tobytes(), {colour: number for number, colour in enumerate(flat)}
    pixels = zip(data[::3], data[1::3], data[2::3], strict=True)
    exact = bytes(map(place.get, pixels, near.tobytes()))
    small = Image.frombytes("P", picture.size, exact)
    small.putpalette(near.getpalette() or [])
    return small


async def _talk_with_the_client(page: Page) -> None:
    await page.get_by_label("Route").first.select_option(
        label="ws/chat/<slug:room>/ → ChatConsumer"
    )
    await page.get_by_role("button", name="Connect", exact=True).first.click()
    log = page.get_by_role("log").first
    await log.filter(has_text="welcome").wait_for()
    for name in ("Say hello", "Without a text"):
        await page.get_by_role("region", name="Saved messages").get_by_text(name).first.click()
        await page.get_by_role("button", name="Send", exact=False).first.click()
    await log.filter(has_text="Expected").wait_for()


if __name__ == "__main__":
    asyncio.run(main())
