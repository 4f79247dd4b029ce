from __future__ import annotations

import json

import pytest

from console.asgi_json import LONGEST, MalformedScope, read_event, read_scope


def test_a_websocket_scope_has_what_a_server_would_fill_in() -> None:
    scope = read_scope('{"type": "websocket", "path": "/ws/echo/"}')
    assert scope["asgi"]["version"] == "3.0"
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
        "/ws/echo/",
        b"/ws/echo/",
        b"",
    )
    assert (scope["headers"], scope["subprotocols"], scope["scheme"]) == ([], [], "ws")


def test_headers_are_bytes_with_names_in_lower_case() -> None:
    text = '{"type": "http", "path": "/", "headers": [["X-Who", "ad\\u00e4"]]}'
    assert read_scope(text)["headers"] == [(b"x-who", b"ad\xe4")]


def test_text_stands_for_bytes_where_the_specification_wants_bytes() -> None:
    assert read_scope('{"type": "http", "path": "/", "query_string": "a=1"}')["query_string"] == (
        b"a=1"
    )
    assert read_event('{"type": "http.request", "body": "hé"}')["body"] == "hé".encode()


def test_any_bytes_are_written_in_hex() -> None:
    event = read_event('{"type": "websocket.receive", "bytes": {"$hex": "89 50 4e"}}')
    assert event["bytes"] == b"\x89PN"
    event = read_event('{"type": "mqtt.message", "parts": [{"$hex": "00"}]}')
    assert event["parts"] == [b"\x00"]


def test_other_types_are_taken_as_they_are() -> None:
    scope = read_scope('{"type": "telegram", "bot": "acme", "chat": {"id": 7}}')
    assert scope == {
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "type": "telegram",
        "bot": "acme",
        "chat": {"id": 7},
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is no JSON"),
        ("[]", "Expected an object"),
        ("{}", 'Expected a "type"'),
        ('{"type": 3}', 'Expected a "type"'),
        ('{"type": "websocket"}', 'Expected a "path"'),
        ('{"type": "http", "path": "x"}', 'begins with "/"'),
        ('{"type": "http", "path": "/", "headers": {"a": "b"}}', "list of \\[name, value\\]"),
        ('{"type": "http", "path": "/", "headers": [["a", 1]]}', "list of \\[name, value\\]"),
        ('{"type": "http", "path": "/", "headers": [["a", "\\u20ac"]]}', "Latin-1"),
        ('{"type": "x", "y": {"$hex": "zz"}}', "is no hex"),
        (json.dumps({"type": "x", "y": "z" * LONGEST}), "at most"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_no_scope_says_what_was_expected(text: str, why: str) -> None:
    with pytest.raises(MalformedScope, match=why):
        read_scope(text)
