"""What can be sent again, as what, and to whom."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from console.entry_view import HEX_BYTES, EntryDetail, hex_rows
from console.pages.resending import again
from console.redact import REDACTED
from tests.console.test_traces import entry


def detail(kind: str, text: str = "", data: bytes | None = None, **fields: Any) -> EntryDetail:
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    data = text.encode() if data is None else data
    cut = fields.pop("is_truncated", False)
    view = entry("e1:7", kind, 1.0, **{"connection": "c1", **fields})
    return EntryDetail(view, parsed, text, hex_rows(data[:HEX_BYTES]), cut, len(data))


def test_what_came_from_a_client_goes_to_its_consumer_as_the_event_that_it_was():
    found = again(detail("in", "hi", type="websocket.receive"))
    assert (found.kind, found.type, found.target) == ("deliver", "websocket.receive", "e1:c1")
    assert json.loads(found.body) == {"text": "hi"}


@pytest.mark.parametrize(
    ("text", "data", "form", "body"),
    [
        ('{"a": 1}', None, "json", '{"a": 1}'),
        ("hi", None, "text", "hi"),
        ("", b"\x00\xff", "binary", "00 ff"),
    ],
)
def test_what_went_to_a_client_goes_there_again(text, data, form, body):
    found = again(detail("out", text, data, type="websocket.send"))
    assert (found.kind, found.format, found.body, found.target) == ("send", form, body, "e1:c1")


def test_a_layer_message_goes_where_it_went():
    text = '{"type": "chat.message", "text": "hi"}'
    group = again(detail("group_send", text, group="lobby"))
    channel = again(detail("send", text, channel="jobs"))
    one = again(detail("deliver", text, channel="specific!a", group="lobby"))
    assert (group.kind, group.group, group.target) == ("broadcast", "lobby", "")
    assert (channel.kind, channel.channel) == ("post", "jobs")
    assert (one.kind, one.target) == ("deliver", "e1:c1")
    assert json.loads(group.body) == {"text": "hi"}
    assert parse_qs(group.asked("e1:7")) == {"again": ["e1:7"], "group": ["lobby"]}


def test_what_is_hidden_is_said_to_be():
    assert again(detail("out", f'{{"token": "{REDACTED}"}}', type="websocket.send")).is_redacted
    assert not again(detail("out", "{}", type="websocket.send")).is_redacted


@pytest.mark.parametrize(
    "given",
    [
        detail("out", "hi", type="websocket.send", is_truncated=True),
        detail("out", "", b"x" * 5_000, type="websocket.send"),
        detail("in", "", b"\x00", type="websocket.receive"),
        detail("out", "hi", type="websocket.send", connection=""),
        detail("out", "hi", type="http.response.body"),
        detail("handler", "", type="receive"),
        detail("send", "no object", channel="jobs"),
    ],
)
def test_what_is_not_whole_or_has_no_receiver_cannot_be_sent_again(given):
    assert again(given) is None
