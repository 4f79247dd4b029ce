from __future__ import annotations

import pytest

from console import recordings
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


async def test_a_recording_that_is_gone_is_read_anew_to_say_so(recording: Recording) -> None:
    number = await recordings.begin(None, "a name", "query", "dir:in", "web-1")
    page = RecordingsPage(params(), str(number))
    await page.load()
    await recordings.remove(number)
    assert (await page.update()).must_reload
