"""The tail under a flood: what is in the document, what is kept, and what it costs; no clock."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.e2e.people import PHONE, People

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEPT = 500
WHEEL_PX = 4_000
FITS = 60
"""More rows than fit on the screen of these tests, with some to spare."""

FLOOD = """([from, count, each]) => {
    for (let at = from; at < from + count; at += each) {
        const entries = Array.from({ length: each }, (_, n) => ({
            id: `e:${at + n}`, at: at + n, dir: ["in", "out", "error"][(at + n) % 3],
            time: "12:00:00.000", badge: "WS", who: "ada", short_id: "0f3a", type: "flood",
            preview: `line ${at + n}`, origin: "", size: "2 B", took: "", process: "web-1",
        }));
        document.dispatchEvent(new CustomEvent("channelscope:entries", { detail: { entries } }));
    }
}"""


async def tail(people: People, **options: Any) -> Page:
    """Return a page whose tail gets nothing but what the test gives it."""
    page = await people.staff(**options)
    await page.goto("/console/traffic/?q=nothing-matches-this")
    await page.wait_for_load_state()
    return page


async def flood(page: Page, start: int, count: int, each: int = 50) -> None:
    await page.evaluate(FLOOD, [start, count, each])


def rows(page: Page) -> Locator:
    return page.locator("#tail > *")


async def previews(page: Page) -> list[str]:
    return await rows(page).locator("[data-f=preview]").all_text_contents()


def lines(newest: int, count: int) -> list[str]:
    return [f"line {number}" for number in range(newest, newest - count, -1)]


async def test_after_thousands_of_entries_the_document_has_what_fits_on_the_screen(
    people: People,
) -> None:
    page = await tail(people)
    await flood(page, 0, 500)
    elements = await page.evaluate("document.querySelectorAll('*').length")
    count = await rows(page).count()
    assert count < FITS
    await flood(page, 500, 2_000)
    assert await rows(page).count() == count
    assert await page.evaluate("document.querySelectorAll('*').length") <= elements
    assert await previews(page) == lines(2_499, count)


async def test_of_a_flood_the_rows_stay_and_show_other_entries(people: People) -> None:
    page = await tail(people)
    await flood(page, 0, 100)
    first = await rows(page).first.element_handle()
    assert first is not None
    await flood(page, 100, 100)
    assert await first.evaluate("row => row === document.querySelector('#tail > *')")
    assert await first.get_attribute("data-id") == "e:199"
    link = first.eval_on_selector("a", "link => link.getAttribute('href')")
    assert await link == "?q=nothing-matches-this&message=e%3A199"
    assert await first.get_attribute("data-tone") is None
    for row in await rows(page).all():
        number = int((await row.get_attribute("data-id") or "").removeprefix("e:"))
        assert await row.get_attribute("data-tone") == ("danger" if number % 3 == 2 else None)
        glyph = row.locator("[data-f=dir] [data-dir]")
        await expect(glyph).to_have_attribute("data-dir", ("in", "out", "error")[number % 3])


async def test_single_entries_are_rows_of_their_own_that_push_the_others_down(
    people: People,
) -> None:
    page = await tail(people)
    await flood(page, 0, 300)
    first = await rows(page).first.element_handle()
    assert first is not None
    await flood(page, 300, 3, each=1)
    assert await first.get_attribute("data-id") == "e:299"
    assert (await previews(page))[:5] == lines(302, 5)
    assert await page.locator("#tail > [data-new]").count() == 3


async def test_who_pauses_scrolls_or_goes_there_by_keyboard_has_all_rows(people: People) -> None:
    for number, reads in enumerate(("pause", "scroll", "keyboard")):
        page = await tail(people)
        await flood(page, 0, 1_000)
        assert await rows(page).count() < FITS
        if reads == "pause":
            await page.keyboard.press("Space")
        elif reads == "scroll":
            await rows(page).first.hover()
            await page.mouse.wheel(0, WHEEL_PX)
        else:
            await page.keyboard.press("j")
        await expect(rows(page)).to_have_count(KEPT)
        assert await previews(page) == lines(999, KEPT), number
        if reads == "scroll":  # which a browser does in many small steps
            height = await rows(page).first.evaluate("row => row.offsetHeight")
            await expect(rows(page).nth(WHEEL_PX // height + 5)).to_be_in_viewport()


async def test_the_scrollbar_is_that_of_all_rows(people: People) -> None:
    page = await tail(people)
    await flood(page, 0, 1_000)
    height = "list => list.scrollHeight"
    before = await page.locator("[data-hold]").evaluate(height)
    await page.keyboard.press("Space")
    await expect(rows(page)).to_have_count(KEPT)
    after = await page.locator("[data-hold]").evaluate(height)
    assert before == after


async def test_the_row_that_has_the_focus_keeps_its_entry(people: People) -> None:
    page = await tail(people)
    await flood(page, 0, 200)
    await page.keyboard.press("j")
    await flood(page, 200, 200)
    await expect(page.locator("#tail > :focus")).to_have_attribute("data-id", "e:199")
    assert await rows(page).count() == 400
    await expect(page.locator("#tail > [tabindex='0']")).to_have_count(1)


async def test_a_gap_in_a_flood_stands_where_it_was(people: People) -> None:
    page = await tail(people)
    await flood(page, 0, 100)
    await page.evaluate(
        """() => document.dispatchEvent(new CustomEvent("channelscope:entries", { detail: {
            entries: [{ id: "e:100", at: 100, dir: "in", preview: "line 100", process: "web-1" }],
            gaps: [{ process: "web-1", missed: 7 }] } }))"""
    )
    texts = await rows(page).all_text_contents()
    assert "line 100" in texts[0]
    assert "7 of web-1" in texts[1]
    await flood(page, 101, 200)
    await page.keyboard.press("Space")
    texts = await rows(page).all_text_contents()
    assert "7 of web-1" in texts[201]
    assert "line 99" in texts[202]
    assert len(texts) == 302


async def test_a_batch_costs_one_layout_and_no_more(people: People) -> None:
    page = await tail(people)
    await flood(page, 0, 500)
    cdp = await page.context.new_cdp_session(page)
    await cdp.send("Performance.enable")

    async def counts() -> dict[str, float]:
        told = (await cdp.send("Performance.getMetrics"))["metrics"]
        return {one["name"]: one["value"] for one in told if one["name"].endswith("Count")}

    before = await counts()
    # All in one task: a batch that read what it has just written would be laid out then and there.
    await flood(page, 500, 1_000)
    after = await counts()
    forced = after["LayoutCount"] - before["LayoutCount"]
    assert forced <= 5, f"20 batches were laid out {forced} times"


async def test_on_a_phone_the_document_is_bounded_too(people: People) -> None:
    page = await tail(people, viewport=PHONE)
    await flood(page, 0, 1_000)
    assert await rows(page).count() < FITS
    await page.get_by_role("button", name="Live").first.click()
    await expect(rows(page)).to_have_count(KEPT)


async def test_what_was_left_out_is_said_and_counted(people: People) -> None:
    page = await tail(people)
    notice = page.locator("#sampling")
    await expect(notice).to_be_hidden()
    for _ in range(2):
        await page.evaluate(
            """() => document.dispatchEvent(new CustomEvent("channelscope:entries", { detail: {
                entries: [], left_out: 1200, one_of: 3 } }))"""
        )
    await expect(notice).to_be_visible()
    await expect(notice).to_contain_text("2\u00a0400 messages left out, sampled: 1 of 3")
