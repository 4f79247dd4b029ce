"""The columns of the connection list, and the orders it can be read in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from console.connection_view import ConnectionView

NEWEST_FIRST = "age"

KEYS: dict[str, Callable[[ConnectionView], Any]] = {
    "type": lambda view: view.badge,
    "path": lambda view: view.path,
    "route": lambda view: view.route,
    "consumer": lambda view: view.consumer,
    "user": lambda view: view.user,
    "client": lambda view: view.client,
    "process": lambda view: view.process,
    "age": lambda view: -view.opened_at,
    "in": lambda view: view.in_count,
    "out": lambda view: view.out_count,
    "groups": lambda view: len(view.groups),
    "activity": lambda view: sum(view.activity),
    "state": lambda view: view.state,
}

LABELS = {"activity": "Last 60 s"}
CLASSES = {"type": "c-proto"}
NUMBERS = {"age", "in", "out", "groups"}
LARGEST_FIRST = {"in", "out", "groups", "activity"}


@dataclass(frozen=True, slots=True)
class Order:
    """How the list is sorted: by which column, and which way."""

    key: str
    is_descending: bool

    @classmethod
    def read(cls, text: str) -> Order:
        """Understand the `sort` parameter, such as "-in"; what is unknown means newest first."""
        key = text.removeprefix("-")
        return cls(key, text.startswith("-")) if key in KEYS else cls(NEWEST_FIRST, False)

    @property
    def is_newest_first(self) -> bool:
        """Whether a new connection belongs at the top."""
        return self == Order(NEWEST_FIRST, False)

    @property
    def sentence(self) -> str:
        """The order in words, for the table's caption."""
        if self.is_newest_first:
            return "open ones first, the newest at the top"
        way = "descending" if self.is_descending else "ascending"
        return f"by {LABELS.get(self.key, self.key).lower()}, {way}"

    def sort(self, views: Sequence[ConnectionView]) -> list[ConnectionView]:
        """Return `views`, which come newest first, in this order; equals stay newest first.

        Unless another order is asked for, those that are open come before the closed ones.
        """
        if self.is_newest_first:
            return sorted(views, key=lambda view: view.closed_at is not None)
        return sorted(views, key=KEYS[self.key], reverse=self.is_descending)


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
