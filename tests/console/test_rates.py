from __future__ import annotations

from console.entry import Entry
from console.journal import Journal
from console.rates import rates


def filled(capacity: int, *moments: float) -> Journal:
    journal = Journal("e1", capacity=capacity, capacity_bytes=10**9)
    for at in moments:
        journal.append(Entry(at, "in", "x", None))
    return journal


def test_only_the_last_ten_seconds_count():
    journal = filled(100, 80.0, 91.0, 95.0, 99.0)
    assert rates(journal, 100.0)["in"] == 0.3
    assert rates(journal, 100.0)["out"] == 0.0


def test_a_ring_that_holds_less_than_ten_seconds_is_divided_by_what_it_holds():
    journal = filled(4, 90.0, 98.0, 98.5, 99.0, 99.5)
    assert rates(journal, 100.0)["in"] == 2.0


def test_an_empty_ring_has_no_rate():
    assert rates(filled(4), 100.0)["layer"] == 0.0
