"""The orders that a list of connections can be read in.

Owns the keys that it is sorted by. A process sorts its own connections before it
answers, so this lies below the relay; the heads of the columns are in `pages.columns`.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from console.connection_glance import Glance
    from console.connection_view import ConnectionView

Listed = TypeVar("Listed", "ConnectionView", "Glance")

NEWEST_FIRST = "age"

KEYS: dict[str, Callable[[Any], Any]] = {
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


@dataclass(frozen=True, slots=True)
class Order:
    """How the list is sorted: by which column, and which way."""

    key: str = NEWEST_FIRST
    is_descending: bool = False

    def __str__(self) -> str:
        return f"{'-' * self.is_descending}{self.key}"

    @classmethod
    def read(cls, text: str) -> Order:
        """Understand the `sort` parameter, such as "-in"; what is unknown means newest first."""
        key = text.removeprefix("-")
        return cls(key, text.startswith("-")) if key in KEYS else cls()

    @property
    def is_newest_first(self) -> bool:
        """Whether a new connection belongs at the top."""
        return self == Order()

    @property
    def sentence(self) -> str:
        """The order in words, for the table's caption."""
        if self.is_newest_first:
            return "open ones first, the newest at the top"
        way = "descending" if self.is_descending else "ascending"
        return f"by {LABELS.get(self.key, self.key).lower()}, {way}"

    def sort(self, views: Sequence[Listed]) -> list[Listed]:
        """Return `views`, which come newest first, in this order; equals stay newest first.

        Unless another order is asked for, those that are open come before the closed ones.
        """
        return sorted(views, key=self.key_of, reverse=self.is_descending)

    def key_of(self, view: Listed) -> Any:
        """Return what `view` is sorted by; the largest come first if that `is_descending`."""
        return view.closed_at is not None if self.is_newest_first else KEYS[self.key](view)
