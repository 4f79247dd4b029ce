from __future__ import annotations

import pytest

from console.query import parse
from console.reading import Before
from tests.console.recording import EPOCH, Layer, Recording


@pytest.fixture
def recording() -> Recording:
    return Recording()


def reader(recording: Recording):
    return recording.relay.reader.journal_reader


def offsets(entries) -> list[int]:
    return [entry.offset for entry in entries]


def talk(recording: Recording, count: int = 5):
    """Open a connection, and let its client say so many things, a second between them."""
    connection = recording.open()
    for number in range(count):
        recording.clock.advance(1)
        recording.receive(connection, text=str(number))
    return connection


async def test_the_newest_that_match_are_returned_and_how_many_there_are(recording):
    talk(recording)
    page = await reader(recording).entries(parse("dir:in"), limit=2)
    assert offsets(page.entries) == [4, 5]
    assert (page.matched, page.held, page.position) == (5, 6, (EPOCH, 6))


async def test_the_list_goes_back_from_a_position_here_and_from_a_time_elsewhere(recording):
    talk(recording)
    here = await reader(recording).entries(before=Before((EPOCH, 3), 0.0))
    assert offsets(here.entries) == [0, 1, 2]
    elsewhere = await reader(recording).entries(before=Before(("beef", 3), 1_002.0))
    assert offsets(elsewhere.entries) == [0, 1]
    no_time = await reader(recording).entries(before=Before(("beef", 3)))
    assert len(no_time.entries) == 6


async def test_an_entry_has_its_cause_and_its_effects_as_far_as_they_are_held():
    recording = Recording(RING_ENTRIES=3)
    connection = recording.open()
    recording.start(connection)
    recording.receive(connection, text="hi")
    cause = recording.recorder.message_sent(connection, Layer(), "a", {"type": "x"})
    for _ in range(2):
        recording.recorder.message_delivered(None, "a", {"type": "x"}, cause)
    sent = await reader(recording).entry(2)
    assert sent.caused_by is None, "what was received has left the ring"
    assert offsets(sent.effects) == [3, 4]
    assert offsets(reader(recording).effects_of(f"{EPOCH}:2")) == [3, 4]
    assert await reader(recording).entry(0) is None
    assert reader(recording).effects_of("beef:2") == []


def test_a_piece_ends_where_the_export_does_and_says_what_is_gone():
    recording = Recording(RING_ENTRIES=4)
    talk(recording, 5)
    entries, missed, end = reader(recording).piece(0, 0, 10)
    assert (offsets(entries), missed, end) == ([2, 3, 4, 5], 0, 6), "none is gone for who begins"
    talk(recording, 1)
    entries, missed, end = reader(recording).piece(3, 6, 10)
    assert (offsets(entries), missed, end) == ([4, 5], 1, 6)
    entries, _, _ = reader(recording).piece(4, 6, 1)
    assert offsets(entries) == [4]


def test_the_connections_that_opened_since_are_known(recording):
    talk(recording)
    second = talk(recording)
    assert reader(recording).opened_since(6) == [second.id]
    assert reader(recording).opened_since(12) == []


def test_the_records_are_those_of_the_chosen_connections_that_match(recording):
    first, second = talk(recording, 2), talk(recording, 2)
    found = list(reader(recording).records(parse("dir:in"), connections={second.id}))
    assert [(one.view.connection, one.text) for one in found] == [
        (second.id, "0"),
        (second.id, "1"),
    ]
    assert list(reader(recording).records(connections=set())) == []
    assert {one.view.connection for one in reader(recording).records()} == {first.id, second.id}


def test_only_what_may_be_wanted_is_looked_at_and_of_too_much_a_sample(recording):
    first, second = talk(recording, 50), talk(recording, 3)
    find = reader(recording).candidates
    entries, count, missed = find(0, parse("dir:in"), second.id, None)
    assert (len(entries), count, missed) == (3, 3, 0)
    assert find(0, parse("dir:out hello"), None, None) == ([], 0, 0)
    entries, count, _ = find(0, None, None, 10)
    assert (count, len(entries) < 20) == (55, True)
    opened = [one.connection.id for one in entries if one.kind == "open"]
    assert opened == [first.id, second.id], "the beginning of a connection is never left out"


def test_what_left_the_ring_unseen_is_counted():
    recording = Recording(RING_ENTRIES=3)
    talk(recording, 9)
    entries, count, missed = reader(recording).candidates(2, None, None, None)
    assert (offsets(entries), count, missed) == ([7, 8, 9], 3, 5)
