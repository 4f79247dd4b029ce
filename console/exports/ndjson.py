"""Entries and connections as newline-delimited JSON: one object a line.

Owns the names in it, which stay as they are from version to version. What is empty is left
out. Binary payloads are base64. Pure.

Source: RFC 8259 for each line; ndjson.org for the lines
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator

from console.connection_view import ConnectionView
from console.exports.record import Record, iso


def entries(records: Iterable[Record]) -> Iterator[str]:
    """Yield a line for each entry."""
    return (_line(_entry(one)) for one in records)


def notes(sentences: Iterable[str]) -> Iterator[str]:
    """Yield a line for each thing that is missing; no other line has the key `missing`."""
    return (_line({"missing": one}) for one in sentences)


def connections(views: Iterable[ConnectionView]) -> Iterator[str]:
    """Yield a line for each connection."""
    return (_line(_connection(one)) for one in views)


def _entry(record: Record) -> dict[str, object]:
    view = record.view
    return {
        "position": view.position,
        "at": iso(view.at),
        "process": view.process,
        "kind": view.kind,
        "direction": view.direction,
        "type": view.type,
        "connection": view.connection,
        "user": view.who,
        "path": view.path,
        "group": view.group,
        "channel": view.channel,
        "trace": view.trace,
        "cause": view.cause,
        "size_bytes": view.size_bytes,
        "took_ms": view.took_ms,
        "text": record.text,
        "base64": b64encode(record.data).decode() if record.data is not None else "",
        "is_cut": record.is_cut or "",
        "is_hidden": record.is_hidden or "",
        "facts": record.facts or "",
    }


def _connection(view: ConnectionView) -> dict[str, object]:
    return {
        "id": view.id,
        "protocol": view.protocol,
        "process": view.process,
        "path": view.path,
        "query_string": view.query_string,
        "route": view.route,
        "consumer": view.consumer_path,
        "user": view.user,
        "client": view.client,
        "user_agent": view.user_agent,
        "subprotocol": view.subprotocol,
        "channel": view.channel_name,
        "groups": [name for name, _ in view.groups] or "",
        "state": view.state,
        "opened_at": iso(view.opened_at),
        "closed_at": iso(view.closed_at) if view.closed_at is not None else "",
        "code": view.close_code,
        "closed_by": view.closed_by,
        "reason": view.close_reason,
        "in_count": view.in_count,
        "in_bytes": view.in_bytes,
        "out_count": view.out_count,
        "out_bytes": view.out_bytes,
        "layer_count": view.layer_count,
        "error_count": view.error_count,
        "last_error": view.last_error,
        "is_from_console": view.is_from_console or "",
    }


def _line(found: dict[str, object]) -> str:
    kept = {name: value for name, value in found.items() if value not in ("", None)}
    return json.dumps(kept, ensure_ascii=False, default=str) + "\n"
