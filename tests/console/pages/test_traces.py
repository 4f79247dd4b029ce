from __future__ import annotations

import pytest

from console.pages import traces as module
from console.pages.traces import TracesPage
from console.relay import relay
from tests.console.recording import Recording
from tests.console.watching import params, recording

__all__ = ["recording"]


def say(recording: Recording, text: str) -> None:
    connection = recording.open()
    recording.start(connection)
    event = recording.receive(connection, text=text)
    recording.begin(connection, event)
    recording.clock.advance(0.1)
    recording.recorder.handler_finished(connection, event, None)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.0)


async def test_the_room_lists_what_events_have_caused_the_newest_first(recording):
    say(recording, "one")
    say(recording, "two")
    page = TracesPage(params())
    await page.load()
    assert [row.root.preview for row in page.rows] == ["two", "one"]
    assert page.takes_new


async def test_a_new_trace_comes_to_the_screen_and_one_that_is_there_does_not_come_again(
    recording, at_once
):
    say(recording, "one")
    page = TracesPage(params())
    await page.load()
    assert not (await page.update()).fresh
    say(recording, "two")
    update = await page.update()
    rows = next(one for one in update.partials if one.target == "#traces")
    assert [row.root.preview for row in rows.context["rows"]] == ["two"]
    assert (rows.swap, update.fresh) == ("rows", 1)


async def test_changes_that_follow_each_other_closely_are_read_together(recording):
    page = TracesPage(params())
    await page.load()
    await page.update()
    assert page.tick_s == 1.0
    say(recording, "one")
    assert (await page.update()).fresh == 0
    assert 0 < page.tick_s < module.REFRESH_S, "they do not wait longer than they have to"
    page._refreshed_at -= 2.0
    assert (await page.update()).fresh == 1


async def test_who_did_not_answer_is_asked_again_though_nothing_else_happens(recording):
    page = TracesPage(params())
    await page.load()
    await page.update()
    say(recording, "told of, and not answered with")
    page.reached, page.silent = relay.reader.position, ["web-2"]
    assert (await page.update()).fresh == 0
    page._refreshed_at -= module.AGAIN_S
    assert (await page.update()).fresh == 1
    page._refreshed_at -= module.AGAIN_S
    assert not page._is_due(), "all have answered"


async def test_the_slowest_come_first_on_request_and_new_ones_wait(recording):
    say(recording, "quick")
    page = TracesPage(params("sort=slowest&q=is:error"))
    await page.load()
    assert page.is_slowest_first
    assert not page.takes_new
    assert page.rows == []


async def test_traces_of_a_process_that_has_started_anew_leave_the_screen(recording):
    page = TracesPage(params())
    await page.load()
    page.resume("ffffffffffff:3")
    assert (await page.update()).must_reload
    assert not (await page.update()).must_reload, "it is asked for once"


async def test_a_trace_that_began_between_the_page_and_its_socket_is_sent_at_once(recording):
    say(recording, "one")
    screen, live = TracesPage(params()), TracesPage(params())
    await screen.load()
    say(recording, "two")
    await live.load()
    live.resume(screen.position)
    update = await live.update()
    rows = next(one for one in update.partials if one.target == "#traces")
    assert "two" in [row.root.preview for row in rows.context["rows"]]
    assert "#traces-foot" in [one.target for one in update.partials]
    assert update.fresh == 0, "which of them the screen has is not known"
    say(recording, "three")
    live._refreshed_at = float("-inf")
    update = await live.update()
    rows = next(one for one in update.partials if one.target == "#traces")
    assert [row.root.preview for row in rows.context["rows"]] == ["three"]
    assert update.fresh == 1
