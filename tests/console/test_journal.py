from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.entry import OVERHEAD_BYTES, Entry
from console.journal import Journal


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
