from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from console.pages.columns import KEYS, Order, columns


def view(**fields: Any) -> Any:
    known = {"opened_at": 0.0, "closed_at": None, "in_count": 0, "path": ""}
    return SimpleNamespace(**{**known, **fields})


def test_without_a_sort_the_newest_come_first() -> None:
    order = Order.read("")
    views = [view(opened_at=3.0), view(opened_at=1.0), view(opened_at=2.0)]
    assert order.is_newest_first
    assert order.sort(views) == views, "the relay has sorted them so already"


def test_without_a_sort_closed_ones_come_after_the_open_ones() -> None:
    closed, open_ = view(opened_at=2.0, closed_at=3.0), view(opened_at=1.0)
    assert Order.read("").sort([closed, open_]) == [open_, closed]


@pytest.mark.parametrize("text", ["nonsense", "-", "--in", "in,out"])
def test_an_unknown_sort_means_newest_first(text: str) -> None:
    assert Order.read(text).is_newest_first


def test_equals_stay_newest_first_either_way() -> None:
    newer, older = view(path="/a", opened_at=2.0), view(path="/a", opened_at=1.0)
    assert Order.read("path").sort([newer, older]) == [newer, older]
    assert Order.read("-path").sort([newer, older]) == [newer, older]


def test_a_minus_turns_the_order_round() -> None:
    few, many = view(in_count=1), view(in_count=9)
    assert Order.read("-in").sort([few, many]) == [many, few]
    assert Order.read("in").sort([many, few]) == [few, many]


def test_the_first_click_on_a_count_shows_the_largest_and_the_second_the_smallest() -> None:
    def next_sort(sort: str) -> str:
        (column,) = [one for one in columns(Order.read(sort)) if one.label == "Out"]
        return column.next_sort

    assert [next_sort(""), next_sort("-out"), next_sort("out")] == ["-out", "out", "-out"]


def test_one_column_says_how_the_list_is_sorted() -> None:
    heads = columns(Order.read("-user"))
    assert len(heads) == len(KEYS)
    assert [(one.label, one.sorted) for one in heads if one.sorted] == [("User", "descending")]
