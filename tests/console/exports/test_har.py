from __future__ import annotations

import json

import jsonschema
import pytest

from tests.console.exports.seen import CANARY, chat, har, request
from tests.console.recording import Recording
from tests.support.har_schema import HAR


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


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((b"h\xc3", b"\xa9llo"), {"text": "héllo"}),
        ((b"h\xc3\xa9", b"l\xc3", b"\xb6"), {"text": "hélö"}),
        ((b"ab", b"\xff"), {"text": "YWL/", "encoding": "base64"}),
        ((b"x" * 20,), {"text": "x" * 10, "comment": "Longer than what is held of it"}),
    ],
)
def test_the_parts_of_a_body_are_one(parts, content):
    recording = Recording(PAYLOAD_BYTES=10)
    connection = recording.open("/", type="http", method="GET")
    recording.send(connection, "http.response.start", status=200, headers=[])
    for part in parts:
        recording.send(connection, "http.response.body", body=part, more_body=True)
    (entry,) = har(recording, connection)["log"]["entries"]
    assert entry["response"]["content"] == {
        "size": sum(map(len, parts)),
        "mimeType": "x-unknown",
        **content,
    }


def test_an_upload_in_parts_is_one_and_one_that_is_no_text_is_left_out(recording):
    uploads = []
    for parts in ((b"h\xc3", b"\xa9"), (b"\xff",)):
        connection = recording.open("/", type="http", method="POST")
        for part in parts:
            recording.receive(connection, "http.request", body=part)
        uploads.append(connection)
    text, binary = (one["request"] for one in har(recording, *uploads)["log"]["entries"])
    assert (text["postData"]["text"], text["bodySize"]) == ("hé", 3)
    assert (binary.get("postData"), binary["bodySize"]) == (None, 1)


def test_it_is_an_http_archive_by_its_schema(recording):
    binary = recording.open("/", type="http", method="GET")
    recording.send(binary, "http.response.start", status=302, headers=[(b"location", b"/x/")])
    recording.send(binary, "http.response.body", body=b"\xff")
    jsonschema.validate(har(recording, chat(recording), request(recording), binary), HAR)


def test_connections_of_other_protocols_have_no_place_in_it(recording):
    assert har(recording, recording.open(type="telegram"))["log"]["entries"] == []
