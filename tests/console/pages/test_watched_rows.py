from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from console.pages.watched_rows import LIMIT, WatchedRows
from tests.console.recording import Clock

QUIET = (0,) * 18


def view(connection_id: str, opened_at: float = 0.0, **fields: Any) -> Any:
    defaults = {"state": "open", "activity": QUIET, "in_count": 0, "mark": ""}
    return SimpleNamespace(id=connection_id, opened_at=opened_at, **{**defaults, **fields})


def test_a_row_waits_once_in_its_latest_state() -> None:
    rows = WatchedRows(60)
    rows.add(view("a", in_count=1))
    rows.add(view("a", in_count=2))
    assert [row.in_count for row in rows.take(10)] == [2]
    assert rows.take(10) == []


def test_what_does_not_fit_in_an_update_waits_for_the_next() -> None:
    rows = WatchedRows(60)
    for number in range(5):
        rows.add(view(str(number), opened_at=number))
    assert [row.id for row in rows.take(3)] == ["2", "1", "0"]
    assert [row.id for row in rows.take(3)] == ["4", "3"]


def test_the_oldest_row_leaves_when_the_screen_is_full() -> None:
    rows = WatchedRows(60)
    rows.start([view(str(number)) for number in range(LIMIT)])
    rows.add(view("new"))
    assert "new" in rows
    assert str(LIMIT - 1) not in rows, "rows start newest first, so the last is the oldest"
    assert "0" in rows


def test_a_row_that_left_the_screen_is_not_sent() -> None:
    rows = WatchedRows(60)
    rows.add(view("a"))
    assert rows.discard("a")
    assert not rows.discard("a")
    assert rows.take(10) == []


def test_a_silent_connection_is_due_when_it_would_be_idle() -> None:
    clock = Clock()
    rows = WatchedRows(60, clock)
    rows.start([view("a", activity=(*QUIET[1:], 1)), view("closed", state="closed")])
    clock.advance(59)
    assert rows.due() == []
    clock.advance(1)
    assert rows.due() == ["a"]


def test_silence_that_has_lasted_is_counted() -> None:
    clock = Clock()
    rows = WatchedRows(60, clock)
    half = (*QUIET[:8], 1, *QUIET[:9])
    rows.start([view("a", activity=half)])
    clock.advance(31)
    assert rows.due() == ["a"]


def test_of_a_row_that_was_told_only_its_counts_are_out_of_date() -> None:
    rows = WatchedRows(60)
    rows.add(view("a", mark="open"))
    assert [row.id for row in rows.take(10)] == ["a"]
    rows.tell("a", "open")
    rows.add(view("a", mark="open", in_count=2))
    assert rows.take(10) == []
    assert [row.in_count for row in rows.take_counts()] == [2]
    assert rows.take_counts() == []


def test_a_row_whose_mark_is_another_is_out_of_date_as_a_whole() -> None:
    rows = WatchedRows(60)
    rows.add(view("a", mark="open"))
    rows.take(10)
    rows.tell("a", "open")
    rows.add(view("a", mark="open"))
    rows.add(view("a", mark="closed"))
    assert [row.mark for row in rows.take(10)] == ["closed"]
    rows.tell("a", "closed")
    assert rows.take_counts() == [], "they are part of the whole row"


def test_a_row_that_is_as_it_was_told_again_is_not_sent_as_a_whole() -> None:
    rows = WatchedRows(60)
    rows.add(view("a", mark="open"))
    rows.take(10)
    rows.tell("a", "open")
    rows.add(view("a", mark="idle"))
    rows.add(view("a", mark="open"))
    assert rows.take(10) == []
    assert [row.mark for row in rows.take_counts()] == ["open"]


def test_a_new_row_does_not_wait_for_those_that_are_on_the_screen() -> None:
    rows = WatchedRows(60)
    rows.start([view(str(number)) for number in range(100)])
    for number in range(100):
        rows.add(view(str(number)))
    rows.add(view("new", opened_at=1.0))
    assert [row.id for row in rows.take(3)] == ["new", "0", "1"]
