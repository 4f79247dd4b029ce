from __future__ import annotations

from dataclasses import replace

import pytest

from console import plain
from console.query import parse
from console.relay_protocol import dumps, loads
from console.trace_glance import TraceGlance, TracesRequest, in_order, joined
from tests.console.entries import an_entry
from tests.console.recording import Layer, Recording


def glance(trace_id: str, started_at: float, took_s: float = 1.0, **fields: object) -> TraceGlance:
    known = TraceGlance(
        id=trace_id,
        started_at=started_at,
        ended_at=started_at + took_s,
        entry_count=2,
        delivery_count=1,
        error_count=0,
        processes=("web-1",),
        root=an_entry("e1", 0, at=started_at, is_linked=True),
    )
    return replace(known, **fields)


def over_the_wire(value: object) -> object:
    return loads(dumps(plain.to_plain(value)))


async def test_the_newest_trace_is_first_and_has_what_came_of_its_event():
    recording, layer = Recording(), Layer()
    first, second = recording.open(), recording.open()
    for connection in (first, second):
        recording.start(connection)
    old = recording.receive(first, text="old")
    recording.clock.advance(1)
    event = recording.receive(second, text="new")
    recording.begin(second, event)
    recording.recorder.group_sent(second, layer, "lobby", {"type": "chat"}, 1)
    recording.clock.advance(0.25)
    recording.recorder.handler_finished(second, event, KeyError("room"))
    recording.begin(first, old)
    recording.recorder.handler_finished(first, old, None)

    found = await recording.relay.traces()
    new, old_one = found.traces
    assert (new.root.preview, new.root.kind) == ("new", "in")
    assert (new.entry_count, new.error_count, new.delivery_count) == (3, 1, 0)
    assert new.took_ms == pytest.approx(250)
    assert old_one.took_ms == pytest.approx(1_250)
    assert not found.is_cut

    slowest = await recording.relay.traces(is_slowest_first=True, limit=1)
    assert [one.id for one in slowest.traces] == [old_one.id]
    assert slowest.is_cut


async def test_a_trace_is_listed_when_one_of_its_entries_matches():
    recording = Recording()
    connection = recording.open()
    recording.start(connection)
    for text in ("one", "two"):
        event = recording.receive(connection, text=text)
        recording.begin(connection, event)
        recording.send(connection, text=f"re: {text}")
        recording.recorder.handler_finished(connection, event, None)
    found = await recording.relay.traces(parse('"re: two"'))
    (only,) = found.traces
    assert only.root.preview == "two"
    assert only.entry_count == 3, "the whole trace is counted, not what matches of it"


def test_what_several_processes_say_of_a_trace_is_one_that_begins_where_it_has_no_cause():
    began = glance("t1", 100.0)
    effect = glance("t1", 99.5, processes=("web-2",), root=an_entry("e2", 4, cause="e1:0"))
    other = glance("t2", 50.0)
    both, alone = joined([effect, other, began])
    assert both.root == began.root
    assert both.processes == ("web-1", "web-2")
    assert (both.started_at, both.ended_at) == (99.5, 101.0)
    assert (both.entry_count, both.delivery_count) == (4, 2)
    assert alone == other


def test_the_slowest_and_the_newest_are_different_orders():
    quick, slow = glance("new", 2.0, took_s=0.1), glance("old", 1.0, took_s=5.0)
    assert [one.id for one in in_order([slow, quick], is_slowest_first=False)] == ["new", "old"]
    assert [one.id for one in in_order([quick, slow], is_slowest_first=True)] == ["old", "new"]


def test_a_glance_and_a_request_survive_the_way_to_another_process():
    known = glance("t1", 100.0)
    assert plain.from_plain(TraceGlance, over_the_wire(known)) == known
    asked = TracesRequest("user:ada", True, 5, ("t1", "t2"))
    assert plain.from_plain(TracesRequest, over_the_wire(asked)) == asked
