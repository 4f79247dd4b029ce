from __future__ import annotations

import json

import pytest

from tests.console.exports.seen import CANARY, chat, har, request
from tests.console.recording import Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


def test_a_socket_is_an_upgrade_with_its_messages_as_chrome_writes_them(recording):
    archive = har(recording, chat(recording))["log"]
    assert archive["version"] == "1.2"
    assert archive["creator"]["name"] == "Channelscope"
    (entry,) = archive["entries"]
    assert entry["_resourceType"] == "websocket"
    assert entry["startedDateTime"] == "1970-01-01T00:16:40.000Z"
    assert entry["time"] == 1_500.0
    assert entry["request"]["url"] == ("wss://example.com/ws/chat/lobby/?room=1&token=«redacted»")
    assert {"name": "room", "value": "1"} in entry["request"]["queryString"]
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (
        101,
        "Switching Protocols",
    )
    assert entry["_webSocketMessages"] == [
        {
            "type": "send",
            "time": 1_000.5,
            "opcode": 1,
            "data": '{"text":"hi","password":"«redacted»"}',
        },
        {"type": "receive", "time": 1_000.5, "opcode": 2, "data": "/wAB"},
        {"type": "receive", "time": 1_000.5, "opcode": 1, "data": "grün"},
    ]
    assert "comment" not in entry


def test_a_request_has_its_body_and_its_response(recording):
    (entry,) = har(recording, request(recording))["log"]["entries"]
    assert entry["request"]["method"] == "POST"
    assert entry["request"]["url"] == "http://example.com/post/"
    assert entry["request"]["postData"]["mimeType"] == "application/json"
    assert json.loads(entry["request"]["postData"]["text"])["api_key"] == "«redacted»"
    response = entry["response"]
    assert (response["status"], response["content"]["text"]) == (201, "done")
    assert {"name": "content-type", "value": "text/plain"} in response["headers"]


def test_every_entry_has_what_the_format_demands(recording):
    archive = har(recording, chat(recording), request(recording))["log"]
    assert set(archive) >= {"version", "creator", "entries"}
    for entry in archive["entries"]:
        assert set(entry) >= {
            "startedDateTime",
            "time",
            "request",
            "response",
            "cache",
            "timings",
        }
        assert set(entry["request"]) >= {
            *("method", "url", "httpVersion", "cookies", "headers", "queryString"),
            *("headersSize", "bodySize"),
        }
        assert set(entry["response"]) >= {
            *("status", "statusText", "httpVersion", "cookies", "headers", "content"),
            *("redirectURL", "headersSize", "bodySize"),
        }
        assert set(entry["response"]["content"]) >= {"size", "mimeType"}
        assert set(entry["timings"]) >= {"send", "wait", "receive"}


def test_no_secret_is_in_it(recording):
    assert CANARY not in json.dumps(har(recording, chat(recording), request(recording)))


def test_a_socket_that_was_refused_has_the_status_of_its_refusal(recording):
    connection = recording.open()
    recording.receive(connection, "websocket.connect")
    recording.send(connection, "websocket.close", code=4401)
    recording.recorder.scope_closed(connection, None)
    (entry,) = har(recording, connection)["log"]["entries"]
    assert entry["response"]["status"] == 403
    assert entry["_webSocketMessages"] == []


def test_a_socket_that_nobody_has_answered_yet_has_no_status(recording):
    (entry,) = har(recording, recording.open())["log"]["entries"]
    assert entry["response"]["status"] == 0


def test_messages_that_are_held_no_more_are_counted():
    recording = Recording(RING_ENTRIES=3)
    connection = recording.open()
    for _ in range(10):
        recording.receive(connection, text="hi")
    (entry,) = har(recording, connection)["log"]["entries"]
    assert len(entry["_webSocketMessages"]) == 3
    assert entry["comment"].startswith("7 messages are not here")


def test_a_message_that_was_cut_has_its_true_size():
    recording = Recording(PAYLOAD_BYTES=10)
    connection = recording.open()
    recording.receive(connection, text="x" * 25)
    (entry,) = har(recording, connection)["log"]["entries"]
    (message,) = entry["_webSocketMessages"]
    assert (message["data"], message["_size"]) == ("x" * 10, 25)


def test_connections_of_other_protocols_have_no_place_in_it(recording):
    assert har(recording, recording.open(type="telegram"))["log"]["entries"] == []
