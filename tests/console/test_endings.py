from __future__ import annotations

import pytest

from console.connection import ConnectionState
from console.endings import note_received, note_sent, settle
from runtime.taps import Connection


def state(kind: str = "websocket", *events: tuple[str, dict]) -> ConnectionState:
    """Return a connection after events: those of the client begin with "<"."""
    known = ConnectionState(Connection({"type": kind, "path": "/"}))
    for name, fields in events:
        event = {"type": name.lstrip("<"), **fields}
        if name.startswith("<"):
            note_received(known, event, 10, 0.0)
        else:
            note_sent(known, event, 10, 0.0)
    return known


def summary(known: ConnectionState) -> tuple:
    return known.phase, known.closed_by, known.close_code, known.close_reason


ACCEPT = ("websocket.accept", {"subprotocol": "chat.v2"})


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], ("connecting", "", None, "")),
        ([ACCEPT], ("open", "", None, "")),
        (
            [ACCEPT, ("<websocket.disconnect", {"code": 1001, "reason": "bye"})],
            ("closing", "client", 1001, "bye"),
        ),
        ([ACCEPT, ("<websocket.disconnect", {})], ("closing", "client", 1005, "")),
        (
            [ACCEPT, ("websocket.close", {"code": 4001, "reason": None})],
            ("closing", "application", 4001, ""),
        ),
        (
            [ACCEPT, ("websocket.close", {}), ("<websocket.disconnect", {"code": 1006})],
            ("closing", "application", 1000, ""),
        ),
        ([("websocket.close", {})], ("refused", "application", 403, "")),
        ([("websocket.close", {"code": 4003})], ("refused", "application", 4003, "")),
        (
            [("websocket.http.response.start", {"status": 401})],
            ("refused", "application", 401, ""),
        ),
        ([("<websocket.disconnect", {"code": 1006})], ("closing", "client", 1006, "")),
    ],
)
def test_who_closed_a_websocket_and_with_what(events, expected):
    assert summary(state("websocket", *events)) == expected


def test_a_response_is_over_with_its_last_part_and_its_status_is_the_code():
    known = state("http", ("http.response.start", {"status": 404}))
    assert not note_sent(known, {"type": "http.response.body", "more_body": True}, 3, 0.0)
    assert note_sent(known, {"type": "http.response.body"}, 3, 0.0)
    assert summary(known)[1:3] == ("application", 404)


def test_a_client_that_leaves_before_the_response_is_complete_closed_it():
    known = state("http", ("http.response.start", {"status": 200}), ("<http.disconnect", {}))
    assert summary(known)[1:3] == ("client", 200)


def test_only_messages_are_counted():
    known = state(
        "websocket",
        ("<websocket.connect", {}),
        ACCEPT,
        ("<websocket.receive", {"text": "x"}),
        ("websocket.send", {"text": "x"}),
        ("websocket.send", {"text": "x"}),
        ("<websocket.disconnect", {}),
    )
    assert (known.in_count, known.in_bytes, known.out_count, known.out_bytes) == (1, 10, 2, 20)
    assert known.subprotocol == "chat.v2"


def test_an_event_of_a_protocol_that_nobody_knows_is_a_message():
    known = state("telegram", ("<telegram.message", {}), ("telegram.send", {}))
    assert (known.in_count, known.out_count) == (1, 1)


@pytest.mark.parametrize(
    ("kind", "outcome", "expected"),
    [
        ("websocket", "returned", ("closing", "application", None, "")),
        ("websocket", "cancelled", ("closing", "server", None, "")),
        ("websocket", "failed", ("error", "error", 1011, "")),
        ("http", "failed", ("error", "error", 500, "")),
    ],
)
def test_an_open_connection_whose_application_is_through(kind, outcome, expected):
    known = state(kind, ACCEPT)
    settle(known, outcome)
    assert summary(known) == expected


def test_a_failure_after_the_close_is_what_it_is_remembered_for():
    known = state("websocket", ACCEPT, ("<websocket.disconnect", {"code": 1001}))
    settle(known, "failed")
    assert summary(known)[:3] == ("error", "error", 1011)
