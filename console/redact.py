"""What is hidden before anything leaves the ring.

Owns the replacing of secrets in values, JSON, plain text, headers, query strings,
paths and subprotocols, and the call of a consumer's own hook. Knows no entry and
no connection. Everything that shows, relays, logs or exports passes through here.
Pure.

A consumer that knows its secrets better says so::

    class Checkout(AsyncJsonWebsocketConsumer):
        @staticmethod
        def channelscope_redact(direction, payload):
            if isinstance(payload, dict):
                payload.pop("card", None)
            return payload

The hook gets "in", "out" or "layer", and the payload: parsed if it is JSON, else
text or bytes; what it returns is redacted further. A hook that fails, and a payload
that was too long to keep whole, hide the payload altogether.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote

from django.utils.functional import LazyObject, empty

from console.scrub import Scrubber
from console.secret_names import SecretNames

REDACTED = "«redacted»"

Hook: TypeAlias = Callable[[str, object], object]

_DEPTH = 60
_TEXT_DEPTH = 4
"""JSON inside the strings of JSON is opened this often; what is deeper is scrubbed as text."""

_TOKEN = re.compile(r"(?=[^.]*\d)[\w+/=~-]{20,}|[\w+/=~-]{32,}")
"""A run that is too long for a word of a subprotocol's name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A payload that may be shown.

    Attributes:
        text: as text; for a binary payload, empty.
        data: as bytes, if it is binary and holds nothing secret; else None.
        is_hidden: whether nothing of the payload is left.
    """

    text: str = ""
    data: bytes | None = None
    is_hidden: bool = False


HIDDEN = Shown(text=REDACTED, is_hidden=True)


class Redactor:
    """Hides what a name or a shape gives away as secret.

    Args:
        extra_keys: further names whose values are secret.
    """

    def __init__(self, extra_keys: Iterable[str] = ()) -> None:
        self.names = SecretNames(extra_keys)
        self._scrubber = Scrubber(self.names, REDACTED)

    def payload(
        self,
        payload: object,
        *,
        direction: str = "",
        hook: Hook | None = None,
        is_cut: bool = False,
    ) -> Shown:
        """Return what may be seen of a payload: text, bytes or a dict.

        Args:
            direction: "in", "out" or "layer", for the hook.
            hook: the consumer's own `channelscope_redact`.
            is_cut: whether the payload is only the beginning of what was sent.
        """
        if hook is not None:
            if is_cut:
                return HIDDEN
            try:
                payload = hook(direction, _parsed(payload))
            except Exception:  # the hook is the user's; whatever it raises, nothing is shown
                return HIDDEN
        if isinstance(payload, bytes):
            text = _decoded(payload, is_cut=is_cut)
            if text is None:
                return HIDDEN if self.names.occur_in(payload) else Shown(data=payload)
            payload = text
        if isinstance(payload, str):
            return Shown(text=self.text(payload))
        return Shown() if payload is None else Shown(text=dump(self.value(payload)))

    def value(self, value: object) -> Any:
        """Return `value` as JSON could say it, without its secrets.

        Objects that JSON does not know are named by their class, never printed.
        """
        return self._value(value, _DEPTH, _TEXT_DEPTH)

    def text(self, text: str) -> str:
        """Return `text` without its secrets; JSON is read, other text is searched for them."""
        return self._text(text, _TEXT_DEPTH) if text else ""

    def headers(self, headers: Iterable[Any]) -> list[list[str]]:
        """Return ASGI headers as pairs of str, without cookies, keys and credentials."""
        return [self._header(_plain(name), _plain(value)) for name, value in headers]

    def query_string(self, query: bytes | str) -> str:
        """Return a query string, still encoded, without the values of secret arguments."""
        return "&".join(self._argument(part) for part in _plain(query).split("&"))

    def subprotocol(self, name: str) -> str:
        """Return a subprotocol, or the marker if it is a credential in disguise."""
        head, _, rest = name.partition(".")
        is_credential = (rest and self.names.is_secret(head)) or _TOKEN.search(name)
        return REDACTED if is_credential else self._scrubber.scrub(name)

    def subprotocols(self, names: Iterable[object]) -> list[str]:
        """Return the subprotocols of a scope: what follows a name like "bearer" is its value."""
        shown: list[str] = []
        follows_secret = False
        for name in map(_plain, names):
            shown.append(REDACTED if follows_secret else self.subprotocol(name))
            follows_secret = self.names.is_secret(name)
        return shown

    def path(self, path: str, arguments: Mapping[str, object]) -> str:
        """Return `path` without what its secret route arguments put there."""
        for name, value in arguments.items():
            if self.names.is_secret(name) and str(value):
                path = path.replace(str(value), REDACTED).replace(quote(str(value)), REDACTED)
        return self._scrubber.scrub(path)

    def _value(self, value: object, depth: int, text_depth: int) -> Any:
        # First of all: to ask a lazy object for its class resolves it.
        if issubclass(type(value), LazyObject):
            return self._lazy(value, depth, text_depth)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self._text(value, text_depth)
        if depth <= 0:
            return REDACTED
        if isinstance(value, Mapping):
            return self._mapping(value, depth - 1, text_depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(list(value), depth - 1, text_depth)
        return self._rare(value)

    def _lazy(self, value: Any, depth: int, text_depth: int) -> Any:
        wrapped = value._wrapped
        if wrapped is empty or depth <= 0:
            return "<not resolved>"
        return self._value(wrapped, depth - 1, text_depth)

    def _rare(self, value: object) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            shown = self.payload(bytes(value))
            return shown.text if shown.data is None else f"<{len(shown.data)} bytes>"
        kind = type(value)
        if kind.__module__ in ("datetime", "decimal", "uuid"):
            return str(value)
        return f"<{kind.__module__}.{kind.__qualname__}>"

    def _mapping(self, value: Mapping[Any, object], depth: int, text_depth: int) -> dict[str, Any]:
        # {"name": "password", "value": ...} is how forms and HAR files write pairs.
        names = [item for key, item in value.items() if key in ("name", "key") and item]
        is_secret_pair = any(self._is_secret(name) for name in names)
        shown = {}
        for key, item in value.items():
            if self._is_secret(key) or (is_secret_pair and key == "value"):
                item = item if item in ("", None) or isinstance(item, bool) else REDACTED
            shown[self._key(key)] = self._named(key, item, depth, text_depth)
        return shown

    def _named(self, key: object, item: Any, depth: int, text_depth: int) -> Any:
        """Return a value whose name says, in ASGI's own words, how to read it."""
        if key == "headers" and isinstance(item, list) and all(map(_is_pair, item)):
            return self.headers(item)
        if key == "query_string" and isinstance(item, str | bytes):
            return self.query_string(item)
        if key == "subprotocol" and isinstance(item, str):
            return self.subprotocol(item)
        if key == "subprotocols" and isinstance(item, list | tuple):
            return self.subprotocols(item)
        return self._value(item, depth, text_depth)

    def _items(self, items: list[Any], depth: int, text_depth: int) -> list[Any]:
        # ["authorization", "..."] is how ASGI writes pairs.
        if len(items) == 2 and isinstance(items[0], str | bytes) and self._is_secret(items[0]):
            return [_plain(items[0]), REDACTED]
        return [self._value(item, depth, text_depth) for item in items]

    def _text(self, text: str, text_depth: int) -> str:
        if text_depth > 0 and text.lstrip()[:1] in ("{", "[", '"'):
            try:
                parsed, has_repeats = _load(text)
            except (ValueError, RecursionError):
                return _encodable(self._scrubber.scrub(text))
            shown = self._value(parsed, _DEPTH, text_depth - 1)
            # Untouched JSON keeps the sender's own spelling. A repeated key hides its
            # first value from the parser, so that such text is never shown as it came.
            return text if shown == parsed and not has_repeats else dump(shown)
        return _encodable(self._scrubber.scrub(text))

    def _header(self, name: str, value: str) -> list[str]:
        if name.lower() == "sec-websocket-protocol":
            offered = [part.strip() for part in value.split(",")]
            return [name, ", ".join(self.subprotocols(offered))]
        return [name, REDACTED if self._is_secret(name) else self._scrubber.scrub(value)]

    def _argument(self, part: str) -> str:
        name, equals, value = part.partition("=")
        if value and self.names.is_secret_argument(name):
            return f"{name}={REDACTED}"
        return self._scrubber.scrub(part) if equals else self.subprotocol(part)

    def _is_secret(self, name: object) -> bool:
        return isinstance(name, str | bytes) and self.names.is_secret(_plain(name))

    def _key(self, key: object) -> str:
        return self._scrubber.scrub(_plain(key)) if isinstance(key, str | bytes) else str(key)


def dump(value: object) -> str:
    """Return `value` as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str, skipkeys=True)


def _parsed(payload: object) -> object:
    """Return a payload of the hook's own: parsed, and free to be changed."""
    if isinstance(payload, Mapping):
        return _copied(payload)
    text = _decoded(payload) if isinstance(payload, bytes) else payload
    if not isinstance(text, str):
        return payload
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _copied(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _load(text: str) -> tuple[object, bool]:
    repeats = False

    def keep(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeats
        made = dict(pairs)
        repeats = repeats or len(made) < len(pairs)
        return made

    return json.loads(text, object_pairs_hook=keep), repeats


def _decoded(data: bytes, *, is_cut: bool = False) -> str | None:
    """Return `data` as text if it is text: a cut may have split its last character."""
    for end in range(len(data), max(len(data) - 4, -1) if is_cut else len(data) - 1, -1):
        try:
            text = data[:end].decode()
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


def _is_pair(item: object) -> bool:
    return (
        isinstance(item, list | tuple)
        and len(item) == 2
        and all(isinstance(part, str | bytes) for part in item)
    )


def _encodable(text: str) -> str:
    """Return `text` so that it can be sent: half of a surrogate pair has no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _plain(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
