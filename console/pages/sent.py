"""What one viewer was sent of a page, so that they are sent what is new to them, and nothing twice.

Owns the rule of all pages: on the screen is what this socket has sent. What a page read while it
was loaded is not: the HTML that the viewer has was made by another page, a moment or an outage
ago, and what happened in between would else be missing until the next change. So the first update
sends each region once. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Sent:
    """By the names of regions, rows and charts."""

    def __init__(self) -> None:
        self._states: dict[str, Any] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._states

    def is_new(self, name: str, state: Any) -> bool:
        """Return whether it is not on the screen like this; from now on it is."""
        if name in self._states and self._states[name] == state:
            return False
        self._states[name] = state
        return True

    def new_rows(self, name: str, rows: Mapping[str, T]) -> tuple[list[T], int]:
        """Return those of `rows`, by their ids, that are not on the screen as they are.

        From now on these rows are what the list has: one that left it and comes back is new.

        Returns:
            The rows, and how many of them are not there at all: 0 as long as that is not known.
        """
        is_known = name in self._states
        known: Mapping[str, T] = self._states.get(name, {})
        self._states[name] = rows
        new = {one: row for one, row in rows.items() if known.get(one) != row}
        return [*new.values()], len(new.keys() - known.keys()) if is_known else 0
