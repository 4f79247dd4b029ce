from __future__ import annotations

from typing import Any

import pytest

from console.entry import DIRECTIONS
from console.entry_view import EntryView
from console.pages.timeline import HandlerTimes, handled_ms, handler_times, timeline


def entry(offset: int, at: float, kind: Any, type_name: str = "", **fields: Any) -> EntryView:
    defaults: dict[str, Any] = {
        "badge": "ws",
        "connection": "c",
        "who": "",
        "short_id": "c",
        "preview": "",
        "size_bytes": None,
        "took_ms": None,
        "path": "",
        "group": "",
        "channel": "",
        "process": "",
        "trace": "",
        "cause": "",
    }
    return EntryView(
        position=f"e:{offset}",
        offset=offset,
        at=at,
        kind=kind,
        direction=DIRECTIONS[kind],
        type=type_name or kind,
        **{**defaults, **fields},
    )


def received_and_handled() -> list[EntryView]:
    """A frame, what its handler did, and the handler as it is written down: at its end."""
    return [
        entry(0, 10.0, "in", "websocket.receive"),
        entry(1, 10.002, "group_send", "chat.message", cause="e:0"),
        entry(2, 10.003, "out", "websocket.send", cause="e:0"),
        entry(3, 10.004, "handler", "websocket.receive", took_ms=4.0, cause="e:0"),
    ]


def test_a_handler_stands_where_it_began_between_its_cause_and_its_effects() -> None:
    rows = timeline(received_and_handled(), opened_at=10.0)
    assert [(row.label, row.depth) for row in rows] == [
        ("receive", 0),
        ("websocket_receive()", 1),
        ("chat.message", 2),
        ("send", 2),
    ]


def test_a_handler_never_seems_to_begin_before_what_it_handles() -> None:
    entries = [
        entry(0, 10.0, "in", "websocket.receive"),
        entry(1, 10.001, "handler", "websocket.receive", took_ms=1.5, cause="e:0"),
    ]
    assert [row.entry.kind for row in timeline(entries, 10.0)] == ["in", "handler"]


def test_seconds_count_from_the_opening() -> None:
    rows = timeline([entry(0, 10.25, "in")], opened_at=10.0)
    assert rows[0].after_s == pytest.approx(0.25)


def test_long_silence_is_a_gap_also_after_what_is_already_on_the_screen() -> None:
    later = [entry(5, 20.0, "in"), entry(6, 21.0, "in"), entry(7, 24.5, "in")]
    assert [row.gap_s for row in timeline(later, 10.0)] == [0.0, 0.0, 3.5]
    assert [row.gap_s for row in timeline(later, 10.0, previous_at=14.0)] == [6.0, 0.0, 3.5]


def test_what_no_handler_did_is_on_the_wire() -> None:
    (row,) = timeline([entry(0, 10.0, "out", "websocket.send")], 10.0)
    assert row.depth == 0


@pytest.mark.parametrize(
    ("took_ms", "bar"), [(0.05, 1), (0.1, 1), (1.0, 19), (10.0, 38), (1_000.0, 76), (60_000.0, 76)]
)
def test_the_bar_of_a_handler_is_logarithmic_and_ends_at_a_second(took_ms: float, bar: int) -> None:
    (row,) = timeline([entry(0, 10.0, "handler", "x", took_ms=took_ms)], 0.0)
    assert row.bar == bar


def test_failed_and_slow_handlers_stand_out() -> None:
    entries = [
        entry(0, 1.0, "handler", "x", took_ms=5.0),
        entry(1, 2.0, "handler", "x", took_ms=80.0),
        entry(2, 3.0, "error", "x", took_ms=5.0),
    ]
    assert [row.tone for row in timeline(entries, 0.0)] == ["", "warn", "danger"]


@pytest.mark.parametrize(
    ("preview", "waited_ms", "body"),
    [
        ("Chat.chat_message", 0.2, ""),
        ("Chat.chat_message", 41.0, "waited 41.0 ms"),
        ("Chat.chat_message stopped", 41.0, "stopped waited 41.0 ms"),
        ("another word", None, "another word"),
    ],
)
def test_of_a_handler_only_that_is_said_which_its_name_does_not_say(
    preview: str, waited_ms: float | None, body: str
) -> None:
    handled = entry(
        0, 1.0, "handler", "chat.message", took_ms=1.0, preview=preview, waited_ms=waited_ms
    )
    [row] = timeline([handled], opened_at=0.0)
    assert (row.label, row.body) == ("chat_message()", body)


def test_what_others_say_is_theirs() -> None:
    failed = entry(0, 1.0, "error", "chat.message", took_ms=1.0, preview="KeyError: .chat_message")
    [row] = timeline([failed], opened_at=0.0)
    assert row.body == "KeyError: .chat_message"


def test_how_long_handlers_took_is_exact() -> None:
    took = [
        entry(number, 1.0, "handler" if number % 9 else "error", took_ms=float(number))
        for number in range(1, 101)
    ]
    times = handled_ms([*took, entry(200, 1.0, "in")])
    assert handler_times(times.values()) == HandlerTimes(100, 50.0, 95.0, 100.0)
    assert handler_times([7.0]) == HandlerTimes(1, 7.0, 7.0, 7.0)
    assert handler_times([]) is None
