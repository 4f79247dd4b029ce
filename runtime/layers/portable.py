"""What may be in a layer message that crosses a process, held against one that does not.

Owns the strict mode: a message that MessagePack or Redis would refuse is refused in
memory too, and comes out as it would there (a tuple as a list). Without it a project
would learn in production what it could have learnt from its tests. Called by the
in-memory layer.

Source: API of channel layers, "Channel layer contract"; MessagePack specification
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from runtime.exceptions import MessageNotPortable, MessageTooLarge
from runtime.typing import Message

SMALLEST_INT: Final = -(2**63)
LARGEST_INT: Final = 2**64 - 1

EXTENDED_TYPES: Final = (datetime, date, time, timedelta, UUID, Decimal)
"""Types that a layer carries if its option `allow_extended_types` is set."""

HEADER_BYTES: Final = 5
"""What MessagePack needs beside a value that has a length, at most."""

NUMBER_BYTES: Final = 9
"""What it needs for a number."""

_PLAIN: Final = frozenset({bytes, float, bool, type(None)})


def portable(message: Message, *, allow_extended_types: bool = False) -> Message:
    """Return `message` as it would come out of another process.

    Args:
        allow_extended_types: let dates, times, UUID and Decimal through as they are.

    Raises:
        MessageNotPortable: it would not come out; the error names the way to the value.
    """
    try:
        converted: Message = _Converter(allow_extended_types).convert(message)
    except _Refusal as refusal:
        raise MessageNotPortable(refusal.keys[::-1], refusal.found) from None
    except RecursionError:
        raise MessageNotPortable((), "nested too deeply, or contains itself") from None
    return converted


def require_size(message: Message, limit_bytes: int) -> None:
    """Refuse a message that is larger than `limit_bytes`, as MessagePack would write it.

    Raises:
        MessageTooLarge: it is.
    """
    size_bytes = _size_of(message)
    if size_bytes > limit_bytes:
        raise MessageTooLarge(size_bytes, limit_bytes)


class _Refusal(Exception):
    """A value that is refused; the keys to it are collected on the way out."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found
        self.keys: list[object] = []


class _Converter:
    def __init__(self, allow_extended_types: bool) -> None:
        self._allowed = EXTENDED_TYPES if allow_extended_types else ()

    def convert(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if isinstance(value, str):
            return _as_str(value)
        if isinstance(value, int):
            return _as_int(value)
        if isinstance(value, dict):
            return self._as_dict(value)
        if isinstance(value, list | tuple):
            return self._as_list(value)
        if isinstance(value, bytes | bytearray):
            return bytes(value)
        if isinstance(value, float):
            return float(value)
        if self._allowed and isinstance(value, self._allowed):
            return value
        raise _Refusal(_name_of(kind))

    def _as_dict(self, value: dict[Any, Any]) -> dict[str, Any]:
        converted = {}
        for key, inner in value.items():
            if not isinstance(key, str):
                raise _Refusal(f"a dict with the key {key!r:.100}, {_name_of(type(key))}")
            try:
                converted[_as_str(key)] = self.convert(inner)
            except _Refusal as refusal:
                refusal.keys.append(key)
                raise
        return converted

    def _as_list(self, value: Sequence[Any]) -> list[Any]:
        converted = []
        for number, inner in enumerate(value):
            try:
                converted.append(self.convert(inner))
            except _Refusal as refusal:
                refusal.keys.append(number)
                raise
        return converted


def _as_str(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Refusal("a str with half a surrogate pair, which UTF-8 cannot write") from None
    return value if type(value) is str else str.__str__(value)


def _as_int(value: int) -> int:
    if not SMALLEST_INT <= value <= LARGEST_INT:
        raise _Refusal("an int beyond 64 bits")
    return value if type(value) is int else int(value)


def _name_of(kind: type) -> str:
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    return f"of the type {name}"


def _size_of(value: Any) -> int:
    if isinstance(value, str):
        return HEADER_BYTES + (
            len(value) if value.isascii() else len(value.encode(errors="replace"))
        )
    if isinstance(value, bytes | bytearray):
        return HEADER_BYTES + len(value)
    if isinstance(value, dict):
        return HEADER_BYTES + sum(_size_of(key) + _size_of(value[key]) for key in value)
    if isinstance(value, list | tuple):
        return HEADER_BYTES + sum(map(_size_of, value))
    return NUMBER_BYTES
