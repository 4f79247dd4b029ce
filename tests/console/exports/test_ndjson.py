from __future__ import annotations

import json

from console.exports.ndjson import connections, entries
from tests.console.exports.seen import CANARY, chat, records, view
from tests.console.recording import Recording


def test_each_entry_is_a_line_with_what_it_has():
    recording = Recording()
    connection = chat(recording)
    written = "".join(entries(records(recording)))
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["kind"] for line in lines] == recording.kinds()
    received = next(line for line in lines if line["type"] == "websocket.receive")
    assert received["connection"] == connection.id
    assert received["at"] == "1970-01-01T00:16:40.500Z"
    assert json.loads(received["text"]) == {"text": "hi", "password": "«redacted»"}
    assert "group" not in received
    (binary,) = [line for line in lines if "base64" in line]
    assert binary["base64"] == "/wAB"
    assert "grün" in written
    assert CANARY not in written


def test_each_connection_is_a_line_with_how_it_ended():
    recording = Recording()
    connection = chat(recording)
    (line,) = connections([view(recording, connection)])
    written = json.loads(line)
    assert written["id"] == connection.id
    assert (written["code"], written["closed_by"], written["in_count"]) == (1000, "client", 1)
    assert written["query_string"] == "room=1&token=«redacted»"
    assert CANARY not in line


def test_a_line_break_in_a_payload_breaks_no_line():
    recording = Recording()
    recording.receive(recording.open(), text="one\ntwo\u2028three")
    assert "".join(entries(records(recording))).count("\n") == 2
