"""The panel of django-debug-toolbar on the demo's pages, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.people import People

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_toolbar_shows_what_a_request_sent_through_the_layer(people: People) -> None:
    reader, writer = await people.anybody(), await people.anybody()
    await reader.goto("/news/")
    await expect(reader.get_by_text("Request 1 is waiting")).to_be_visible()
    await writer.goto("/news/")
    await writer.locator("#djShowToolBarButton").click()
    await expect(writer.locator("#djdt-LayerPanel")).to_contain_text("0 messages")
    await writer.locator("#djHideToolBarButton").click()

    await writer.get_by_role("textbox", name="Headline").fill("Seen in the toolbar")
    # What is published comes by another request, which may be answered first.
    async with writer.expect_response(lambda response: response.request.method == "POST"):
        await writer.keyboard.press("Enter")
    await expect(writer.get_by_role("log")).to_contain_text("Seen in the toolbar")
    await writer.locator("#djShowToolBarButton").click()
    # The page that is shown only followed the request that published.
    await writer.locator("#djdt-HistoryPanel a").click()
    published = writer.locator("tr", has_text="POST").filter(has_text="/news/").first
    await published.get_by_role("button", name="Switch").click()
    await expect(writer.locator("#djdt-LayerPanel")).to_contain_text("1 message in")
    await writer.locator("#djdt-LayerPanel a").click()
    panel = writer.locator("#LayerPanel")
    await expect(panel).to_contain_text("news.published")
    await expect(panel.get_by_role("row")).to_have_count(2)
    trace = panel.get_by_role("link", name="See all that this request caused")
    staff = await people.staff()
    await staff.goto(str(await trace.get_attribute("href")))
    await expect(staff.get_by_text("news_published()").first).to_be_visible()
