from __future__ import annotations

import pytest

from console import plain
from console.activity import Activity, ConsumerActivity
from console.activity_reading import DEEP, read_activity
from console.handlers import STEPS
from console.relay_protocol import dumps, loads
from tests.console.recording import Layer, Recording
from tests.console.several import processes


def handle(recording: Recording, connection, took_s: float, error: Exception | None = None) -> None:
    message = recording.receive(connection, text="hello")
    recording.begin(connection, message)
    recording.clock.advance(took_s)
    recording.recorder.handler_finished(connection, message, error)


async def test_what_happened_is_counted_by_its_step() -> None:
    recording = Recording()
    connection = recording.open()
    recording.start(connection)
    handle(recording, connection, 0.5)
    recording.send(connection, text="hi")
    recording.clock.advance(10.0)
    recording.recorder.message_sent(None, Layer(), "jobs", {"type": "job"})
    recording.recorder.message_dropped(None, "jobs", {"type": "job"}, "capacity", None)
    handle(recording, connection, 0.1, ValueError("no"))
    activity = await read_activity(recording.relay.reader)
    steps = activity.steps
    assert len(steps.inbound) == STEPS
    assert steps.opened[-2:] == (1, 0)
    assert steps.inbound[-2:] == (1, 1)
    assert steps.outbound[-2:] == (1, 0)
    assert steps.sent[-2:] == (0, 1)
    assert steps.dropped[-2:] == (0, 1)
    assert steps.errors[-2:] == (0, 1)
    assert [sum(pairs[1::2]) for pairs in steps.durations[-2:]] == [1, 1]
    assert activity.has_opened
    assert activity.drops == {"capacity": 1}
    assert activity.consumers == (
        ConsumerActivity("Consumer", "tests.console.recording", "websocket", 1),
    )
    [handler] = activity.handlers
    assert (handler.handler, handler.count, handler.errors) == ("websocket.receive", 2, 1)
    assert handler.recent[-2:] == (1, 1)
    assert handler.quantile(0.95) == pytest.approx(0.5, rel=0.07)


async def test_the_last_steps_alone_may_be_wanted() -> None:
    recording = Recording()
    recording.open()
    activity = await read_activity(recording.relay.reader, 3)
    assert [len(activity.steps.opened), len(activity.steps.durations)] == [3, 3]


async def test_connections_for_which_many_messages_wait_are_named() -> None:
    recording = Recording()
    quiet, deep = recording.open("/quiet/"), recording.open("/deep/?token=secret")
    for connection in (quiet, deep):
        recording.start(connection)
    for _ in range(DEEP):
        recording.receive(deep, text="x")
    recording.receive(quiet, text="x")
    activity = await read_activity(recording.relay.reader)
    assert [(one.id, one.waiting) for one in activity.deepest] == [(deep.id, DEEP)]


async def test_it_survives_the_way_to_another_process() -> None:
    recording = Recording()
    connection = recording.open()
    recording.start(connection)
    handle(recording, connection, 0.5)
    activity = await read_activity(recording.relay.reader)
    assert plain.from_plain(Activity, loads(dumps(plain.to_plain(activity)))) == activity


async def test_all_processes_answer() -> None:
    async with processes("web-1", "web-2") as (one, two):
        two.open()
        found, silent = await one.relay.activity()
        assert {one.epoch, two.epoch} == set(found)
        assert [found[two.epoch].has_opened, found[one.epoch].has_opened] == [True, False]
        assert silent == []
        await two.layer.release_channel(two.node.channel)
        found, silent = await one.relay.activity(2, timeout_s=0.05)
        assert (set(found), silent) == ({one.epoch}, [two.epoch])
