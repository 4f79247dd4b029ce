"""Scopes and events of ASGI as JSON says them, and back.

Owns the spelling and what is wrong with a scope or an event that somebody composed. Where
the specification wants bytes, text stands for them: `headers`, `query_string`, `raw_path`
and `body`. Any other bytes are {"$hex": "89 50 4e"}. Knows no page and no socket. Pure.

Source: ASGI specification, "HTTP & WebSocket", "Lifespan"
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runtime.typing import Event, Scope

HEX = "$hex"
LONGEST = 262_144
"""Characters of a composed scope or event."""

_TEXT_FOR_BYTES = frozenset({"query_string", "raw_path", "body"})
_WITH_PATH = frozenset({"http", "websocket"})


class MalformedScope(ValueError):
    """A composed scope or event is none. Its text says what was expected, and what came."""


def read_scope(text: str) -> Scope:
    """Return the scope that JSON describes, with what its type must have filled in.

    Raises:
        MalformedScope: it describes none.
    """
    scope = _object(text, "scope")
    if scope["type"] in _WITH_PATH:
        path = scope.get("path")
        if not isinstance(path, str) or not path.startswith("/"):
            raise MalformedScope(f'Expected a "path" that begins with "/", got {path!r:.80}.')
        return _DEFAULTS | _SERVED[scope["type"]] | {"raw_path": path.encode()} | scope
    return _DEFAULTS | scope


def read_event(text: str) -> Event:
    """Return the event that JSON describes. Raises MalformedScope if it describes none."""
    return _object(text, "event")


_DEFAULTS: dict[str, Any] = {"asgi": {"version": "3.0", "spec_version": "2.3"}}

_SERVED: dict[str, dict[str, Any]] = {
    "websocket": {
        "http_version": "1.1",
        "scheme": "ws",
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "subprotocols": [],
    },
    "http": {
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "query_string": b"",
        "root_path": "",
        "headers": [],
    },
}


def _object(text: str, what: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise MalformedScope(f"The {what} has {len(text)} characters: at most {LONGEST}.")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedScope(f"The {what} is no JSON: {error!s:.200}") from error
    if not isinstance(said, dict):
        raise MalformedScope(f"Expected an object as the {what}, got {type(said).__name__}.")
    if not isinstance(said.get("type"), str) or not said["type"]:
        raise MalformedScope(f'Expected a "type" in the {what}, a word such as "websocket".')
    return {key: _value(key, value) for key, value in said.items()}


def _value(key: str, value: Any) -> Any:
    if key == "headers":
        return _headers(value)
    if key in _TEXT_FOR_BYTES and isinstance(value, str):
        return value.encode()
    return _inside(value)


def _inside(value: Any) -> Any:
    if isinstance(value, Mapping):
        if list(value) == [HEX]:
            return _bytes(value[HEX])
        return {key: _inside(item) for key, item in value.items()}
    return [_inside(item) for item in value] if isinstance(value, list) else value


def _bytes(digits: Any) -> bytes:
    try:
        return bytes.fromhex(str(digits).replace(":", " "))
    except ValueError as error:
        raise MalformedScope(f"{digits!r:.80} is no hex: {error}.") from error


def _headers(value: Any) -> list[tuple[bytes, bytes]]:
    pairs = value if isinstance(value, list) else None
    if pairs is None or not all(_is_pair(pair) for pair in pairs):
        raise MalformedScope(
            f'Expected "headers" as a list of [name, value], both text, got {value!r:.80}.'
        )
    try:
        return [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in pairs]
    except UnicodeEncodeError as error:
        raise MalformedScope(f"A header has only Latin-1 characters: {error}.") from error


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
