"""What a list shows of a connection, and how much of it is new to who looks.

Owns which values of a row change with each message, which is nearly all that ever happens to
it: a page is sent these as text, and the whole row only when the rest, its mark, has changed.
The same of a `Glance`, taken under the recorder's lock, and of a view of another process. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from console.connection import ConnectionState
    from console.connection_glance import Glance
    from console.connection_view import ConnectionPhase, ConnectionView

Mark: TypeAlias = Hashable


@dataclass(slots=True)
class Row:
    """One row.

    Attributes:
        activity: messages in each bucket of the last minute, oldest first.
        mark: of all that stands in it besides its counts; equal as long as none of it changes.
    """

    id: str
    protocol: str
    opened_at: float
    state: ConnectionPhase
    in_count: int
    in_bytes: int
    out_count: int
    out_bytes: int
    activity: tuple[int, ...]
    mark: Mark


def row_of(seen: Glance | ConnectionView) -> Row:
    """Return the row of a connection as it is now."""
    plain = _plain(seen)
    return Row(
        plain.id,
        plain.protocol,
        plain.opened_at,
        seen.state,
        plain.in_count,
        plain.in_bytes,
        plain.out_count,
        plain.out_bytes,
        seen.activity,
        mark_of(seen),
    )


def mark_of(seen: Glance | ConnectionView) -> Mark:
    """Return a mark of what stands in a row besides its counts."""
    plain = _plain(seen)
    return (
        seen.state,
        seen.path,
        plain.route,
        seen.consumer_path,
        seen.user,
        seen.client,
        len(seen.groups),
        plain.closed_at,
        plain.close_code,
        plain.closed_by,
    )


def _plain(seen: Any) -> ConnectionState | ConnectionView:
    """Return what has the values that are shown as they are: a glance looks for them in turn."""
    plain: ConnectionState | ConnectionView = getattr(seen, "known", seen)
    return plain
