from __future__ import annotations

from typing import Any

import pytest

from console.connection_glance import Glance
from console.ordering import KEYS
from tests.console.recording import Layer, Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


def both(recording: Recording, connection: Any) -> tuple[Any, Any]:
    """Return a connection looked at closely, and at a glance."""
    reader, known = recording.relay.reader, recording.state(connection)
    groups = recording.recorder.state.memberships.of_channel(known.channel_name)
    glance = Glance(known, reader._connections, groups, recording.clock())
    return reader.view_of(known), glance


def lived(recording: Recording) -> Any:
    connection = recording.open(
        "/ws/chat/lobby/", client=["10.0.0.1", 4], query_string=b"token=secret&page=1"
    )
    recording.recorder.route_matched(connection, "ws/chat/<room>/", {"kwargs": {"room": "lobby"}})
    recording.start(connection, channel="specific!a")
    recording.recorder.group_joined(Layer(), "lobby", "specific!a")
    recording.receive(connection, text="hello")
    recording.send(connection, text="hi")
    return connection


def test_a_glance_says_what_a_close_look_says(recording: Recording) -> None:
    connection = lived(recording)
    for _ in range(2):
        view, glance = both(recording, connection)
        assert dict(glance) == view.as_record()
        assert len(glance) == len(view.as_record())
        recording.clock.advance(1_000)
    recording.recorder.scope_closed(connection, ValueError("password=hunter2"))
    view, glance = both(recording, connection)
    assert dict(glance) == view.as_record()
    assert "hunter2" not in str(glance["text"])


def test_it_is_sorted_as_a_close_look_is(recording: Recording) -> None:
    view, glance = both(recording, lived(recording))
    assert {key: value(glance) for key, value in KEYS.items()} == {
        key: value(view) for key, value in KEYS.items()
    }
