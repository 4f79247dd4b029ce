from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.entry import DIRECTIONS
from console.entry_view import EntryView
from console.traces import FAN_OUT, Held, Trace, build
from tests.console.recording import Layer, Recording

WEB, WORKER = "e1", "e2"
ALL = {WEB: Held(0, 10_000), WORKER: Held(0, 10_000)}


def entry(position: str, kind: str, at: float, cause: str = "", **fields: Any) -> EntryView:
    epoch, _, offset = position.partition(":")
    usual: dict[str, Any] = {
        "type": "chat.message",
        "badge": "ws",
        "connection": "",
        "who": "",
        "short_id": "",
        "preview": "",
        "size_bytes": None,
        "took_ms": None,
        "path": "",
        "group": "",
        "channel": "",
        "process": epoch,
        "trace": "t1",
    }
    return EntryView(
        position=position,
        offset=int(offset),
        at=at,
        kind=kind,
        direction=DIRECTIONS[kind],
        cause=cause,
        **{**usual, **fields},
    )


def chat(behind_s: float = 0.0) -> list[EntryView]:
    """One message: received, handled, sent to a group, delivered in two processes, sent out."""
    return [
        entry("e1:0", "in", 100.0, took_ms=30.0),
        entry("e1:1", "group_send", 100.02, "e1:0", receivers=2),
        entry("e1:2", "deliver", 100.021, "e1:1", took_ms=5.0),
        entry("e2:7", "deliver", 100.025 - behind_s, "e1:1", took_ms=5.0),
        entry("e1:3", "handler", 100.032, "e1:0", took_ms=30.0, waited_ms=2.0),
        entry("e2:8", "out", 100.031 - behind_s, "e2:7"),
        entry("e2:9", "handler", 100.032 - behind_s, "e2:7", took_ms=5.0, waited_ms=2.0),
        entry("e1:4", "out", 100.034, "e1:2"),
        entry("e1:5", "handler", 100.035, "e1:2", took_ms=5.0, waited_ms=9.0),
    ]


def drawn(trace: Trace) -> list[str]:
    return [
        f"{'  ' * span.depth}{span.position or span.kind}"
        + (f" {span.missing}" if span.missing else "")
        + (f" x{span.count}" if span.count > 1 else "")
        for span in trace.spans
    ]


CHAT = [
    "e1:0",
    "  e1:3",
    "    e1:1",
    "      e1:2",
    "        e1:5",
    "          e1:4",
    "      e2:7",
    "        e2:9",
    "          e2:8",
]


def test_one_message_is_followed_from_its_arrival_to_the_last_send_in_every_process():
    trace = build("t1", chat(), ALL)
    assert drawn(trace) == CHAT
    assert trace.is_complete
    assert trace.processes == ("e1", "e2")
    assert trace.took_s == pytest.approx(0.035)
    received, handler = trace.spans[:2]
    assert (received.start_s, received.waited_s) == (0.0, pytest.approx(0.002))
    assert handler.start_s == pytest.approx(0.002)
    assert handler.took_s == pytest.approx(0.03)
    assert received.end_s == pytest.approx(0.032)


def test_the_order_in_which_entries_come_changes_nothing():
    assert build("t1", reversed(chat()), ALL) == build("t1", chat() + chat(), ALL)


@pytest.mark.parametrize("behind_s", [5.0, -5.0])
def test_a_clock_that_is_wrong_is_set_right_as_far_as_it_is_known(behind_s):
    trace = build("t1", chat(behind_s), ALL)
    assert sorted(drawn(trace)) == sorted(CHAT)
    starts = {span.position: span.start_s for span in trace.spans}
    assert starts["e2:7"] >= starts["e1:1"]
    assert not any(span.is_moved for span in trace.spans)
    assert (trace.corrections != {}) == (behind_s > 0)


def test_what_has_left_the_ring_is_marked_and_its_effects_stay():
    held = {**ALL, WEB: Held(2, 10_000)}
    trace = build("t1", [one for one in chat() if one.position not in ("e1:0", "e1:1")], held)
    assert drawn(trace) == [
        "e1:0 left",
        "  e1:3",
        "e1:1 left",
        "  e1:2",
        "    e1:5",
        "      e1:4",
        "  e2:7",
        "    e2:9",
        "      e2:8",
    ]


def test_what_was_not_read_is_a_gap_or_in_a_process_that_nobody_knows():
    without = [one for one in chat() if one.position != "e1:1"]
    assert "e1:1 gap" in drawn(build("t1", without, ALL))
    assert "e1:1 unknown process" in drawn(build("t1", without, {WORKER: ALL[WORKER]}))


def test_deliveries_that_nobody_has_seen_are_counted():
    some = [one for one in chat() if not one.position.startswith("e2")]
    assert drawn(build("t1", some, ALL))[-1] == "      missing not seen"
    third_party = [entry("e1:0", "group_send", 1.0, receivers=3, is_linked=False)]
    assert drawn(build("t1", third_party, ALL)) == ["e1:0", "  missing unlinked x3"]


def test_what_nobody_can_follow_says_so_and_what_nobody_counted_does_not():
    uncounted = entry("e1:0", "group_send", 1.0)
    assert drawn(build("t1", [uncounted], ALL)) == ["e1:0"]
    unlinked = entry("e1:0", "group_send", 1.0, is_linked=False)
    trace = build("t1", [unlinked], ALL)
    assert drawn(trace) == ["e1:0", "  missing unlinked"]
    assert not trace.is_complete


def test_a_fan_out_is_folded_with_its_count_and_what_failed_is_shown():
    many = [
        entry("e1:0", "group_send", 1.0, receivers=100),
        *(entry(f"e1:{n}", "deliver", 1.0 + n / 1_000, "e1:0") for n in range(1, 101)),
        entry("e1:200", "error", 2.0, "e1:99", took_ms=1.0),
    ]
    trace = build("t1", many, ALL)
    (folded,) = [span for span in trace.spans if span.kind == "folded"]
    assert (folded.count, folded.failed) == (100 - FAN_OUT, 0)
    assert folded.took_s == pytest.approx(0.08)
    assert [span.position for span in trace.spans if span.depth == 1 and span.position][-1] == (
        "e1:99"
    )
    assert len(trace.spans) == 1 + FAN_OUT + 1 + 1


def test_what_fails_in_what_is_folded_is_counted():
    many = [entry("e1:0", "group_send", 1.0, receivers=60)]
    for number in range(1, 61):
        many.append(entry(f"e1:{number}", "deliver", 1.0 + number / 1_000, "e1:0"))
        many.append(entry(f"e1:{number + 100}", "error", 2.0, f"e1:{number}", took_ms=1.0))
    (folded,) = [span for span in build("t1", many, ALL).spans if span.kind == "folded"]
    assert folded.failed == folded.count == 60 - FAN_OUT


def test_entries_that_cause_each_other_still_end():
    circle = [entry("e1:0", "deliver", 1.0, "e1:1"), entry("e1:1", "send", 2.0, "e1:0")]
    circle.append(entry("e1:2", "out", 3.0, "e1:2"))
    spans = build("t1", circle, ALL).spans
    assert {span.position for span in spans if span.entry} == {"e1:0", "e1:1", "e1:2"}
    assert [span.missing for span in spans].count("circle") == 2


def test_a_chain_as_long_as_the_ring_is_a_trace():
    chain = [entry(f"e1:{n}", "send", float(n), f"e1:{n - 1}" if n else "") for n in range(5_000)]
    assert max(span.depth for span in build("t1", chain, ALL).spans) == 5_000


def test_entries_of_other_traces_are_left_out_and_nothing_is_a_trace():
    others = [entry("e1:0", "in", 1.0, trace="t2")]
    assert build("t1", others, ALL).spans == ()


hostile = st.lists(
    st.builds(
        lambda position, kind, at, cause, took, receivers: entry(
            position, kind, at, cause, took_ms=took, receivers=receivers
        ),
        st.tuples(st.sampled_from([WEB, WORKER, "e3"]), st.integers(0, 30)).map(
            lambda one: f"{one[0]}:{one[1]}"
        ),
        st.sampled_from(list(DIRECTIONS)),
        st.floats(0, 1_000),
        st.one_of(
            st.just(""),
            st.text(max_size=4),
            st.tuples(st.sampled_from([WEB, WORKER, "e3"]), st.integers(0, 30)).map(
                lambda one: f"{one[0]}:{one[1]}"
            ),
        ),
        st.one_of(st.none(), st.floats(0, 10_000)),
        st.one_of(st.none(), st.integers(-1, 100)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(hostile)
def test_whatever_the_entries_say_each_is_there_once_and_no_effect_is_before_its_cause(entries):
    trace = build("t1", entries, ALL)
    spans = trace.spans
    shown = [span.position for span in spans if span.entry and span.kind != "folded"]
    assert len(shown) == len(set(shown))
    if not any(span.kind == "folded" for span in spans):
        assert set(shown) == {one.position for one in entries}
    for index, span in enumerate(spans):
        if span.parent is not None:
            parent = spans[span.parent]
            assert span.parent < index
            assert span.depth == parent.depth + 1
            assert span.start_s >= parent.start_s
        assert span.start_s >= 0.0
        assert span.end_s <= trace.took_s + 1e-9


async def test_what_the_recorder_writes_is_one_trace():
    recording, layer = Recording(), Layer()
    recorder = recording.recorder
    sender, receiver = recording.open(), recording.open()
    recording.start(sender)
    recording.start(receiver, channel="specific!b")
    event = recording.receive(sender, text="hi")
    trace_id = recording.last().trace
    recorder.handler_started(sender, event, None, recorder.timer() - 0.001)
    message = {"type": "chat.message"}
    cause = recorder.group_sent(sender, layer, "lobby", message, 1)
    delivered = dict(message)
    recorder.message_delivered(receiver, "specific!b", delivered, cause)
    recorder.handler_finished(sender, event, None)
    recorder.handler_started(receiver, delivered, cause, recorder.timer() - 0.002)
    recording.send(receiver, text="hi")
    recorder.handler_finished(receiver, delivered, None)
    trace = await recording.relay.trace(trace_id)
    assert trace is not None
    kinds = [(span.depth, span.entry.kind) for span in trace.spans if span.entry]
    assert kinds == [
        (0, "in"),
        (1, "handler"),
        (2, "group_send"),
        (3, "deliver"),
        (4, "handler"),
        (5, "out"),
    ]
    assert trace.is_complete
    assert await recording.relay.trace("nothing") is None
