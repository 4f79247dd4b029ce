"""What the exports' tests write down: a chat, and a request, with secrets in every place."""

from __future__ import annotations

import json
from typing import Any

from console.connection_view import ConnectionView
from console.exports.record import Record
from runtime.taps import Connection
from tests.console.recording import Recording

CANARY = "c4n4ryc4n4ry"


def chat(recording: Recording) -> Connection:
    """Open a socket that says and hears a little, and is closed by its client."""
    headers = [
        (b"host", b"example.com"),
        (b"cookie", f"sessionid={CANARY}".encode()),
        (b"authorization", f"Bearer {CANARY}".encode()),
        (b"user-agent", b"Test"),
    ]
    connection = recording.open(
        "/ws/chat/lobby/",
        headers=headers,
        query_string=f"room=1&token={CANARY}".encode(),
        scheme="wss",
    )
    recording.start(connection)
    recording.receive(connection, "websocket.connect")
    recording.send(connection, "websocket.accept", subprotocol="chat", headers=[])
    recording.clock.advance(0.5)
    recording.receive(connection, text=json.dumps({"text": "hi", "password": CANARY}))
    recording.send(connection, bytes=b"\xff\x00\x01")
    recording.send(connection, text="grün")
    recording.clock.advance(1.0)
    recording.receive(connection, "websocket.disconnect", code=1000)
    recording.recorder.scope_closed(connection, None)
    return connection


def request(recording: Recording) -> Connection:
    """Serve a POST."""
    connection = recording.open(
        "/post/",
        type="http",
        method="POST",
        headers=[(b"host", b"example.com"), (b"content-type", b"application/json")],
        query_string=b"",
    )
    body = json.dumps({"api_key": CANARY, "n": 1}).encode()
    recording.receive(connection, "http.request", body=body)
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", CANARY.encode())]
    recording.send(connection, "http.response.start", status=201, headers=headers)
    recording.send(connection, "http.response.body", body=b"done")
    recording.recorder.scope_closed(connection, None)
    return connection


def records(recording: Recording) -> list[Record]:
    return list(recording.relay.reader.journal_reader.records())


def view(recording: Recording, connection: Connection) -> ConnectionView:
    return recording.relay.reader.view_of(recording.state(connection), with_scope=True)


def har(recording: Recording, *connections: Connection) -> dict[str, Any]:
    """Return the archive of these connections."""
    from console.exports.har import chunks

    views = [view(recording, one) for one in connections]
    archive: dict[str, Any] = json.loads("".join(chunks(views, records(recording), version="1")))
    return archive
