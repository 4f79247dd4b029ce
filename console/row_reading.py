"""Reads the rows of this process's connections that a list shows, and no closer than it does.

Owns the reading alone. Of ten thousand connections that change, two hundred are on the screen:
the others are not looked at, or only as far as the list's filter asks. Used by the relay.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from console.connection_row import Row, row_of
from console.reading import RowChanges
from console.slices import in_slices

if TYPE_CHECKING:
    from console.query import Query
    from console.reader import Reader


async def read_rows(
    reader: Reader,
    offset: int,
    query: Query | None,
    *,
    shown: Container[str],
    listed: Container[str],
    must_reload: bool = False,
) -> RowChanges:
    """Return what changed since the entry at `offset`; see `Relay.rows`."""
    position, changed, removed = reader.changed_ids(offset)
    state = reader.recorder.state
    rows: list[Row] = []
    came: list[str] = []

    def look(connection_id: str) -> None:
        is_listed = connection_id in listed
        known = state.get(connection_id)
        if known is None or (is_listed and connection_id not in shown):
            return
        glance = reader.glance(known)
        if not is_listed:
            if query and not query.matches(glance):
                return
            came.append(connection_id)
        rows.append(row_of(glance))

    await in_slices(reversed(changed), look, reader.recorder.lock)
    return RowChanges(position, changed, rows, frozenset(came), removed, must_reload)


def read_row(reader: Reader, connection_id: str) -> Row | None:
    """Return the row of one connection; None if it is not listed."""
    with reader.recorder.lock:
        known = reader.recorder.state.get(connection_id)
        return row_of(reader.glance(known)) if known is not None else None
