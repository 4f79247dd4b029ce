from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from console.capture import thaw
from console.conf import Settings
from console.connection import ConnectionState
from console.recorder import TAKEN_KEPT, Recorder
from runtime.layers import InMemoryChannelLayer
from runtime.layers.tapping import tapped
from runtime.taps import Connection, current_cause, current_connection, taps
from tests.console.recording import EPOCH, PROCESS, Consumer, Layer, Recording
from tests.support.observing import observed

LAYER = Layer()


@pytest.fixture
def recording() -> Recording:
    return Recording()


def test_a_connection_is_listed_from_its_opening_to_after_its_close(recording):
    connection = recording.open("/ws/chat/lobby/")
    recording.recorder.route_matched(
        connection, "ws/chat/<room>/", {"args": (), "kwargs": {"room": "lobby"}}
    )
    recording.start(connection, channel="specific!a")
    recording.receive(connection, "websocket.connect")
    recording.send(connection, "websocket.accept")
    known = recording.state(connection)
    assert (known.phase, known.route, known.arguments) == (
        "open",
        "ws/chat/<room>/",
        {"room": "lobby"},
    )
    recording.clock.advance(5)
    recording.receive(connection, "websocket.disconnect", code=1001)
    assert known.phase == "closing"
    recording.recorder.scope_closed(connection, None)
    assert (known.phase, known.close_code, known.closed_by) == ("closed", 1001, "client")
    assert known.closed_at == recording.clock.now
    assert recording.kinds() == ["open", "route", "in", "accept", "in", "close"]


def test_what_a_handler_does_is_an_effect_of_the_event_that_it_handles(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection, channel="specific!a")
    event = recording.receive(connection, text="hi")
    received = recording.last()
    recorder.handler_started(connection, event, None, recorder.timer() - 0.25)
    recording.clock.advance(0.5)
    cause = recorder.group_sent(connection, LAYER, "lobby", {"type": "chat.message"}, 3)
    sent = recording.last()
    recording.send(connection, text="ok")
    out = recording.last()
    recorder.handler_finished(connection, event, None)
    handled = recording.last()
    assert cause == (received.trace, f"{EPOCH}:{sent.offset}")
    for effect in (sent, out, handled):
        assert (effect.trace, effect.cause) == (received.trace, f"{EPOCH}:{received.offset}")
    assert received.took_s == handled.took_s == 0.5
    assert handled.facts == {"waited_s": 0.25}
    assert sent.facts == {"receivers": 3}
    assert connection.cause is None


def test_a_delivery_carries_the_trace_into_the_handler_of_another_connection(recording):
    recorder, sender, receiver = recording.recorder, recording.open(), recording.open()
    recording.start(receiver, channel="specific!b")
    message = {"type": "chat.message", "text": "hi"}
    cause = recorder.group_sent(sender, LAYER, "lobby", message, 1)
    sent = recording.last()
    delivered = dict(message)
    recorder.message_delivered(receiver, "specific!b", delivered, cause)
    delivery = recording.last()
    recorder.handler_started(receiver, delivered, cause, recorder.timer())
    recording.send(receiver, text="hi")
    out = recording.last()
    assert (delivery.trace, delivery.cause, delivery.group) == (
        sent.trace,
        f"{EPOCH}:{sent.offset}",
        "lobby",
    )
    assert (out.trace, out.cause) == (sent.trace, f"{EPOCH}:{delivery.offset}")
    assert recording.state(receiver).layer_count == 1


def test_events_that_arrive_before_the_first_is_handled_keep_their_own_traces(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection)
    events = [recording.receive(connection, text="same") for _ in range(3)]
    received = [entry for entry in recorder.journal if entry.kind == "in"]
    assert len({entry.trace for entry in received}) == 3
    for event, entry in zip(events, received, strict=True):
        recorder.handler_started(connection, event, None, recorder.timer())
        recording.send(connection, text="ok")
        assert recording.last().cause == f"{EPOCH}:{entry.offset}"
        recorder.handler_finished(connection, event, None)


def test_what_goes_out_while_another_handler_runs_is_an_effect_of_the_one_that_sent_it(recording):
    connection = recording.open()
    recording.start(connection)
    event = recording.receive(connection, text="hi")
    recording.begin(connection, event)
    token = current_cause.set(("trace of an earlier handler", "epoch:1"))
    recording.send(connection, text="of an earlier handler")
    current_cause.reset(token)
    entry = recording.last()
    assert (entry.trace, entry.cause) == ("trace of an earlier handler", "epoch:1")


def test_a_broadcast_is_kept_once(recording):
    message = {"type": "chat.message", "text": "hi"}
    cause = recording.recorder.group_sent(None, LAYER, "lobby", message, 2)
    sent = recording.last()
    held = recording.recorder.journal.held_bytes
    recording.recorder.message_delivered(None, "specific!b", dict(message), cause)
    assert recording.last().payload is sent.payload
    assert recording.last().kept_bytes == 0
    assert recording.recorder.journal.held_bytes - held < held


def test_what_somebody_delivers_through_the_console_has_the_type_of_its_message(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection, channel="specific!b")
    message = {"type": "chat.typing"}
    cause = recorder.action_began("console.deliver", "by ada", message, recording.state(connection))
    recorder.message_delivered(connection, "specific!b", message, cause)
    assert (recording.last().kind, recording.last().type) == ("deliver", "chat.typing")
    recorder.handler_started(connection, message, cause, recorder.timer())
    recorder.handler_finished(connection, message, None)
    assert (recording.last().kind, recording.last().type) == ("handler", "chat.typing")


def test_a_delivery_of_unknown_origin_keeps_its_own_copy_and_is_not_linked(recording):
    recording.recorder.message_delivered(None, "specific!b", {"type": "a.b", "n": [1]}, None)
    entry = recording.last()
    assert thaw(entry.payload) == {"type": "a.b", "n": [1]}
    assert (entry.trace, entry.cause) == ("", "")


def test_a_message_from_outside_any_handler_begins_a_trace(recording):
    first = recording.recorder.message_sent(None, LAYER, "thumbnails", {"type": "make"})
    second = recording.recorder.message_sent(None, LAYER, "thumbnails", {"type": "make"})
    assert first[0] != second[0]
    assert [len(trace) for trace, _ in (first, second)] == [12, 12]


def test_what_a_view_does_is_an_effect_of_its_request(recording):
    connection = recording.open("/post/", type="http", method="POST")
    recording.receive(connection, "http.request", body=b"x")
    request = recording.last()
    recording.recorder.group_sent(connection, LAYER, "lobby", {"type": "chat.message"}, 1)
    assert recording.last().cause == f"{EPOCH}:{request.offset}"


def test_a_handler_that_fails_is_an_error_with_its_traceback(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection)
    event = recording.receive(connection, text="hi")
    recorder.handler_started(connection, event, None, recorder.timer())
    error = KeyError("type")
    recorder.handler_finished(connection, event, error)
    entry, known = recording.last(), recording.state(connection)
    assert (entry.kind, entry.note) == ("error", "KeyError: 'type'")
    assert "KeyError" in entry.facts["traceback"]
    recorder.scope_closed(connection, error)
    assert (known.error_count, known.phase, known.close_code) == (1, "error", 1011)
    assert recording.kinds().count("error") == 1


def test_an_application_that_fails_outside_a_handler_is_an_error_too(recording):
    connection = recording.open()
    recording.recorder.scope_closed(connection, ValueError("no\nroute"))
    assert recording.kinds() == ["open", "error", "close"]
    assert recording.state(connection).last_error == "ValueError: no route"


def test_an_error_that_cannot_be_printed_does_not_stop_the_recording(recording):
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError

    recording.recorder.scope_closed(recording.open(), Unprintable())
    assert "Unprintable" in [*recording.recorder.journal][1].note


def test_a_cancellation_is_the_server_s_doing_and_no_error(recording):
    connection = recording.open()
    recording.start(connection)
    event = recording.receive(connection, "websocket.connect")
    recording.begin(connection, event)
    recording.recorder.handler_finished(connection, event, asyncio.CancelledError())
    assert (recording.last().kind, recording.last().note) == ("handler", "cancelled")
    recording.recorder.scope_closed(connection, asyncio.CancelledError())
    known = recording.state(connection)
    assert (known.phase, known.closed_by, known.error_count) == ("closed", "server", 0)


def test_a_response_closes_its_connection_while_its_handler_still_runs(recording):
    recorder = recording.recorder
    connection = recording.open("/poll/", type="http", method="GET")
    recording.start(connection)
    event = recording.receive(connection, "http.request", body=b"")
    recorder.handler_started(connection, event, None, recorder.timer())
    recording.send(connection, "http.response.start", status=200, headers=[])
    recording.send(connection, "http.response.body", body=b"done")
    assert recording.state(connection).close_code == 200
    recorder.handler_finished(connection, event, None)
    recorder.scope_closed(connection, None)
    assert recording.kinds() == ["open", "in", "out", "out", "close", "handler"]


def test_a_dropped_message_says_why(recording):
    recording.recorder.message_dropped(None, "specific!a", {"type": "a.b"}, "capacity", None)
    entry = recording.last()
    assert (entry.kind, entry.type, entry.channel, entry.note) == (
        "drop",
        "a.b",
        "specific!a",
        "capacity",
    )
    assert recording.recorder.state.dropped == 1


async def test_what_goes_through_a_layer_of_somebody_else_is_unlinked(recording):
    class Foreign:
        async def send(self, channel, message):
            pass

        async def group_send(self, group, message):
            await self.send("a", message)

    layer, show = tapped(Foreign()), recording.relay.reader.entry_reader.view
    with observed(recording.recorder):
        await layer.send("a", {"type": "x"})
        await layer.group_send("lobby", {"type": "y"})
        await InMemoryChannelLayer().send("b", {"type": "z"})
    sent = [show(entry) for entry in recording.recorder.journal]
    assert [(one.type, one.is_linked) for one in sent] == [("x", False), ("y", False), ("z", True)]


def test_a_missed_route_says_what_was_tried(recording):
    connection = recording.open("/nowhere/")
    recording.recorder.route_missed(connection, "nowhere/", ["chat/<room>/", "echo/"])
    assert recording.last().facts == {"tried": ("chat/<room>/", "echo/")}
    assert recording.state(connection).error_count == 1


def test_what_a_router_took_and_nothing_inside_of_it_is_on_no_route(recording):
    connection = recording.open("/chat/nowhere/")
    recording.recorder.route_matched(connection, "chat/", {})
    assert recording.state(connection).route == "chat/"
    recording.recorder.route_missed(connection, "chat/nowhere/", ["chat/lobby/"])
    assert recording.state(connection).route == ""


def test_a_membership_belongs_to_the_connection_of_its_channel_and_to_who_made_it(recording):
    recorder, actor, member = recording.recorder, recording.open(), recording.open()
    recording.start(actor)
    recording.start(member, channel="specific!b")
    event = recording.receive(actor, text="invite")
    recorder.handler_started(actor, event, None, recorder.timer())
    token = current_connection.set(actor)
    recorder.group_joined(LAYER, "lobby", "specific!b")
    current_connection.reset(token)
    joined = recording.last()
    assert joined.connection is recording.state(member)
    assert joined.trace == recorder.cause_of(actor)[0]
    assert recorder.state.memberships.of_channel("specific!b") == (("lobby", 1),)
    recorder.group_left(LAYER, "lobby", "specific!b")
    assert recorder.state.memberships.of_channel("specific!b") == ()


def test_what_happens_on_a_connection_that_was_never_opened_is_left_out(recording):
    stranger = Connection({"type": "websocket", "path": "/"})
    recording.receive(stranger, text="hi")
    recording.send(stranger, text="hi")
    recording.start(stranger)
    recording.begin(stranger, {"type": "x"})
    recording.recorder.handler_finished(stranger, {"type": "x"}, None)
    recording.recorder.route_matched(stranger, "x", {})
    recording.recorder.route_missed(stranger, "x", [])
    recording.recorder.scope_closed(stranger, None)
    assert recording.kinds() == []


def test_a_handler_that_began_before_its_connection_was_known_ends_like_any_other(recording):
    stranger, event = Connection({"type": "websocket", "path": "/"}), {"type": "x"}
    recording.begin(stranger, event, waited_s=0.25)
    recording.recorder.scope_opened(stranger)
    recording.clock.advance(0.5)
    recording.recorder.handler_finished(stranger, event, None)
    entry = recording.last()
    assert (entry.kind, entry.took_s, entry.facts) == ("handler", 0.5, {"waited_s": 0.25})
    assert (entry.trace, entry.cause) == ("", "")


def test_a_closed_connection_holds_neither_its_consumer_nor_in_the_end_its_scope():
    recording = Recording(CLOSED_KEPT=1)
    connection = recording.open()
    consumer = weakref.ref(recording.start(connection, Consumer(dict(connection.scope))))
    recording.receive(connection, text="hi")
    recording.recorder.scope_closed(connection, None)
    known = recording.state(connection)
    connection.consumer = None
    gc.collect()
    assert consumer() is None
    recording.recorder.scope_closed(recording.open(), None)
    assert known.scope is None
    assert [entry.connection for entry in recording.recorder.journal if entry.kind == "in"] == [
        known
    ]


def test_a_payload_beyond_the_bound_is_cut_with_its_true_size():
    recording = Recording(PAYLOAD_BYTES=10)
    recording.receive(recording.open(), text="x" * 25)
    entry = recording.last()
    assert (entry.payload, entry.size_bytes, entry.is_cut) == ("x" * 10, 25, True)


def test_a_connection_is_asked_once_whether_the_console_opened_it():
    asked = []
    recorder = Recorder(PROCESS, Settings(), is_marked=lambda scope: asked.append(scope) is None)
    connection = Connection({"type": "websocket", "path": "/"})
    recorder.scope_opened(connection)
    assert recorder.state.get(connection.id).is_from_console
    assert asked == [connection.scope]


def test_taps_from_many_threads_give_offsets_without_a_gap(recording):
    connections = [recording.open() for _ in range(4)]

    def talk(connection: Connection) -> None:
        for _ in range(200):
            recording.send(connection, text="x")

    threads = [threading.Thread(target=talk, args=(one,)) for one in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    offsets = [entry.offset for entry in recording.recorder.journal]
    assert offsets == list(range(804))
    assert [recording.state(one).out_count for one in connections] == [200] * 4


def test_the_recorder_listens_to_every_tap(recording):
    with observed(recording.recorder):
        assert all(getattr(taps, hook) is not None for hook in ("scope_opened", "group_left"))
        taps.scope_opened(Connection({"type": "websocket", "path": "/"}))
    assert recording.kinds() == ["open"]


def test_its_own_socket_is_served_by_the_application_that_it_was_given():
    async def live(scope, receive, send):
        raise AssertionError("not called here")

    recorder = Recorder(PROCESS, Settings(), live=lambda: live)
    own = {"type": "websocket", "path": "/console/live/", "headers": []}
    assert recorder.application_for(own) is live
    assert recorder.is_muted(own)
    other = {"type": "websocket", "path": "/ws/chat/lobby/", "headers": []}
    assert recorder.application_for(other) is None
    assert not recorder.is_muted(other)


def test_states_and_recorders_show_who_they_are(recording):
    known = ConnectionState(Connection({"type": "websocket", "path": "/secret/"}))
    assert "secret" not in repr(known)
    assert "web-1" in repr(recording.recorder)
    assert "open=0" in repr(recording.recorder.state)


def test_a_handler_is_counted_with_its_time_and_its_failure(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection)
    for error in (None, KeyError("type"), asyncio.CancelledError()):
        event = recording.receive(connection, text="hi")
        recorder.handler_started(connection, event, None, recorder.timer() - 0.25)
        recording.clock.advance(0.5)
        recorder.handler_finished(connection, event, error)
    (stats,) = recorder.state.handlers
    latency = stats.latency(recording.clock.now)
    assert (stats.consumer, stats.handler) == ("Consumer", "websocket.receive")
    assert (latency.count, latency.errors, latency.max_s) == (3, 1, 0.5)
    assert latency.max_waited_s == 0.25
    assert recorder.state.errors == {("Consumer", "KeyError"): 1}


def test_every_entry_is_counted_by_its_kind_though_the_ring_has_lost_it():
    recording = Recording(RING_ENTRIES=3)
    connection = recording.open()
    for _ in range(20):
        recording.receive(connection, text="hi")
    tally = recording.recorder.state.tally
    assert tally.totals["in"] == 20
    assert sum(tally.series("in", recording.clock.now)) == 20


def test_a_mailbox_is_as_deep_as_the_messages_that_wait_for_their_handler(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection)
    events = [recording.receive(connection, text="hi") for _ in range(4)]
    assert recorder.state.waiting == 4
    for event in events:
        recorder.handler_started(connection, event, None, recorder.timer())
        recorder.handler_finished(connection, event, None)
    assert recorder.state.waiting == 0
    assert recording.state(connection).deepest == 4


def test_a_message_that_waited_too_long_is_an_effect_of_its_delivery(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection, channel="specific!b")
    message = {"type": "chat.message"}
    cause = recorder.group_sent(None, LAYER, "lobby", message, 1)
    recorder.message_delivered(connection, "specific!b", message, cause)
    delivery = recording.last()
    recorder.message_dropped(connection, "specific!b", dict(message), "expired", None)
    drop = recording.last()
    assert (drop.trace, drop.cause) == (cause[0], f"{EPOCH}:{delivery.offset}")
    assert recorder.state.waiting == 0
    assert recorder.state.drops == {"expired": 1}


def test_a_job_goes_on_in_the_trace_of_whoever_sent_it(recording):
    recorder, message = recording.recorder, {"type": "thumbnail.generate", "text": "x", "n": 1}
    cause = recorder.message_sent(None, LAYER, "thumbnails", message)
    recorder.message_delivered(None, "thumbnails", message, cause)
    delivery = recording.last()
    worker = recording.open(type="channel", channel="thumbnails")
    recorder.event_received(worker, message, recorder.timer())
    begun = recording.last()
    assert (begun.kind, begun.trace) == ("in", cause[0])
    assert begun.cause == f"{EPOCH}:{delivery.offset}"
    assert thaw(begun.payload) == message
    recorder.event_received(
        worker, message, recorder.timer()
    )  # whatever comes without having been taken
    assert recording.last().cause == ""


def test_messages_that_no_worker_has_are_not_remembered_for_ever(recording):
    messages = [{"type": "x"} for _ in range(TAKEN_KEPT + 5)]
    for message in messages:
        recording.recorder.message_delivered(None, "jobs", message, ("t1", "other:7"))
    worker = recording.open(type="channel", channel="jobs")
    recording.recorder.event_received(worker, messages[0], 0.0)
    assert recording.last().cause == ""
    recording.recorder.event_received(worker, messages[-1], 0.0)
    assert recording.last().cause != ""


def test_what_a_full_mailbox_lost_is_an_effect_of_its_sending(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection, channel="specific!b")
    message = {"type": "chat.message"}
    cause = recorder.message_sent(None, LAYER, "specific!b", message)
    recorder.message_dropped(connection, "specific!b", message, "capacity", cause)
    assert (recording.last().trace, recording.last().cause) == cause


def test_what_a_full_mailbox_lost_is_no_effect_of_the_handler_that_runs_there(recording):
    recorder, connection = recording.recorder, recording.open()
    recording.start(connection, channel="specific!b")
    event = recording.receive(connection, text="hi")
    recorder.handler_started(connection, event, None, recorder.timer())
    recorder.message_dropped(connection, "specific!b", {"type": "chat.message"}, "capacity", None)
    assert (recording.last().trace, recording.last().cause) == ("", "")


def test_a_path_without_a_route_is_counted(recording):
    for _ in range(2):
        recording.recorder.route_missed(recording.open("/nowhere/"), "nowhere/", ["chat/"])
    (miss,) = recording.recorder.state.misses()
    assert (miss.protocol, miss.path, miss.tried, miss.count) == (
        "websocket",
        "/nowhere/",
        ("chat/",),
        2,
    )


@pytest.mark.parametrize("event", [{}, {"type": None}, "text", None, 7, ["type"]], ids=repr)
def test_what_is_no_event_is_not_written_and_ends_nothing(recording, event):
    connection = recording.open()
    taps.attach(recording.recorder)
    try:
        recording.recorder.event_received(connection, event, recording.recorder.timer())
        recording.recorder.event_sent(connection, event)
        assert recording.recorder in taps.observers
    finally:
        taps.detach(recording.recorder)
    assert recording.kinds() == ["open"]
