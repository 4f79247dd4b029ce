from __future__ import annotations

import json
import uuid

import pytest

from console.entry_view import EntryRecord, hex_rows
from console.query import parse
from tests.console.recording import Consumer, Layer, Recording

CANARY = "c4n4ryc4n4ry"


class Guarded(Consumer):
    @staticmethod
    def channelscope_redact(direction, payload):
        if isinstance(payload, dict) and "card" in payload:
            payload["card"] = f"hidden from {direction}"
        return payload


class Broken(Consumer):
    @classmethod
    def channelscope_redact(cls, direction, payload):
        raise RuntimeError


@pytest.fixture
def recording() -> Recording:
    return Recording()


def view(recording: Recording):
    return recording.relay.reader.entry_reader.view(recording.last())


def detail(recording: Recording):
    return recording.relay.reader.entry_reader.detail(recording.last())


def test_a_frame_is_a_row_with_its_connection_and_a_preview(recording):
    connection = recording.open("/ws/chat/lobby/")
    recording.receive(connection, text='{"text": "hi",\n "token": "abc"}')
    row = view(recording)
    assert (row.direction, row.badge, row.path, row.process) == (
        "in",
        "ws",
        "/ws/chat/lobby/",
        "web-1",
    )
    assert row.connection == connection.id
    assert connection.id.startswith(row.short_id)
    assert row.preview == '{"text":"hi","token":"«redacted»"}'
    assert row.size_bytes == 31


def test_the_json_of_a_row_leaves_out_what_is_empty_and_keeps_a_zero(recording):
    recording.receive(recording.open(), text="")
    row = view(recording).as_json()
    assert row["size"] == 0
    assert "group" not in row
    assert "took" not in row
    json.dumps(row)


def test_a_preview_is_one_line_of_at_most_so_many_characters():
    recording = Recording(PREVIEW_CHARS=10)
    recording.receive(recording.open(), text="a\n\tb\x00\u202ec" + "d" * 50)
    assert view(recording).preview == "a b··cddd…"


def test_a_preview_of_the_exact_length_is_not_cut():
    recording = Recording(PREVIEW_CHARS=10)
    recording.receive(recording.open(), text="a" * 10)
    assert view(recording).preview == "a" * 10


def test_a_binary_payload_is_previewed_and_shown_in_hex(recording):
    recording.send(recording.open(), bytes=b"\x89PNG\r\n\x1a\n\xff")
    assert view(recording).preview == "89 50 4e 47 0d 0a 1a 0a ff"
    assert detail(recording).hex == (
        ("00000000", "89 50 4e 47 0d 0a 1a 0a", ".PNG...."),
        ("00000008", "ff", "."),
    )
    assert (detail(recording).text, detail(recording).json) == ("", None)


def test_hex_shows_what_was_redacted_and_not_what_was_there(recording):
    recording.send(recording.open(), bytes=json.dumps({"password": CANARY}).encode())
    shown = "".join(characters for _, _, characters in detail(recording).hex)
    assert CANARY not in shown
    assert "redacted" in shown


def test_hex_ends_after_four_kilobytes(recording):
    recording.send(recording.open(), text="x" * 10_000)
    assert len(detail(recording).hex) == 512


def test_a_detail_says_json_text_and_true_size():
    recording = Recording(PAYLOAD_BYTES=20)
    connection = recording.open()
    recording.receive(connection, text='{"a": [1, 2]}')
    assert detail(recording).json == {"a": [1, 2]}
    recording.receive(connection, text='{"password": "' + CANARY * 9 + '"}')
    cut = detail(recording)
    assert (cut.json, cut.is_truncated, cut.size_bytes) == (None, True, 124)
    assert "c4n4ry"[:5] not in cut.text


def test_a_layer_message_is_measured_when_it_is_read(recording):
    recording.recorder.message_sent(None, Layer(), "a", {"type": "a.b", "text": "grün"})
    assert view(recording).size_bytes == len('{"type":"a.b","text":"grün"}'.encode())
    assert detail(recording).json == {"type": "a.b", "text": "grün"}


def test_a_layer_message_that_was_cut_and_its_deliveries_are_said_to_be_as_large_as_they_were(
    recording,
):
    receiver, message = recording.open(), {"type": "a.b", "text": "x" * 1_000_000}
    cause = recording.recorder.group_sent(None, Layer(), "lobby", message, 1)
    recording.recorder.message_delivered(receiver, "a", dict(message), cause)
    sent, delivered = list(recording.recorder.journal)[-2:]
    whole = pytest.approx(1_000_026, abs=10)
    show = recording.relay.reader.entry_reader
    assert (show.view(sent).size_bytes, show.view(delivered).size_bytes) == (whole, whole)
    assert show.detail(delivered).is_truncated
    assert sent.kept_bytes < 70_000


@pytest.mark.parametrize("value", [float("nan"), uuid.UUID(int=1), {1, 2}, b"\xff\x00", object()])
def test_a_layer_message_with_anything_in_it_can_be_shown(recording, value):
    recording.recorder.message_sent(None, Layer(), "a", {"type": "a.b", "value": value})
    json.dumps(detail(recording).json)
    assert view(recording).size_bytes > 10


def test_the_hook_of_the_consumer_is_asked_with_the_direction(recording):
    connection = recording.open()
    recording.start(connection, Guarded(connection.scope))
    recording.send(connection, text='{"card": 1}')
    assert detail(recording).json == {"card": "hidden from out"}
    recording.recorder.message_sent(connection, Layer(), "a", {"type": "pay", "card": 1})
    assert detail(recording).json["card"] == "hidden from layer"


def test_a_hook_that_fails_leaks_nothing_anywhere(recording):
    connection = recording.open()
    recording.start(connection, Broken(connection.scope))
    recording.send(connection, text=CANARY)
    record = EntryRecord(recording.last(), recording.relay.reader.entry_reader)
    for shown in (view(recording), detail(recording), record["text"]):
        assert CANARY not in repr(shown)


def test_an_error_shows_its_sentence_and_traceback_without_secrets(recording):
    connection = recording.open()
    recording.recorder.scope_closed(connection, ValueError(f"bad password={CANARY}"))
    [error] = [entry for entry in recording.recorder.journal if entry.kind == "error"]
    shown = recording.relay.reader.entry_reader.detail(error)
    assert shown.view.preview == "ValueError: bad password=«redacted»"
    assert "Traceback" in shown.facts["traceback"] or "ValueError" in shown.facts["traceback"]
    assert CANARY not in repr(shown)


def test_each_kind_says_in_a_line_what_happened(recording):
    recorder, layer = recording.recorder, Layer()
    connection = recording.open("/poll/3/", type="http", method="GET")
    recorder.route_matched(connection, "poll/<int:n>/", {"args": (), "kwargs": {"n": 3}})
    assert view(recording).preview == "poll/<int:n>/ n=3"
    recording.start(connection, channel="specific!a")
    event = recording.receive(connection, "http.request", body=b"")
    recorder.handler_started(connection, event, None, recorder.timer() - 0.001)
    recorder.group_joined(layer, "lobby", "specific!a")
    assert view(recording).preview == "lobby"
    recorder.message_dropped(connection, "specific!a", {"type": "x"}, "capacity", None)
    assert view(recording).preview == 'capacity {"type":"x"}'
    recorder.handler_finished(connection, event, None)
    assert view(recording).preview == "Consumer.http_request"
    assert detail(recording).facts == {"waited_ms": 1.0}
    recording.send(connection, "http.response.start", status=200)
    recording.send(connection, "http.response.body", body=b"x")
    assert view(recording).preview == "200 by application"
    opened = next(iter(recorder.journal))
    assert recording.relay.reader.entry_reader.view(opened).preview == "GET /poll/3/"


def test_the_path_of_an_open_entry_is_hidden_as_soon_as_its_route_says_that_it_is_secret(recording):
    connection = recording.open(f"/invite/{CANARY}/")
    view(recording)
    arguments = {"args": (), "kwargs": {"token": CANARY}}
    recording.recorder.route_matched(connection, "invite/<token>/", arguments)
    for entry in recording.recorder.journal:
        assert CANARY not in repr(recording.relay.reader.entry_reader.detail(entry))
    recording.recorder.scope_closed(connection, None)
    recording.state(connection).forget()
    for entry in recording.recorder.journal:
        assert CANARY not in repr(recording.relay.reader.entry_reader.detail(entry))


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("type:websocket.receive dir:in kind:in proto:ws", True),
        ("proto:websocket path:/ws/* consumer:consumer process:web-1", True),
        ("size:>10 took:>400ms", True),
        ('"green on main"', True),
        ("redacted", True),
        (CANARY, False),
        ("user:ada", False),
        ("group:lobby", False),
    ],
)
def test_a_query_searches_what_may_be_seen(recording, query, matches):
    connection = recording.open()
    recording.start(connection)
    text = json.dumps({"text": "green on main", "token": CANARY})
    event = recording.receive(connection, text=text)
    entry = recording.last()
    recording.begin(connection, event)
    recording.clock.advance(0.5)
    recording.recorder.handler_finished(connection, event, None)
    assert recording.last().kind == "handler"  # read, and so brought up to date
    record = EntryRecord(entry, recording.relay.reader.entry_reader)
    assert parse(query).matches(record) is matches
    assert set(record) >= {"type", "text"}


def test_the_rows_of_hex_cover_every_byte():
    data = bytes(range(256))
    rows = hex_rows(data)
    assert bytes.fromhex("".join(digits for _, digits, _ in rows)) == data
    assert rows[-1][0] == "000000f8"


def test_a_query_asks_how_an_entry_and_its_connection_stand(recording):
    connection = recording.open()
    recording.send(connection, bytes=b"\xff\x00")
    record = EntryRecord(recording.last(), recording.relay.reader.entry_reader)
    assert parse("is:open is:binary -is:cut -is:error").matches(record)
    recording.receive(connection, "websocket.disconnect", code=1006)
    recording.recorder.scope_closed(connection, KeyError("type"))
    assert parse("is:closed code:1011 -is:open").matches(record)
    [error] = [entry for entry in recording.recorder.journal if entry.kind == "error"]
    record = EntryRecord(error, recording.relay.reader.entry_reader)
    assert parse("is:error error:KeyError error:*type*").matches(record)


def test_a_second_search_does_not_redact_again(recording, monkeypatch):
    connection = recording.open()
    recording.start(connection)
    recording.send(connection, text=json.dumps({"token": CANARY, "text": "green"}))
    entry, reader = recording.last(), recording.relay.reader.entry_reader
    assert "green" in reader.searchable(entry)
    monkeypatch.setattr(reader, "shown", None)
    assert CANARY not in reader.searchable(entry)


def test_a_line_of_what_was_searched_is_not_redacted_a_second_time(recording, monkeypatch):
    connection = recording.open()
    recording.start(connection)
    recording.send(connection, text=json.dumps({"token": CANARY, "text": "green"}))
    entry, reader = recording.last(), recording.relay.reader.entry_reader
    reader.searchable(entry)
    monkeypatch.setattr(reader, "shown", None)
    assert reader.preview(entry) == '{"token":"«redacted»","text":"green"}'


def test_what_is_searched_before_its_consumer_is_known_is_not_kept(recording):
    connection = recording.open()
    recording.send(connection, text='{"card": "4000"}')
    entry, reader = recording.last(), recording.relay.reader.entry_reader
    assert "4000" in reader.searchable(entry)
    recording.start(connection, Guarded(connection.scope))
    assert "4000" not in reader.searchable(entry)


def test_numbers_are_shown_as_they_were_sent_or_as_text(recording):
    connection = recording.open()
    recording.receive(connection, text='{"id": 123456789012345678901234567890}')
    assert detail(recording).json == {"id": 123456789012345678901234567890}
    for too_much in ("1e400", "9" * 5_000):
        recording.receive(connection, text=f'{{"id": {too_much}}}')
        assert detail(recording).json is None
        assert too_much in detail(recording).text
