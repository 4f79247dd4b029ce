from __future__ import annotations

import re
from typing import Any

import pytest

from console.demo.consumers.chat import ChatConsumer
from console.live import render
from console.pages.page import ASK_S
from console.pages.routing import RoutingPage
from console.relay import relay
from tests.console.recording import Clock, Recording
from tests.console.watching import params

CHAT = "ws/chat/<slug:room>/"


@pytest.fixture(autouse=True)
def demo(settings) -> None:
    settings.ASGI_APPLICATION = "console.demo.asgi.router"


async def loaded(query: str = "", clock: Clock | None = None) -> RoutingPage:
    page = RoutingPage(params(query), clock=clock or Clock())
    await page.load()
    return page


def enter(recording: Recording, room: str = "lobby") -> None:
    connection = recording.open(f"/ws/chat/{room}/")
    recording.recorder.route_matched(connection, CHAT, {"args": (), "kwargs": {"room": room}})


def handle(recording: Recording, connection: Any) -> None:
    event = recording.receive(connection, text="{}")
    recording.begin(connection, event)
    recording.clock.advance(0.02)
    recording.recorder.handler_finished(connection, event, None)


async def test_lines_and_leaves_count_those_who_are_connected(recording: Recording) -> None:
    enter(recording, "one")
    enter(recording, "two")
    page = await loaded()
    [chat] = [box for box in page.boxes if box.leaf == f"websocket {CHAT}"]
    assert chat.texts[-1][-1] == "2 open"
    assert sorted(line.number for line in page.lines if line.number) == [2, 2]


async def test_who_comes_changes_the_tree_of_a_page_that_is_open(recording: Recording) -> None:
    page = await loaded()
    await page.update()
    assert [partial.target for partial in (await page.update()).partials] == []
    enter(recording)
    assert "#tree" in [partial.target for partial in (await page.update()).partials]


async def test_who_comes_between_the_page_and_its_socket_is_counted(recording: Recording) -> None:
    screen = await loaded()
    enter(recording)
    live = await loaded()
    [chat] = [key for key, count in live.counts.items() if count]
    live.resume(screen.position)
    assert (screen.counts.get(chat, 0), live.counts[chat]) == (0, 1)
    targets = [partial.target for partial in (await live.update()).partials]
    assert "#tree" in targets
    assert "#missed" in targets
    assert [partial.target for partial in (await live.update()).partials] == []


async def test_the_tree_of_a_process_that_has_started_anew_is_loaded_anew(
    recording: Recording,
) -> None:
    page = await loaded()
    assert not (await page.update()).must_reload
    page.resume("ffffffffffff:3")
    assert (await page.update()).must_reload
    assert not (await page.update()).must_reload, "it is asked for once"


async def test_a_path_that_is_tried_is_followed_to_its_consumer(recording: Recording) -> None:
    page = await loaded("type=websocket&path=/ws/chat/lobby/")
    assert page.resolution is not None
    assert page.resolution.arguments == {"room": "lobby"}
    assert page.consumer is not None
    assert page.consumer.name == "ChatConsumer"
    matched = [line for line in page.lines if "is-match" in line.css]
    assert len(matched) == 4
    assert page.lines[-4:] == matched


async def test_a_consumer_s_handlers_say_how_often_each_ran_and_how_long(
    recording: Recording,
) -> None:
    connection = recording.open("/ws/chat/lobby/")
    recording.start(connection, ChatConsumer())
    handle(recording, connection)
    clock = Clock()
    page = await loaded("type=websocket&path=/ws/chat/lobby/", clock)
    rows = {row.view.name: row for row in page.handlers}
    assert rows["receive_json"].runs == 1
    assert rows["receive_json"].p95_ms == pytest.approx(20, rel=0.1)
    assert (rows["connect"].runs, rows["connect"].p95_ms) == (0, None)
    event = recording.receive(connection, "websocket.disconnect", code=1001)
    recording.begin(connection, event)
    recording.recorder.handler_finished(connection, event, None)
    clock.advance(ASK_S)
    page = await loaded("type=websocket&path=/ws/chat/lobby/", clock)
    assert {row.view.name: row.runs for row in page.handlers}["disconnect"] == 1
    assert not (await loaded()).handlers


async def test_what_its_handlers_do_is_on_the_screen_while_it_is_looked_at(
    recording: Recording,
) -> None:
    clock = Clock()
    connection = recording.open("/ws/chat/lobby/")
    recording.start(connection, ChatConsumer())
    page = await loaded(f"leaf=websocket {CHAT}", clock)
    first = await page.update()
    assert {"#handlers", "#consumer-open"} <= {partial.target for partial in first.partials}
    clock.advance(ASK_S)
    assert not (await page.update()).partials
    handle(recording, connection)
    enter(recording)
    assert page.tick_s == pytest.approx(ASK_S)
    clock.advance(ASK_S)
    update = await page.update()
    assert {"#handlers", "#consumer-open"} <= {partial.target for partial in update.partials}
    html = render(update.partials)
    assert re.search(r'<td class="num">1</td><td class="num">(19|2.)\.\d ms</td>', html)
    assert "1 open" in html


async def test_nobody_is_asked_for_handlers_while_no_consumer_is_looked_at(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "activity", None)
    page = await loaded()
    targets = {partial.target for partial in (await page.update()).partials}
    assert not {"#handlers", "#consumer-open"} & targets
    assert page.tick_s == 1.0


async def test_a_path_that_no_route_takes_is_listed_with_its_count(recording: Recording) -> None:
    page = await loaded()
    await page.update()
    connection = recording.open("/ws/chta/")
    recording.recorder.route_missed(connection, "ws/chta/", ["ws/chat/"])
    recording.recorder.route_missed(connection, "ws/chta/", ["ws/chat/"])
    assert "#missed" in [partial.target for partial in (await page.update()).partials]
    assert page.missed == [("/ws/chta/", 2)]


async def test_a_missed_path_shows_no_secret(recording: Recording) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"
    for number in (1, 2):
        connection = recording.open(f"/invite/{token}{number}/")
        recording.recorder.route_missed(connection, "", [])
    page = await loaded()
    [(path, count)] = page.missed
    assert token not in path
    assert count == 2


async def test_the_connections_of_a_leaf_are_a_filter_away(recording: Recording) -> None:
    page = await loaded(f"leaf=websocket {CHAT}")
    assert page.selected_query == "proto:websocket consumer:ChatConsumer"
    channel = await loaded("leaf=channel thumbnails")
    assert channel.selected_query == "proto:channel consumer:ThumbnailConsumer"
    assert channel.consumer is not None
    assert channel.consumer.name == "ThumbnailConsumer"


async def test_nonsense_in_the_address_selects_nothing(recording: Recording) -> None:
    page = await loaded("leaf=nothing&type=nothing&path=%00")
    assert page.consumer is None
    assert page.resolution is not None
    assert not page.resolution.is_found
