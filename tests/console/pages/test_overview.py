from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from console.live import render
from console.pages.overview import CHECK_S, OverviewPage
from console.pages.page import ASK_S
from console.relay import relay
from tests.console.recording import Clock, Recording
from tests.console.several import processes
from tests.console.watching import params, user

pytestmark = pytest.mark.django_db

ONE_LINE, TWO_LINES = (f'#chart-connections[data-lines="{n}"]' for n in (1, 2))
"""What a screen has whose chart is of one process, and one whose is of several."""


async def loaded(query: str = "", clock: Clock | None = None) -> OverviewPage:
    page = OverviewPage(params(query), clock=clock or Clock())
    await page.load()
    return page


def targets(update: Any) -> set[str]:
    return {partial.target for partial in update.partials}


async def test_before_anything_has_connected_it_says_what_is_missing(recording: Recording) -> None:
    clock = Clock()
    page = await loaded(clock=clock)
    assert page.is_first_run
    titles = {check.title: check.tone for check in page.checks}
    assert titles["App installed"] == "ok"
    assert titles["First scope"] == titles["Live connection"] == "wait"
    update = await page.update()
    assert "#checks" in targets(update)
    assert update.data["needs"] == "#checks"
    assert {one.title: one.tone for one in page.checks}["Live connection"] == "ok"
    clock.advance(CHECK_S)
    assert "needs" not in (await page.update()).data
    recording.open()
    clock.advance(ASK_S)
    assert (await page.update()).data["needs"] == ONE_LINE


async def test_a_screen_that_waits_is_told_of_who_came_before_its_socket(
    recording: Recording,
) -> None:
    screen = await loaded()
    assert screen.is_first_run
    recording.open()
    live = await loaded()
    live.resume(screen.position)
    assert (await live.update()).data["needs"] == ONE_LINE


async def test_what_happens_is_in_the_next_update_and_the_charts_step(recording: Recording) -> None:
    clock = Clock()
    connection = recording.open()
    page = await loaded(clock=clock)
    assert not page.is_first_run
    clock.advance(ASK_S)
    await page.update()
    recording.receive(connection, text="x")
    recording.open()
    assert (await page.update()).data.get("charts") is None
    clock.advance(ASK_S)
    update = await page.update()
    assert {"#readouts"} <= targets(update)
    assert page.readouts[0].figure == "2"
    charts = update.data["charts"]
    assert charts["chart-connections"]["signals"][0]["said"] == "2"
    assert charts["chart-messages"]["signals"][0]["values"][-1] == 0.1


async def test_an_error_is_a_problem_at_once(recording: Recording) -> None:
    connection = recording.open()
    recording.start(connection)
    page = await loaded()
    assert page.problems == []
    message = recording.receive(connection, text="x")
    recording.begin(connection, message)
    recording.recorder.handler_finished(connection, message, KeyError("room"))
    update = await page.update()
    assert targets(update) >= {"#problems"}
    [problem] = page.problems
    assert "KeyError" in problem.sentence


async def test_all_regions_of_an_update_can_be_written(recording: Recording) -> None:
    clock = Clock()
    connection = recording.open("/<script>/")
    recording.start(connection)
    page = await loaded(clock=clock)
    recording.recorder.message_dropped(None, "<jobs>", {"type": "job"}, "capacity", None)
    clock.advance(ASK_S)
    update = await page.update()
    assert targets(update) >= {"#readouts", "#consumers", "#overview-processes", "#problems"}
    html = render(update.partials)
    assert "&lt;jobs&gt; lost job" in html
    assert "<jobs>" not in html


async def test_the_processes_are_added_up_or_looked_at_alone() -> None:
    own, joining = relay.recorder, relay.joining
    async with processes("web-1", "web-2") as (one, two):
        relay.bind(one.recorder, one.joining)
        try:
            one.open()
            two.open()
            connection = two.open()
            page = await loaded()
            assert page.readouts[0].figure == "3"
            assert [row.status.process.name for row in page.rows] == ["web-1", "web-2"]
            alone = await loaded("process=web-2")
            assert alone.readouts[0].figure == "2"
            assert [row.status.process.name for row in alone.rows] == ["web-2"]
            assert (await page.update()).data["needs"] == TWO_LINES
            assert (await alone.update()).data["needs"] == ONE_LINE
            two.start(connection)
            clock = Clock()
            page = await loaded(clock=clock)
            message = two.receive(connection, text="x")
            two.begin(connection, message)
            two.recorder.handler_finished(connection, message, KeyError("room"))
            clock.advance(ASK_S)
            await page.update()
            assert [row.errors for row in page.consumers] == [1]
        finally:
            relay.bind(own, joining)


async def test_the_address_says_of_how_many_minutes_the_page_is(recording: Recording) -> None:
    recording.open()
    page = await loaded("minutes=2")
    assert page.minutes == 2
    update = await page.update()
    html = render(update.partials)
    assert '<a href="?minutes=2" aria-current="true" data-visit>2 min</a>' in html
    assert '<a href="?minutes=5" data-visit>5 min</a>' in html
    assert page.note == "last 2 minutes"
    assert {chart.minutes for chart in page.charts} == {2}
    assert "none in 2 min" in {one.under for one in page.readouts}
    assert (await loaded("minutes=7")).minutes == (await loaded()).minutes == 10


async def test_another_time_keeps_the_process_and_a_process_the_time(recording: Recording) -> None:
    recording.open()
    page = await loaded("minutes=5&process=x")
    html = render((await page.update()).partials)
    assert "?minutes=2&amp;process=x" in html
    assert "process=None" not in html
    assert "minutes=5&amp;process=" in html


def test_the_page_is_whole_without_a_script(client: Any, recording: Recording) -> None:
    client.force_login(user("ada", is_staff=True))
    page = client.get(reverse("channelscope:overview")).content.decode()
    assert "No signal yet" in page
    assert 'aria-label="Time base" hidden' in page
    recording.open()
    page = client.get(reverse("channelscope:overview")).content.decode()
    assert "Open connections, last 10 minutes. Now: 1;" in page
    assert 'id="chart-messages-data" type="application/json"' in page
    assert "Nothing is wrong" in page
    assert "this one" in page
    assert 'aria-label="Time base" hidden' not in page
