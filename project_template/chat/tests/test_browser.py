"""Two people in two browsers, before a real server."""

import os

from playwright.async_api import async_playwright, expect

expect.set_options(timeout=30_000)  # milliseconds; a slow machine may take its time


async def visit(browser, url):
    page = await (await browser.new_context()).new_page()
    await page.goto(url)
    await expect(page.get_by_role("status")).to_have_text("Live")
    return page


async def test_what_one_types_the_other_reads(channel_layer, live_server_ws):
    url = f"{live_server_ws.url}/chat/den/"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or None, args=["--no-sandbox"]
        )
        ada, bob = await visit(browser, url), await visit(browser, url)
        await ada.get_by_role("textbox", name="Message").fill("Is anybody here?")
        await ada.keyboard.press("Enter")
        await expect(bob.get_by_role("log")).to_contain_text("Is anybody here?")
        await browser.close()
