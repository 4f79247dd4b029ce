"""The cells of a connection's row as text, ready for the template and for the page's script.

Owns how each is written. A list renders hundreds of rows a second while much is opened and
closed: its template only puts down what it is given, and what nearly always is all that has
changed, the counts, goes to the page's script as it is. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from console.templatetags.channelscope import age, iso, short_size, spark_path, thousands

if TYPE_CHECKING:
    from console.connection_row import Row
    from console.connection_view import ConnectionView

Cells: TypeAlias = dict[str, object]


def cells_of(view: ConnectionView) -> Cells:
    """Return the cells of a whole row, and what it is marked with, by name."""
    in_count, in_bytes, out_count, out_bytes, activity = counts_of(view)
    return {
        "id": view.id,
        "at": f"{view.opened_at:.6f}",
        "state": view.state,
        "epoch": view.epoch,
        "is_closed": view.closed_at is not None,
        "protocol": view.protocol,
        "badge": view.badge,
        "path": view.path,
        "is_from_console": view.is_from_console,
        "route": view.route,
        "consumer": view.consumer,
        "consumer_path": view.consumer_path,
        "user": view.user,
        "is_somebody": view.user not in ("", "anonymous"),
        "client": view.client,
        "process": view.process,
        "opened": iso(view.opened_at),
        "since": f"{view.opened_at:.3f}",
        "until": f"{view.closed_at:.3f}" if view.closed_at else "",
        "age": age(view),
        "in_count": in_count,
        "in_bytes": in_bytes,
        "out_count": out_count,
        "out_bytes": out_bytes,
        "groups": str(len(view.groups)),
        "activity": activity,
        "close_code": str(view.close_code or ""),
        "closed_by": view.closed_by,
    }


def counts_of(row: Row | ConnectionView) -> list[str]:
    """Return what changes of a row with each message, in the order in which counts.js takes it."""
    return [
        thousands(row.in_count),
        short_size(row.in_bytes),
        thousands(row.out_count),
        short_size(row.out_bytes),
        spark_path(row.activity),
    ]
