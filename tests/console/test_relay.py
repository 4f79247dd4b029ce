from __future__ import annotations

import asyncio
import re

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from console.query import parse
from console.relay import Relay
from tests.console.recording import EPOCH, PROCESS, Layer, Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


def close(recording: Recording, connection) -> None:
    recording.receive(connection, "websocket.disconnect", code=1000)
    recording.recorder.scope_closed(connection, None)


async def test_connections_are_newest_first_and_closed_ones_stay(recording):
    first, second = recording.open("/ws/a/"), recording.open("/ws/b/")
    close(recording, first)
    assert [view.path for view in await recording.relay.connections()] == ["/ws/b/", "/ws/a/"]
    [closed] = await recording.relay.connections(parse("state:closed"))
    assert (closed.id, closed.close_code, closed.closed_by) == (first.id, 1000, "client")
    assert (await recording.relay.connection(second.id)).redacted_scope()["path"] == "/ws/b/"
    assert await recording.relay.connection("nobody") is None


async def test_entries_are_oldest_first_and_say_how_many_match(recording):
    connection = recording.open()
    for number in range(5):
        recording.receive(connection, text=str(number))
    page = await recording.relay.entries(parse("dir:in"), limit=2)
    assert [entry.preview for entry in page.entries] == ["3", "4"]
    assert (page.matched, page.held, page.position) == (5, 6, (EPOCH, 6))
    older = await recording.relay.entries(parse("dir:in"), before=(EPOCH, 4), limit=2)
    assert [entry.preview for entry in older.entries] == ["1", "2"]


async def test_the_entries_of_one_connection_are_its_own(recording):
    one, other = recording.open(), recording.open()
    recording.receive(one, text="one")
    recording.receive(other, text="other")
    page = await recording.relay.entries(connection=one.id)
    assert {entry.connection for entry in page.entries} == {one.id}
    assert page.matched == 2


async def test_a_message_knows_where_it_came_from_and_what_it_caused(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection, channel="specific!a")
    event = recording.receive(connection, text="hi")
    recorder.handler_started(connection, event, None, recorder.timer())
    cause = recorder.group_sent(connection, Layer(), "lobby", {"type": "chat.message"}, 1)
    sent = recording.last()
    recorder.message_delivered(connection, "specific!a", {"type": "chat.message"}, cause)
    detail = await recording.relay.entry(EPOCH, sent.offset)
    assert detail.caused_by.type == "websocket.receive"
    assert [effect.kind for effect in detail.effects] == ["deliver"]
    assert detail.facts == {"receivers": 1}
    assert await recording.relay.entry(EPOCH, 99) is None
    assert await recording.relay.entry("another", 0) is None


async def test_changes_are_what_happened_since(recording):
    quiet, busy = recording.open(), recording.open()
    start = (await recording.relay.changes(None)).position
    nothing = await recording.relay.changes(start)
    assert (nothing.connections, nothing.entries, nothing.missed) == ([], [], 0)
    recording.receive(busy, text="hi")
    changes = await recording.relay.changes(start)
    assert [view.id for view in changes.connections] == [busy.id]
    assert [entry.preview for entry in changes.entries] == ["hi"]
    assert (await recording.relay.changes(changes.position)).entries == []
    assert quiet.id not in {view.id for view in changes.connections}


async def test_changes_of_one_connection_leave_out_the_others(recording):
    one, other = recording.open(), recording.open()
    changes = await recording.relay.changes((EPOCH, 0), connection=one.id)
    assert [view.id for view in changes.connections] == [one.id]
    assert {entry.connection for entry in changes.entries} == {one.id}
    assert other.id != one.id


async def test_what_fell_out_of_the_ring_unseen_is_counted():
    recording = Recording(RING_ENTRIES=3)
    connection = recording.open()
    position = (await recording.relay.changes(None)).position
    for number in range(10):
        recording.receive(connection, text=str(number))
    changes = await recording.relay.changes(position)
    assert (changes.missed, [entry.preview for entry in changes.entries]) == (7, ["7", "8", "9"])


async def test_a_connection_that_is_no_longer_listed_is_removed():
    recording = Recording(CLOSED_KEPT=1)
    first, second = recording.open(), recording.open()
    close(recording, first)
    position = (await recording.relay.changes(None)).position
    close(recording, second)
    assert (await recording.relay.changes(position)).removed == [first.id]


async def test_a_position_of_an_earlier_life_asks_for_everything(recording):
    connection = recording.open()
    changes = await recording.relay.changes(("0ld", 4_000))
    assert changes.must_reload
    assert changes.missed == 0
    assert [view.id for view in changes.connections] == [connection.id]
    assert changes.position == (EPOCH, 1)


async def test_under_load_entries_are_sampled_and_errors_and_lives_are_kept(recording):
    connection = recording.open()
    for _ in range(1_000):
        recording.receive(connection, text="x")
    recording.recorder.scope_closed(connection, ValueError())
    changes = await recording.relay.changes((EPOCH, 0), limit=100)
    kinds = [entry.kind for entry in changes.entries]
    assert 90 <= len(kinds) <= 110
    assert (kinds[0], kinds[-2:]) == ("open", ["error", "close"])
    assert changes.sampled_out == 1_003 - len(kinds)


async def test_the_totals_are_those_of_the_last_seconds(recording):
    connection = recording.open()
    for _ in range(20):
        recording.receive(connection, text="x")
    recording.send(connection, text="x")
    recording.recorder.message_dropped(None, "a", {"type": "x"}, "expired", None)
    totals = recording.relay.totals()
    assert (totals.in_rate, totals.out_rate, totals.layer_rate) == (2.0, 0.1, 0.0)
    assert (totals.held, totals.capacity, totals.dropped) == (23, 5_000, 1)
    assert (totals.open_count, totals.by_protocol) == (1, {"websocket": 1})
    recording.clock.advance(11)
    assert recording.relay.totals().in_rate == 0.0


async def test_the_processes_are_this_one(recording):
    assert recording.relay.processes() == [PROCESS]


async def test_this_process_says_how_late_its_event_loop_was_of_late(recording, monkeypatch):
    monkeypatch.setattr("console.loop_lag.EVERY_S", 0.01)
    loop = asyncio.get_running_loop()
    assert recording.relay.statuses()[0].report.loop_lag_s == 0.0
    until = loop.time() + 0.03
    while loop.time() < until:
        pass
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (own,) = recording.relay.statuses()
    assert own.report.loop_lag_s >= 0.015
    context = {"status": own, "process": own.process, "report": own.report, "params": QueryDict()}
    shown = render_to_string("console/parts/process.html", context)
    assert re.search(r"loop lag [1-9][\d.]* ms", shown)


async def test_a_relay_that_reads_nothing_says_what_is_missing():
    with pytest.raises(RuntimeError, match="INSTALLED_APPS"):
        await Relay().connections()
    with pytest.raises(RuntimeError, match="INSTALLED_APPS"):
        Relay().watch()
