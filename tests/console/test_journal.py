from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.entry import OVERHEAD_BYTES, Entry
from console.journal import PIECE, Journal
from tests.console.recording import Recording


def entry(kept_bytes: int = 0) -> Entry:
    made = Entry(0.0, "in", "x", None)
    made.kept_bytes = kept_bytes
    return made


def journal(capacity: int = 3, capacity_bytes: int = 10**9) -> Journal:
    return Journal("e1", capacity=capacity, capacity_bytes=capacity_bytes)


def test_offsets_count_up_from_zero_and_the_oldest_go_first():
    ring = journal()
    for _ in range(5):
        ring.append(entry())
    assert [held.offset for held in ring] == [2, 3, 4]
    assert ring.position == ("e1", 5)


def test_the_ring_is_bounded_by_weight_and_keeps_the_newest_whatever_it_weighs():
    ring = journal(capacity=100, capacity_bytes=3 * OVERHEAD_BYTES)
    for _ in range(3):
        ring.append(entry())
    ring.append(entry(kept_bytes=10_000))
    assert [held.offset for held in ring] == [3]
    assert ring.held_bytes == 10_000 + OVERHEAD_BYTES


def test_an_entry_is_found_by_its_position_while_it_is_held():
    ring = journal()
    added = [ring.append(entry()) for _ in range(4)]
    assert ring.find(("e1", 3)) is added[3]
    assert ring.find(("e1", 0)) is None
    assert ring.find(("e1", 4)) is None
    assert ring.find(("e2", 3)) is None
    assert ring.find(None) is None


@given(st.integers(0, 40), st.integers(0, 45), st.integers(1, 10))
def test_what_was_missed_and_what_is_left_add_up(added, offset, capacity):
    ring = journal(capacity)
    for _ in range(added):
        ring.append(entry())
    found, missed = ring.since(offset)
    assert len(found) + missed == max(added - offset, 0)
    assert [held.offset for held in found] == list(range(added - len(found), added))


@given(st.lists(st.integers(0, 3_000), max_size=60), st.integers(1, 40))
def test_what_is_held_is_what_its_entries_weigh(weights, capacity):
    ring = journal(capacity, capacity_bytes=6_000)
    for weight in weights:
        ring.append(entry(weight))
    held = [one.kept_bytes + OVERHEAD_BYTES for one in ring]
    assert len(held) <= capacity
    assert sum(held) <= ring.held_bytes
    assert ring.held_bytes <= 6_000 or len(held) == 1
    assert not weights or held[-1] == weights[-1] + OVERHEAD_BYTES


def test_entries_that_are_written_many_at_once_are_made_when_they_are_read():
    recording = Recording()
    connection = recording.open()
    for number in range(4 * PIECE):
        recording.clock.now = 2_000.0 + number
        recording.receive(connection, text=str(number))
    ring = recording.recorder.journal
    assert len(ring) == 4 * PIECE + 1
    assert ring.made == 1  # its opening, which is rare
    assert ring.get(300).at == 2_299.0
    assert ring.get(300) is ring.get(300)
    assert ring.made == 2
    ring.took([(2, 0.5), (300, 0.25), (5_000, 1.0)])
    assert (ring.get(2).took_s, ring.get(300).took_s, ring.get(3).took_s) == (0.5, 0.25, None)
    assert [one.payload for one in ring][1:] == [str(number) for number in range(4 * PIECE)]
    assert [one.offset for one in ring] == list(range(4 * PIECE + 1))
    assert ring.kinds_since(2_300.0) == {"in": 4 * PIECE - 300}


def test_kinds_are_counted_only_among_those_that_are_held():
    ring = journal(capacity=3)
    for _ in range(5):
        ring.append(entry())
    assert ring.kinds_since(0.0) == {"in": 3}


def test_an_outline_says_the_kinds_of_what_is_held_and_makes_no_entry():
    ring = journal(capacity=3)
    added = [ring.append(entry()) for _ in range(5)]
    assert ring.outline(0) == (2, ["in"] * 3, [None] * 3)
    assert ring.outline(4) == (4, ["in"], [None])
    assert ring.outline(9) == (5, [], [])
    assert added[4].offset == 4
