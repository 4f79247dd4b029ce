from __future__ import annotations

import pytest

from console import recordings
from console.live import render
from console.pages.recordings import RecordingsPage
from tests.console.recording import Recording
from tests.console.watching import params

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_page_of_a_recording_that_ends_is_read_anew(recording: Recording) -> None:
    number = await recordings.begin(None, "a name", "query", "dir:in", "web-1")
    page = RecordingsPage(params(), str(number))
    await page.load()
    update = await page.update()
    assert not update.must_reload
    await recordings.end(number, "It was stopped.")
    assert (await page.update()).must_reload, "it cannot be stopped any more, and can be replayed"
    assert not (await page.update()).must_reload


async def test_one_that_ended_before_the_page_was_live_cannot_be_stopped(
    recording: Recording,
) -> None:
    number = await recordings.begin(None, "a name", "query", "dir:in", "web-1")
    page = RecordingsPage(params(), str(number))
    await page.load()
    targets = [one.target for one in (await page.update()).partials]
    assert "#recording-stop" not in targets, "its form has what only a GET can give it"
    await recordings.end(number, "It was stopped.")
    page = RecordingsPage(params(), str(number))
    await page.load()
    stop = [one for one in (await page.update()).partials if one.target == "#recording-stop"]
    assert "Stop" not in render(stop)
    assert 'id="recording-stop"' in render(stop)


async def test_a_recording_that_is_gone_is_read_anew_to_say_so(recording: Recording) -> None:
    number = await recordings.begin(None, "a name", "query", "dir:in", "web-1")
    page = RecordingsPage(params(), str(number))
    await page.load()
    await recordings.remove(number)
    assert (await page.update()).must_reload
