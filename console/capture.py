"""What the ring keeps of a payload: a reference where nothing can change it, else a bounded copy.

Owns the bound; knows nothing of secrets, because redaction waits until somebody
reads. Called by the recorder for every event and layer message, so it never
parses, formats or calls code of the application. Pure.

Source: decision 10 of the design, "Capture is cheap, reading pays"
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from sys import getsizeof
from typing import Any, TypeAlias
from uuid import UUID

Kept: TypeAlias = tuple[object, int | None, int, bool]
"""(payload, true size or None, bytes kept, whether it was cut)."""

NOTHING: Kept = (None, None, 0, False)

TYPE_CHARS = 200

_ATOMS = frozenset({int, float, bool, type(None), complex})
_IMMUTABLE = frozenset({datetime, date, time, timedelta, Decimal, UUID})
_ATOM_BYTES = 8
_LIST_BYTES = 56
_DICT_BYTES = 64
_SLOT_BYTES = 8
_PAIR_BYTES = 96
"""What containers weigh besides what is in them: of empty ones many would be free else."""

_THAWED_TIMES = 64
"""How much more than frozen a message may weigh: a pair of the smallest values takes two bytes."""
_DEPTH = 60
_EMPTY: tuple[object, ...] = ("", b"", [], ())
_ADDRESSED_BODIES = ("payload", "info")
_BODY_KEYS = frozenset({"type", "text", "bytes", "body", "more_body"})


class Frozen(bytes):
    """A copy of a dict of plain values that nothing can change; `thaw()` reads it.

    A kind of bytes because those are no business of the garbage collector.
    """

    __slots__ = ()


class Opaque(str):
    """Stands for an object that cannot be kept safely: the name of its class in brackets."""

    __slots__ = ()


def keep_event(event: Mapping[str, object], limit: int) -> Kept:
    """Keep what an ASGI event carries: its text, its bytes, or its other values.

    Args:
        event: as it went through the boundary.
        limit: bytes to keep at most.
    """
    text = event.get("text")
    if text is not None:
        return keep_text(text, limit) if isinstance(text, str) else NOTHING
    data = event.get("bytes", event.get("body"))
    if data is not None:
        return keep_bytes(data, limit)
    if len(event) == 1:
        return NOTHING
    rest = {
        key: value
        for key, value in event.items()
        if key not in _BODY_KEYS and value is not None and value not in _EMPTY
    }
    if not rest:
        return NOTHING
    payload, _, kept_bytes, is_cut = keep_message(rest, limit)
    return payload, _size_of_body(rest), kept_bytes, is_cut


def type_of(message: Mapping[str, object]) -> str:
    """Return the type of a message, of which no handler has one that is longer than a line."""
    return str(message.get("type", ""))[:TYPE_CHARS]


def keep_payload(payload: object, limit: int) -> Kept:
    """Keep text, bytes or a dict; nothing of anything else."""
    if isinstance(payload, str):
        return keep_text(payload, limit)
    if isinstance(payload, Mapping):
        return keep_message(payload, limit)
    return keep_bytes(payload, limit)


def _size_of_body(event: Mapping[str, object]) -> int | None:
    """Return the bytes of a body that has an address beside it, as a message of MQTT has."""
    for name in _ADDRESSED_BODIES:
        body = event.get(name)
        if isinstance(body, str):
            return utf8_size(body)
        if isinstance(body, bytes):
            return len(body)
    return None


def keep_text(text: str, limit: int) -> Kept:
    """Keep text by reference; what is longer than `limit` bytes is cut at a character."""
    if text.isascii():
        size = len(text)
        return (text[:limit], size, limit, True) if size > limit else (text, size, size, False)
    encoded = text.encode("utf-8", "surrogatepass")
    size = len(encoded)
    kept = encoded[:limit].decode("utf-8", "ignore") if size > limit else text
    # One wide character makes all of them wide: such a text weighs four times what it measures.
    return kept, size, getsizeof(kept), size > limit


def utf8_size(text: str) -> int:
    """Return the bytes that a text takes on its way."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def keep_bytes(data: object, limit: int) -> Kept:
    """Keep bytes by reference; a buffer that its owner may refill is copied."""
    if not isinstance(data, bytes):
        if not isinstance(data, bytearray | memoryview):
            return NOTHING
        data = bytes(data)
    size = len(data)
    if size > limit:
        return data[:limit], size, limit, True
    return data, size, size, False


def keep_message(message: Mapping[str, object], limit: int) -> Kept:
    """Keep a copy of a dict; its long strings are cut and what is beyond `limit` is left out.

    The true size is said of what was cut: that of the copy, which is about that of its JSON. Of
    what cannot be copied at once, nobody knows it.
    """
    # A frozen copy of plain values takes a tenth of the time of one made value by value.
    try:
        frozen = Frozen(marshal.dumps(message))  # type: ignore[arg-type]  # what it cannot, it says
    except ValueError:  # it has an object that marshal does not know, or is nested too deep
        frozen = None
    if frozen is not None and len(frozen) <= limit:
        return frozen, None, len(frozen), False
    budget = _Budget(limit)
    kept = budget.keep_mapping(message, _DEPTH)
    size = len(frozen) if frozen is not None and budget.is_cut else None
    return kept, size, limit - max(budget.left, 0), budget.is_cut


def thaw(payload: object) -> object:
    """Return a kept payload as it was: text, bytes or a dict."""
    if not isinstance(payload, Frozen):
        return payload
    # A dict that contains itself, or one list a thousand times, is small while it is
    # frozen and may be endless for who reads it: what was never bounded is bounded here.
    budget = _Budget(_THAWED_TIMES * (len(payload) + _ATOM_BYTES))
    return budget.keep_mapping(marshal.loads(payload), _DEPTH)


class _Budget:
    """The bytes that one message may still take."""

    __slots__ = ("is_cut", "left")

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.is_cut = False

    def keep(self, value: object, depth: int) -> object:
        kind = type(value)
        if kind in _ATOMS:
            self.left -= _ATOM_BYTES if kind is not int else max(_ATOM_BYTES, getsizeof(value))
            return value
        if kind is str:
            return self._spend(value)  # type: ignore[arg-type]  # mypy cannot narrow by `is`
        if kind is dict:
            return self.keep_mapping(value, depth - 1)  # type: ignore[arg-type]  # as above
        return self._keep_rare(value, depth)

    def keep_mapping(self, value: Mapping[Any, object], depth: int) -> object:
        if depth <= 0:
            return self._cut()
        kept: dict[object, object] = {}
        self.left -= _DICT_BYTES
        for key, item in value.items():
            self.left -= _PAIR_BYTES
            name = self._keep_key(key)
            if self.left <= 0:  # also when the key itself was cut: its value might be secret
                self.is_cut = True
                break
            kept[name] = self.keep(item, depth)
        return kept

    def _keep_key(self, key: object) -> object:
        if type(key) is str:
            return self._spend(key)
        self.left -= _ATOM_BYTES
        return key if type(key) in _ATOMS or type(key) in _IMMUTABLE else _opaque(key)

    def _keep_rare(self, value: Any, depth: int) -> object:
        if _is_a(value, str):
            return self._spend(str.__str__(value))  # a subclass may have a __str__ of its own
        if _is_a(value, bytes | bytearray | memoryview):
            return self._spend(bytes(memoryview(value)))
        if type(value) in _IMMUTABLE:
            self.left -= 4 * _ATOM_BYTES
            return value
        if _is_a(value, dict):
            return self.keep_mapping(value, depth - 1)
        if _is_a(value, list | tuple | set | frozenset):
            return self._keep_items(value, depth - 1)
        self.left -= 4 * _ATOM_BYTES
        return _opaque(value)

    def _keep_items(
        self, value: list[object] | tuple[object, ...] | set[object] | frozenset[object], depth: int
    ) -> object:
        if depth <= 0:
            return self._cut()
        kept: list[object] = []
        self.left -= _LIST_BYTES
        for item in value:
            self.left -= _SLOT_BYTES
            if self.left <= 0:
                self.is_cut = True
                break
            kept.append(self.keep(item, depth))
        return kept

    def _spend(self, value: str | bytes) -> str | bytes:
        allowed = max(self.left, 0)
        self.left -= len(value) if isinstance(value, bytes) or value.isascii() else getsizeof(value)
        if self.left < 0:
            self.is_cut = True
            return value[:allowed]
        return value

    def _cut(self) -> Opaque:
        self.is_cut = True
        return Opaque("<…>")


def _is_a(value: object, kind: Any) -> bool:
    # Not isinstance(): that asks a lazy object for its class, which resolves it.
    return issubclass(type(value), kind)


def _opaque(value: object) -> Opaque:
    return Opaque(f"<{type(value).__module__}.{type(value).__qualname__}>")
