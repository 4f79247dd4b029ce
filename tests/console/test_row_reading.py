from __future__ import annotations

import pytest

from console.query import parse
from console.row_reading import read_row
from tests.console.recording import Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


async def test_of_what_is_listed_only_what_is_shown_is_read(recording: Recording) -> None:
    shown, listed = recording.open(), recording.open()
    since = recording.relay.reader.position
    for connection in (shown, listed):
        recording.receive(connection, text="x")
    ids = [shown.id, listed.id]
    found = await recording.relay.rows(since, shown=[shown.id], listed=ids)
    assert sorted(found.changed) == sorted(ids)
    assert [row.id for row in found.rows] == [shown.id]
    assert not found.came


async def test_what_comes_has_to_match_and_the_oldest_is_the_first(recording: Recording) -> None:
    since = recording.relay.reader.position
    first = recording.open("/ws/chat/one/")
    recording.open("/ws/echo/")
    second = recording.open("/ws/chat/two/")
    found = await recording.relay.rows(since, parse("path:*chat*"), shown=[], listed=[])
    assert [row.id for row in found.rows] == [first.id, second.id]
    assert found.came == {first.id, second.id}
    again = await recording.relay.rows(found.position, shown=[], listed=found.came)
    assert (again.rows, again.changed) == ([], [])


async def test_what_was_read_of_an_earlier_process_is_void(recording: Recording) -> None:
    connection = recording.open()
    found = await recording.relay.rows(("ffffffffffff", 9), shown=[], listed=[])
    assert found.must_reload
    assert found.came == {connection.id}


def test_one_row_is_read_as_it_is_now(recording: Recording) -> None:
    connection = recording.open()
    recording.receive(connection, text="x")
    row = read_row(recording.relay.reader, connection.id)
    assert row is not None
    assert row.in_count == 1
    assert read_row(recording.relay.reader, "0123456789ab") is None
