"""The column heads of the connection list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from console.ordering import KEYS, LABELS, Order

__all__ = ["KEYS", "Column", "Order", "columns"]

CLASSES = {"type": "c-proto"}
NUMBERS = {"age", "in", "out", "groups"}
LARGEST_FIRST = {"in", "out", "groups", "activity"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column head.

    Attributes:
        label: what it says.
        css: its classes.
        sorted: its `aria-sort`, or "" if the list is not sorted by it.
        next_sort: the `sort` parameter that a click on it asks for.
    """

    label: str
    css: str
    sorted: Literal["ascending", "descending", ""]
    next_sort: str


def columns(order: Order) -> list[Column]:
    """Return the column heads of a list in `order`."""
    return [_column(key, order) for key in KEYS]


def _column(key: str, order: Order) -> Column:
    css = CLASSES.get(key, f"c-{key}") + (" num" if key in NUMBERS else "")
    is_sorted = order.key == key
    descends_next = not order.is_descending if is_sorted else key in LARGEST_FIRST
    return Column(
        LABELS.get(key, key.capitalize()),
        css,
        ("descending" if order.is_descending else "ascending") if is_sorted else "",
        f"-{key}" if descends_next else key,
    )
