from __future__ import annotations

import pytest

from console.pages.waterfall import WIDTH, Scale, waterfall
from console.traces import Held, build
from tests.console.test_traces import ALL, chat, entry


def rows(entries, held=ALL):
    trace = build("t1", entries, held)
    return waterfall(trace, Scale.of(trace.took_s), 500)


@pytest.mark.parametrize(
    ("took_s", "labels"),
    [
        (0.0184, ["0", "4", "8", "12", "16 ms"]),
        (0.0307, ["0", "8", "16", "24", "32 ms"]),
        (12.0, ["0", "2.5", "5", "7.5", "10 s"]),
        (0.0, ["0", "10", "20", "30", "40 µs"]),
    ],
)
def test_five_round_divisions_hold_the_whole_trace(took_s, labels):
    scale = Scale.of(took_s)
    assert scale.labels == labels
    assert scale.length_s >= took_s
    assert 0 <= scale.at(took_s) <= WIDTH


def test_each_span_is_a_row_that_says_what_it_is_and_where():
    said = [(row.depth, row.label, row.detail) for row in rows(chat())]
    assert said[:4] == [
        (0, "chat.message", ""),
        (1, "chat_message()", "e1"),
        (2, "group_send", ""),
        (3, "chat.message", "e1"),
    ]


def test_a_delivery_is_on_its_way_from_where_it_was_sent_to_where_it_is_handled():
    trace = build("t1", chat(), ALL)
    scale = Scale.of(trace.took_s)
    by_position = {row.span.position: row for row in waterfall(trace, scale, 500)}
    way, arrival = by_position["e2:7"].bars
    assert (way.kind, arrival.kind) == ("wait", "layer")
    assert way.x == scale.at(0.02)
    assert way.x + way.width == pytest.approx(scale.at(0.027), abs=1)
    assert by_position["e2:7"].measure == "7.0 ms"


def test_no_bar_leaves_the_row():
    for row in rows(chat()):
        for bar in row.bars:
            assert bar.x >= 0
            assert bar.width > 0
            assert bar.x + bar.width <= WIDTH


def test_what_failed_and_what_is_missing_look_like_it():
    failed = [entry("e1:0", "in", 1.0), entry("e1:1", "error", 2.0, "e1:0", took_ms=1.0)]
    _, handler = rows(failed)
    assert (handler.tone, handler.bars[0].kind) == ("danger", "danger")
    left = {"e1": Held(1, 10)}
    missing, _ = rows(failed[1:], left)
    assert (missing.tone, missing.label) == ("missing", "its cause")
    assert missing.detail == "has left the buffer of its process"


def test_a_row_is_moved_in_only_so_far():
    chain = [entry(f"e1:{n}", "send", float(n), f"e1:{n - 1}" if n else "") for n in range(40)]
    assert max(row.depth for row in rows(chain)) == 6
