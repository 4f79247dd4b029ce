"""What is shown of entries that are too many: some, evenly chosen.

Owns which are never left out: errors, and the beginning and end of a connection's life. Used by
whatever reads or shows many entries at once. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeVar

from console.entry import DIRECTIONS, Kind

T = TypeVar("T")

_KEPT = frozenset(kind for kind, name in DIRECTIONS.items() if name in ("error", "life"))
"""Kinds of which none is left out."""


def sample(
    entries: Sequence[T], limit: int, kind_of: Callable[[T], Kind] = attrgetter("kind")
) -> Sequence[T]:
    """Return about `limit` of `entries`, evenly chosen; errors and lives are all kept."""
    if len(entries) <= limit:
        return entries
    step = -(-len(entries) // limit)
    kinds = list(map(kind_of, entries))
    if _KEPT.isdisjoint(kinds):
        return entries[::step]
    return [
        entry
        for index, (entry, kind) in enumerate(zip(entries, kinds, strict=True))
        if index % step == 0 or kind in _KEPT
    ]
