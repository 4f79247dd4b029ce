"""What somebody sends to do harm is shown as what it is, in every room that shows payloads."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.people import People

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
CONTROL = "a\x00b\x07c\x1b[31md"
REVERSED = "invoice\u202egnp.exe"
HUGE = '{"id": 123456789012345678901234567890, "one": 1e400}'
BROKEN_UTF8 = [0x61, 0xFF, 0xFE, 0xC3, 0x28]
MEGABYTE = 1_000_000
NESTED = "[" * 500 + "]" * 500

SEND = """payloads => new Promise((resolve, reject) => {
    const socket = new WebSocket("/ws/echo/");
    let heard = 0;
    socket.onopen = () => {
        for (const one of payloads) socket.send(Array.isArray(one) ? new Uint8Array(one) : one);
    };
    socket.onmessage = () => { if (++heard > payloads.length) resolve(); };
    socket.onclose = () => reject(new Error("the echo hung up"));
    globalThis.kept = socket;
})"""


async def open_one(console: Page, address: str, row: str | re.Pattern[str]) -> None:
    await console.goto(address)
    rows = console.locator("[data-list] [data-id]")
    await rows.filter(has_text=row).first.click()
    await expect(console.get_by_role("complementary", name="Message")).to_be_visible()


def payload(console: Page):
    return console.locator("#message-body")


async def test_payloads_that_are_hostile_are_text_wherever_they_are_shown(people: People) -> None:
    sender, console = await people.anybody(), await people.staff(at=None)
    await sender.goto("/echo/")
    big = "x" * MEGABYTE
    await sender.evaluate(SEND, [SCRIPT, CONTROL, REVERSED, HUGE, BROKEN_UTF8, big, NESTED])
    traffic = "/console/traffic/?q=path:/ws/echo/+dir:in"

    await open_one(console, traffic, "<script>")
    await expect(payload(console)).to_contain_text(SCRIPT)
    await console.get_by_role("link", name="Trace", exact=True).click()
    await expect(console.locator("#trace-head h2")).to_contain_text("<script>")
    await expect(payload(console)).to_contain_text(SCRIPT)
    await console.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()
    await expect(console.locator("#timeline-rows")).to_contain_text("<script>")
    connection = console.url
    assert "owned" not in await console.title()

    await open_one(console, traffic, re.compile("a·b·c·"))
    await expect(payload(console).locator("pre")).to_have_text(r"a\x00b\x07c\x1b[31md")

    await open_one(console, traffic, "invoice")
    row = console.locator("[data-list] [aria-selected=true] .prev")
    assert "\u202e" not in (await row.text_content() or "")
    await expect(payload(console).locator("pre")).to_have_text(r"invoice\u202egnp.exe")

    await open_one(console, traffic, "123456789012345678901234567890")
    await expect(payload(console)).to_contain_text("123456789012345678901234567890")

    await open_one(console, traffic, "61 ff fe c3 28")
    await expect(payload(console)).to_contain_text("61 ff fe c3 28")

    await open_one(console, traffic, re.compile("x{80}"))
    await expect(payload(console)).to_contain_text("Cut: 1.0 MB passed")
    assert len(await payload(console).locator("pre").text_content() or "") <= 70_000

    await open_one(console, traffic, re.compile(r"\[{40}"))
    await console.goto(connection)
    await expect(console.locator("#timeline-rows [data-id]").first).to_be_visible()
    assert "owned" not in await console.title()


async def test_a_path_that_is_hostile_is_text_too(people: People) -> None:
    sender, console = await people.anybody(), await people.staff(at=None)
    people.expected += ["WebSocket connection to", "404 (Not Found)"]
    await sender.goto("/echo/")
    await sender.evaluate(
        """() => new Promise((resolve) => {
            const socket = new WebSocket("/ws/%3Cscript%3E/%FF%FE/?q=%FF%00%3Cb%3E");
            socket.onclose = () => resolve();
        })"""
    )
    await console.goto("/console/connections/?q=path:*script*")
    await expect(console.locator("[data-list] [data-id]").first).to_contain_text("<script>")
    await console.goto("/console/routing/")
    await expect(console.locator("#missed")).to_contain_text("<script>")
    assert (
        json.loads(
            await console.evaluate(
                "JSON.stringify(!!document.querySelector('main script:not([type])'))"
            )
        )
        is False
    )
