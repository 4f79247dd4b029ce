"""A sensible scope and first events of each type, to begin with in the virtual client.

Owns the drafts. Which types an application routes, and the paths and channels that lead
somewhere, are read from its routing. Knows no page.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from console.routes import RouteNode, tree, websocket_routes


@dataclass(frozen=True, slots=True)
class ScopeDraft:
    """One type of scope.

    Attributes:
        type: the scope's type.
        is_routed: whether the application has something for it.
        scope, events: JSON, to be changed by hand; the first event is what begins it.
        has_user: whether a session can go along, in its headers.
    """

    type: str
    is_routed: bool
    scope: str
    events: tuple[tuple[str, str], ...]
    has_user: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the draft as the page's script reads it."""
        return {
            "type": self.type,
            "scope": self.scope,
            "events": [{"name": name, "event": event} for name, event in self.events],
            "hasUser": self.has_user,
        }


@dataclass(slots=True)
class _Kind:
    scope: dict[str, Any]
    events: Sequence[dict[str, Any]] = field(default_factory=tuple)


def drafts(application: Any, host: str = "localhost") -> list[ScopeDraft]:
    """Return a draft for each type, those that the application routes first.

    Args:
        host: for headers that name one.
    """
    routed = _routed(application)
    kinds = _kinds(application, host, _channels(application))
    for name in routed:
        kinds.setdefault(
            name, _Kind({"type": name}, ({"type": f"{name}.message", "text": "hello"},))
        )
    names = sorted(kinds, key=lambda name: (name not in routed, list(kinds).index(name)))
    return [_draft(name, kinds[name], name in routed) for name in names]


def _kinds(application: Any, host: str, channels: list[str]) -> dict[str, _Kind]:
    routes = websocket_routes(application)
    path = next((_filled(one) for one in routes if one.path_template), "/ws/")
    headers = [["host", host], ["origin", f"http://{host}"]]
    channel = channels[0] if channels else "jobs"
    return {
        "websocket": _Kind(
            {"path": path, "query_string": "", "headers": headers, "subprotocols": []},
            (
                {"type": "websocket.connect"},
                {"type": "websocket.receive", "text": '{"type": "message", "text": "hello"}'},
                {"type": "websocket.receive", "bytes": {"$hex": "89 50 4e 47"}},
                {"type": "websocket.disconnect", "code": 1000},
            ),
        ),
        "http": _Kind(
            {"method": "GET", "path": "/", "query_string": "", "headers": headers[:1]},
            ({"type": "http.request", "body": "", "more_body": False}, {"type": "http.disconnect"}),
        ),
        "channel": _Kind({"channel": channel}, ({"type": "job.run", "text": "hello"},)),
        "telegram": _Kind(
            {
                "path": "chats/77120",
                "chat_id": 77120,
                "chat_type": "private",
                "chat_name": "Ada",
                "sender": {"id": 77120, "username": "ada", "name": "Ada"},
            },
            (
                {
                    "type": "telegram.message",
                    "text": "hello",
                    "message_id": 1,
                    "date": 1_790_000_000,
                },
                {"type": "telegram.disconnect", "reason": "timeout"},
            ),
        ),
        "mqtt": _Kind(
            {"client_id": "sensor-1"},
            (
                {"type": "mqtt.connect", "is_again": False},
                {
                    "type": "mqtt.receive",
                    "topic": "sensors/1",
                    "payload": {"$hex": "32 31 2e 35"},
                    "qos": 0,
                    "retain": False,
                },
            ),
        ),
        "lifespan": _Kind({}, ({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})),
    }


def _draft(name: str, kind: _Kind, is_routed: bool) -> ScopeDraft:
    return ScopeDraft(
        type=name,
        is_routed=is_routed,
        scope=_written({"type": name, **kind.scope}),
        events=tuple((_name(event), _written(event)) for event in kind.events),
        has_user=name in ("http", "websocket"),
    )


def _name(event: dict[str, Any]) -> str:
    return f"{event['type']}, binary" if "bytes" in event else str(event["type"])


def _written(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _filled(route: Any) -> str:
    path: str = route.path_template
    for argument in route.arguments:
        path = path.replace(f"{{{argument.name}}}", argument.example)
    return path


def _routed(application: Any) -> list[str]:
    """Return the types that the first router by protocol below `application` knows."""
    found = next(_of_kind(tree(application), "protocols"), None)
    return [child.label for child in found.children] if found is not None else []


def _channels(application: Any) -> list[str]:
    return [
        child.label for node in _of_kind(tree(application), "channels") for child in node.children
    ]


def _of_kind(node: RouteNode, kind: str) -> Any:
    if node.kind == kind:
        yield node
    for child in node.children:
        yield from _of_kind(child, kind)
