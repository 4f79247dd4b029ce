"""A connection's scope as a Python literal, to try a consumer with.

Owns which of its values are bytes. What was hidden stays hidden: there it needs a value of the
reader's own. Pure.

Source: ASGI specification, "Connection Scope" of HTTP and WebSocket
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.exports.literals import literal

BYTES = ("raw_path", "query_string")


def scope_literal(shown: Mapping[str, Any]) -> str:
    """Return the scope that `shown` says, as an application gets it."""
    return literal({key: _value(key, value) for key, value in shown.items()}, 0, 0)


def _value(key: str, value: Any) -> Any:
    if key in BYTES and isinstance(value, str):
        return _bytes(value)
    if key == "headers" and isinstance(value, list | tuple):
        return [[_bytes(one) for one in pair] for pair in value]
    return value


def _bytes(text: Any) -> bytes:
    return str(text).encode("utf-8", "surrogateescape")
