from __future__ import annotations

from typing import Any

import pytest

from console.connection_row import mark_of, row_of
from tests.console.recording import Layer, Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


def seen(recording: Recording, connection: Any) -> Any:
    return recording.relay.reader.glance(recording.state(connection))


def lived(recording: Recording) -> Any:
    connection = recording.open("/ws/chat/lobby/", client=["10.0.0.1", 4])
    recording.start(connection, channel="specific!a")
    recording.send(connection, "websocket.accept")
    recording.receive(connection, text="hello")
    recording.send(connection, text="hi")
    return connection


def test_a_glance_and_a_close_look_are_the_same_row(recording: Recording) -> None:
    connection = lived(recording)
    view = recording.relay.reader.view_of(recording.state(connection))
    row = row_of(view)
    assert row_of(seen(recording, connection)) == row
    assert (row.in_count, row.in_bytes, row.out_count, row.out_bytes) == (1, 5, 1, 2)
    assert sum(row.activity) == 2


def test_a_message_leaves_the_mark_as_it_was(recording: Recording) -> None:
    connection = lived(recording)
    before = mark_of(seen(recording, connection))
    recording.receive(connection, text="again")
    assert mark_of(seen(recording, connection)) == before


def test_what_else_changes_in_a_row_changes_its_mark(recording: Recording) -> None:
    connection = lived(recording)
    marks = [mark_of(seen(recording, connection))]
    recording.recorder.group_joined(Layer(), "lobby", "specific!a")
    marks.append(mark_of(seen(recording, connection)))
    recording.recorder.route_matched(connection, "ws/chat/<room>/", {"kwargs": {"room": "lobby"}})
    marks.append(mark_of(seen(recording, connection)))
    recording.clock.advance(1_000)
    marks.append(mark_of(seen(recording, connection)))
    recording.recorder.scope_closed(connection, None)
    marks.append(mark_of(seen(recording, connection)))
    assert len(set(marks)) == len(marks)
