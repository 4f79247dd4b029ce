from __future__ import annotations

from console.entry import Kind
from console.sampling import sample


def kind_of(kind: Kind) -> Kind:
    return kind


def test_few_entries_are_all_kept() -> None:
    kinds: list[Kind] = ["in", "out", "in"]
    assert sample(kinds, 3, kind_of) is kinds


def test_of_many_some_are_kept_evenly() -> None:
    assert sample(range(10), 5, lambda number: "in") == range(0, 10, 2)


def test_errors_and_lives_are_never_left_out() -> None:
    kinds: list[Kind] = ["open", "in", "in", "error", "in", "in", "in", "close"]
    kept = sample(kinds, 2, kind_of)
    assert list(kept) == ["open", "error", "in", "close"]
