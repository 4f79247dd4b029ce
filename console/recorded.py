"""What a recording holds, as values: connections, and what happened on them in order.

Owns what of it can be said again: the events that came in, the answers that are expected
to them, and those that others caused. Knows no table and no page. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from console.connection_view import ConnectionView
from console.exports.record import Record
from console.redact import REDACTED
from runtime.typing import Event, Scope

_NOT_A_SERVER_S = frozenset(
    {"user", "session", "cookies", "url_route", "path_remaining", "state", "extensions"}
)
"""What middleware adds to a scope, or a server alone can keep its word about."""

_BYTES = frozenset({"query_string", "raw_path"})
_ANSWERS = frozenset({"accept", "out"})


@dataclass(frozen=True, slots=True)
class Segment:
    """An event that came in, and what the application answered before the next one came.

    Attributes:
        given: the event's record; None for what it said before anything came.
        expected: its answers, oldest first.
    """

    given: Record | None
    expected: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recording.

    Attributes:
        views: its connections, by their ids.
        records: what happened, oldest first.
        volatile: names of values that are different each time, besides those that look so.
    """

    name: str
    views: Mapping[str, ConnectionView]
    records: Sequence[Record]
    volatile: frozenset[str] = field(default_factory=frozenset)

    @property
    def began_at(self) -> float:
        """When the first thing happened; 0 for nothing."""
        return self.records[0].view.at if self.records else 0.0

    def on(self, connection: str) -> list[Record]:
        """Return what happened on one connection."""
        return [one for one in self.records if one.view.connection == connection]

    def segments(self, connection: str) -> list[Segment]:
        """Return what came in on a connection, each with the answers that are its own."""
        records = self.on(connection)
        foreign = _foreign_traces(records)
        found: list[tuple[Record | None, list[Record]]] = [(None, [])]
        for one in records:
            if one.view.kind == "in":
                found.append((one, []))
            elif one.view.kind in _ANSWERS and one.view.trace not in foreign:
                found[-1][1].append(one)
        return [Segment(given, tuple(said)) for given, said in found if given or said]

    def elsewhere(self, connection: str) -> list[Record]:
        """Return the answers that something on another connection has caused."""
        records = self.on(connection)
        foreign = _foreign_traces(records)
        return [one for one in records if one.view.kind in _ANSWERS and one.view.trace in foreign]


def _foreign_traces(records: Sequence[Record]) -> set[str]:
    own = {one.view.trace for one in records if one.view.kind == "in"}
    delivered = {one.view.trace for one in records if one.view.kind == "deliver"}
    return delivered - own - {""}


def event_of(record: Record) -> Event:
    """Return an event that came in, as it can be given again; what was hidden stays hidden."""
    view = record.view
    if view.type == "websocket.receive":
        payload = {"bytes": record.data} if record.data is not None else {"text": record.text}
        return {"type": view.type, **payload}
    if view.type == "http.request":
        body = record.data if record.data is not None else record.text.encode()
        return {"type": view.type, "body": body, "more_body": False}
    try:
        rest = json.loads(record.text or "{}")
    except ValueError:
        rest = {}
    return {"type": view.type, **(rest if isinstance(rest, dict) else {})}


def scope_of(view: ConnectionView) -> Scope:
    """Return the scope of a connection as it can be composed again, without its secrets."""
    scope: dict[str, Any] = {"asgi": {"version": "3.0", "spec_version": "2.3"}}
    for key, value in view.scope.items():
        if key in _NOT_A_SERVER_S or value == REDACTED:
            continue
        if key == "headers":
            value = [
                (name.encode("latin-1"), said.encode("latin-1")) for name, said in _kept(value)
            ]
        elif key in _BYTES and isinstance(value, str):
            value = value.encode()
        scope[key] = value
    scope["type"] = view.protocol
    if view.path:
        scope["path"] = view.path
    return scope


def _kept(headers: Any) -> list[tuple[str, str]]:
    pairs = headers if isinstance(headers, list | tuple) else ()
    return [
        (str(name), str(value))
        for name, value in pairs
        if REDACTED not in str(value) and str(value).isascii()
    ]


def is_hidden(record: Record) -> bool:
    """Return whether a part of what an event said is not in the recording."""
    return record.is_hidden or record.is_cut or REDACTED in record.text
