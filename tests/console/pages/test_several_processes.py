from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.template.loader import render_to_string

from console.pages.connection import ConnectionPage
from console.pages.connections import ConnectionsPage
from console.pages.routing import RoutingPage
from console.pages.traffic import TrafficPage
from console.process import ProcessReport
from console.relay import NoAnswer, relay
from console.relay_watching import STALE_S, Known
from tests.console.several import SOON_S, Process, processes, until
from tests.console.watching import params


@pytest.fixture
async def both() -> AsyncIterator[list[Process]]:
    """Two processes; the pages are those of the first."""
    own, joining = relay.recorder, relay.joining
    async with processes("web-1", "web-2") as joined:
        relay.bind(joined[0].recorder, joined[0].joining)
        yield joined
        relay.bind(own, joining)


async def updates(page: Any, is_there: Any) -> Any:
    """Return the first update that has what is waited for."""
    async with asyncio.timeout(SOON_S):
        while not is_there(update := await page.update()):
            await asyncio.sleep(0.005)  # a pause between two looks at what the others say
        return update


def rows_of(update: Any) -> list[str]:
    found = [one for one in update.partials if one.target == "#connections"]
    return [row["id"] for one in found for row in one.context["rows"]]


async def test_the_list_has_the_rows_of_all_and_hears_of_new_ones(both: Any) -> None:
    one, two = both
    mine, other = one.open("/a/"), two.open("/b/")
    page = ConnectionsPage(params())
    await page.load()
    assert {view.id for view in page.rows} == {mine.id, other.id}
    assert [(one.name, one.count) for one in page.protocols] == [("websocket", 2)]
    with page.following(lambda: None):
        new = two.open("/new/")
        update = await updates(page, rows_of)
        assert rows_of(update) == [new.id]
        assert update.fresh == 1
        assert [one.count for one in page.protocols] == [3]
        two.receive(other, text="x")
        assert other.id in rows_of(await updates(page, lambda update: other.id in rows_of(update)))


async def test_the_process_of_an_address_narrows_the_list(both: Any) -> None:
    one, two = both
    one.open("/a/")
    other = two.open("/b/")
    page = ConnectionsPage(params("process=web-2"))
    await page.load()
    assert [view.id for view in page.rows] == [other.id]
    page = ConnectionsPage(params("q=process:web-2"))
    await page.load()
    assert [view.id for view in page.rows] == [other.id]


async def test_the_tail_has_what_passes_elsewhere_and_says_what_it_missed(both: Any) -> None:
    one, two = both
    connection = two.open()
    page = TrafficPage(params("q=dir:in"))
    await page.load()
    with page.following(lambda: None):
        two.receive(connection, text="over there")
        update = await updates(page, lambda update: update.data.get("entries"))
        [row] = update.data["entries"]
        assert (row["preview"], row["process"]) == ("over there", "web-2")
        assert page.since[two.epoch] == 2
        one.recorder.journal.capacity = 1
        for _ in range(3):
            one.open()
        update = await updates(page, lambda update: update.data.get("gaps"))
        assert update.data["gaps"] == [{"process": "web-1", "missed": 2}]


async def test_a_screen_that_comes_back_goes_on_in_each_process(both: Any) -> None:
    one, two = both
    connection = two.open()
    left = TrafficPage(params())
    await left.load()
    position = left.position
    two.receive(connection, text="meanwhile")
    back = TrafficPage(params())
    await back.load()
    back.resume(position)
    with back.following(lambda: None):
        update = await updates(back, lambda update: update.data.get("entries"))
    assert [row["preview"] for row in update.data["entries"]] == ["meanwhile"]
    assert one.epoch in position


async def test_a_screen_that_has_nothing_of_a_process_is_shown_anew_once(both: Any) -> None:
    one, two = both
    two.open("/there/")

    async def shown(*epochs: str) -> ConnectionsPage:
        """Return the page on a screen that was rendered with what these processes said."""
        page = ConnectionsPage(params())
        await page.load()
        parts = page.position.split(",")
        page.resume(",".join(part for part in parts if part.startswith(epochs)))
        return page

    assert not (await shown(one.epoch, two.epoch)).is_outdated()
    page = await shown(one.epoch)
    assert page.is_outdated()
    assert not page.is_outdated()


async def test_the_page_of_a_connection_elsewhere_follows_it(both: Any) -> None:
    _, two = both
    connection = two.open("/there/")
    page = ConnectionPage(params(), connection.id)
    await page.load()
    assert (page.view.process, len(page.rows)) == ("web-2", 1)
    assert page.status_of_process.process.name == "web-2"
    with page.following(lambda: None):
        two.receive(connection, text="hello")
        update = await updates(page, lambda update: update.fresh)
    assert {"#timeline-rows", "#ident"} <= {one.target for one in update.partials}
    assert page.view.in_count == 1


async def test_a_connection_that_nobody_finds_while_one_is_silent_is_no_answer(both: Any) -> None:
    one, two = both
    await one.relay.listing()
    await until(lambda: len(one.relay.processes()) == 2)
    await two.layer.release_channel(two.node.channel)
    page = ConnectionPage(params(), "0123456789ab")
    with pytest.raises(NoAnswer, match="web-2 did not answer"):
        await page.load()


async def test_an_outage_that_outlives_what_is_known_of_the_others_is_said_in_the_room(
    both: Any,
) -> None:
    one, _ = both
    page = ConnectionsPage(params())
    await page.load()
    assert render_to_string("console/parts/silent.html", {"page": page}).strip() == ""

    async def away(group: str, message: Any) -> None:
        await asyncio.Event().wait()

    one.layer.group_send = away
    one.node.is_away = True
    one.node.watching.processes.clear()
    page = ConnectionsPage(params("q=user:ada"))
    await page.load()
    said = render_to_string("console/parts/silent.html", {"page": page})
    assert "The channel layer takes nothing, so this console sees its own process only." in said
    assert 'href="?q=user%3Aada"' in said


async def test_stale_processes_are_said_and_their_rows_marked(both: Any) -> None:
    one, _ = both
    page = ConnectionsPage(params())
    await page.load()
    silent = ProcessReport(one.recorder.process, one.relay.reader.totals())
    view = type(silent.process)("web-9", 9, "far", 0.0, "dead")
    report = ProcessReport(view, silent.totals)
    watching = one.node.watching
    watching.processes["dead"] = Known(report, "x", one.node._clock() - STALE_S)
    update = page.status()
    assert update.data["stale"] == ["dead"]
    assert "#processes" in [one.target for one in update.partials]
    assert page.stale == ["dead"]


async def test_the_tree_counts_the_connections_and_the_lost_paths_of_all(both: Any) -> None:
    routed: Any = {"args": (), "kwargs": {}}
    for process in both:
        connection = process.open("/ws/echo/")
        process.recorder.route_matched(connection, "ws/echo/", routed)
        process.recorder.route_missed(process.open("/nowhere/"), "nowhere/", ["ws/echo/"])
    page = RoutingPage(params())
    await page.load()
    await page.update()
    assert page.counts["websocket", "ws/echo/"] == 2
    assert page.missed == [("/nowhere/", 2)]
    new = both[1].open("/ws/echo/")
    both[1].recorder.route_matched(new, "ws/echo/", routed)
    await updates(page, lambda update: "#tree" in [one.target for one in update.partials])
    assert page.counts["websocket", "ws/echo/"] == 3
