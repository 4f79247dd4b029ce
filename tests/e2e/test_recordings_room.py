"""The room Recordings in a browser: recorded, replayed, compared, and taken away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.people import People, enter, open_room, say
from tests.e2e.servers import DemoServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def record(console: Page, query: str, name: str) -> None:
    """Record a query from the room itself."""
    await open_room(console, "Recordings")
    await console.get_by_text("Record…").click()
    await console.get_by_label("What").fill(query)
    await console.get_by_label("Name", exact=True).fill(name)
    await console.get_by_role("button", name="Record", exact=True).click()
    await expect(console.get_by_role("heading", name=name)).to_be_visible()
    await console.wait_for_load_state()


async def stop(console: Page) -> None:
    await console.get_by_role("button", name="Stop recording").click()
    await expect(console.locator("#recording-facts")).to_contain_text("ended")
    await console.wait_for_load_state()  # what replays it is a script


async def test_a_connection_is_recorded_live_and_replayed_with_every_answer_equal(
    people: People,
) -> None:
    console, ada = await people.staff(at=None), await people.staff(at=None)
    await enter(ada, "to-be-recorded")
    await console.goto("/console/connections/?q=path:/ws/chat/to-be-recorded/")
    row = await console.get_by_role("row").nth(1).get_attribute("id")
    assert row is not None
    await console.goto(f"/console/connections/{row.removeprefix('c-')}/")
    await console.get_by_role("button", name="Record it").click()
    steps = console.get_by_role("list", name="Steps")
    await expect(steps).to_contain_text("welcome")  # from before the recording
    await say(ada, "green on main")
    await expect(steps).to_contain_text("green on main")
    await stop(console)

    await ada.close()
    list_of_it = await people.staff(at="/console/connections/?q=path:/ws/chat/to-be-recorded/")
    # Or the room would tell the replay of somebody who is still there.
    await expect(list_of_it.get_by_role("row").nth(1)).to_contain_text("closed")
    await console.get_by_role("button", name="Replay").click()
    outcome = console.get_by_text("The replay answered as recorded")
    await expect(outcome).to_be_visible()
    await expect(steps.get_by_text("✓ equal").first).to_be_visible()
    await console.get_by_role("link", name="See it in Connections").click()
    await expect(console.get_by_text("console", exact=True)).to_be_visible()


async def test_a_replay_as_nobody_differs_and_shows_where(people: People) -> None:
    console, ada = await people.staff(), await people.staff(at=None)
    await record(console, "path:/ws/chat/who-are-you/", "Who are you")
    await enter(ada, "who-are-you")
    steps = console.get_by_role("list", name="Steps")
    await expect(steps).to_contain_text("joined")
    await stop(console)
    await console.get_by_label("As whom").select_option(label="As nobody")
    await console.get_by_role("button", name="Next event").click()
    await expect(steps).to_contain_text("expected")
    await expect(steps).to_contain_text("websocket.close")
    await expect(steps).to_contain_text("✗ missing")


async def test_a_recording_is_renamed_and_deleted(people: People) -> None:
    console = await people.staff()
    await record(console, "path:/ws/nothing/", "Nothing at all")
    await stop(console)
    await console.get_by_text("Change", exact=True).click()
    await console.get_by_label("Name", exact=True).last.fill("Quiet")
    await console.get_by_role("button", name="Save", exact=True).click()
    await expect(console.get_by_role("heading", name="Quiet")).to_be_visible()
    await console.get_by_text("Change", exact=True).click()
    await console.get_by_role("button", name="Delete the recording").click()
    await expect(console.get_by_role("heading", name="Quiet")).to_have_count(0)
    await expect(console).to_have_url("/console/recordings/")


async def test_an_exported_har_is_played_back_by_a_browser_without_the_server(
    people: People, chromium: Browser, demo: DemoServer, tmp_path: Path
) -> None:
    console, stranger = await people.staff(), await people.anybody()
    await record(console, "path:/ proto:http", "The front page")
    await stranger.goto("/")
    steps = console.get_by_role("list", name="Steps")
    await expect(steps).to_contain_text("close 200")
    await stop(console)
    async with console.expect_download() as download:
        await console.get_by_role("link", name="HAR").click()
    archive = tmp_path / "front.har"
    await (await download.value).save_as(archive)
    entries = json.loads(archive.read_text())["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200]

    context = await chromium.new_context(offline=True)
    await context.route_from_har(archive, not_found="abort")
    page = await context.new_page()
    answer = await page.goto(f"{demo.url}/", wait_until="domcontentloaded")
    assert answer is not None
    assert answer.status == 200
    await expect(page.get_by_role("heading").first).to_be_visible()
    await context.close()
