"""Values of the console as JSON can say them, and back again from whoever says so.

Owns the shapes: what comes from another process is hostile until each field has the type
and the bounds that its dataclass promises to the templates. Knows no message and no layer.
Used by the relay. Pure.
"""

from __future__ import annotations

import dataclasses
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import cache
from types import UnionType
from typing import (
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

T = TypeVar("T")

Read: TypeAlias = Callable[[Any], Any]

LONGEST_TEXT = 1_000_000
"""Characters of one text: a payload as it is kept, escaped."""

LONGEST_LIST = 20_000
LARGEST_INT = 2**53
LATEST = 2.5e11
"""A time or a number beyond it is no time that a calendar has."""

IDENTIFIERS = frozenset({"id", "short_id", "connection", "epoch"})
"""Fields that become parts of addresses and selectors."""

POSITIONS = frozenset({"position", "cause"})

_IDENTIFIER = re.compile(r"[0-9A-Za-z_-]{0,64}")
_POSITION = re.compile(r"(?:[0-9A-Za-z_-]{1,64}:\d{1,18})?", re.ASCII)


class MalformedValue(ValueError):
    """What another process said is not what it should be.

    Attributes:
        where: which field.
        expected: what it should have been.
    """

    def __init__(self, where: str, expected: str) -> None:
        super().__init__(where, expected)
        self.where = where
        self.expected = expected

    def __str__(self) -> str:
        return f"Expected {self.expected} in {self.where!r}."


def to_plain(value: Any) -> dict[str, Any]:
    """Return a dataclass as a dict of its fields; JSON writes what is inside as it is."""
    return {field.name: _inside(getattr(value, field.name)) for field in dataclasses.fields(value)}


def from_plain(kind: type[T], data: object) -> T:
    """Return the `kind` that `data` describes; keys that it does not know are passed over.

    Args:
        kind: a dataclass.
        data: as JSON gave it.

    Raises:
        MalformedValue: a field is missing, has another type, or is out of its bounds.
    """
    if not isinstance(data, dict):
        raise MalformedValue(kind.__name__, "an object")
    given = {}
    for name, read, is_required in _fields(cast("Any", kind)):
        if name in data:
            given[name] = _read(f"{kind.__name__}.{name}", read, data[name])
        elif is_required:
            raise MalformedValue(f"{kind.__name__}.{name}", "a value")
    return kind(**given)


def read_text(value: Any, longest: int = LONGEST_TEXT) -> str:
    """Return a str of at most `longest` characters. Raises MalformedValue for all else."""
    if not isinstance(value, str) or len(value) > longest:
        raise MalformedValue("text", f"a text of at most {longest} characters")
    return value


def read_identifier(value: Any) -> str:
    """Return a word of letters and digits. Raises MalformedValue for all else."""
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise MalformedValue("identifier", "letters and digits")
    return value


def read_int(value: Any) -> int:
    """Return a whole number that a browser can count with. Raises MalformedValue for all else."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST_INT:
        raise MalformedValue("number", "a whole number")
    return value


def read_offset(value: Any) -> int:
    """Return a whole number from 0 on. Raises MalformedValue for all else."""
    if read_int(value) < 0:
        raise MalformedValue("number", "a number from 0 on")
    return int(value)


def read_float(value: Any) -> float:
    """Return a number that is one. Raises MalformedValue for all else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise MalformedValue("number", "a number")
    if not math.isfinite(value) or abs(value) > LATEST:
        raise MalformedValue("number", "a finite number")
    return float(value)


def read_mapping(value: Any) -> dict[str, Any]:
    """Return an object as JSON has it. Raises MalformedValue for all else."""
    if not isinstance(value, dict) or len(value) > LONGEST_LIST:
        raise MalformedValue("object", "an object")
    return value


def read_list(value: Any) -> list[Any]:
    """Return a list that is not endless. Raises MalformedValue for all else."""
    if not isinstance(value, list) or len(value) > LONGEST_LIST:
        raise MalformedValue("list", f"a list of at most {LONGEST_LIST}")
    return value


def _inside(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_plain(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
        return [to_plain(item) for item in value]
    return value


def _read(where: str, read: Read, value: Any) -> Any:
    try:
        return read(value)
    except MalformedValue as error:
        raise MalformedValue(where, error.expected) from None


@cache
def _fields(kind: Any) -> tuple[tuple[str, Read, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (
            field.name,
            _reader_of(field.name, hints[field.name]),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    )


def _reader_of(name: str, hint: Any) -> Read:
    if name in IDENTIFIERS and hint is str:
        return read_identifier
    if name in POSITIONS and hint is str:
        return _read_position
    return _by_type(name, hint)


def _by_type(name: str, hint: Any) -> Read:
    plain: dict[Any, Read] = {
        str: read_text,
        int: read_int,
        float: read_float,
        bool: _read_bool,
        bytes: _read_bytes,
        Any: lambda value: value,
        object: lambda value: value,
    }
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in plain:
        return plain[hint]
    if origin is Literal:
        return _one_of(arguments)
    if origin in (Union, UnionType):
        [inner] = [one for one in arguments if one is not type(None)]
        read_inner = _by_type(name, inner)
        return lambda value: None if value is None else read_inner(value)
    if origin is tuple:
        return _tuple_of(name, arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping_of(_by_type(name, arguments[1]))
    if dataclasses.is_dataclass(hint):
        return lambda value: from_plain(cast("type[Any]", hint), value)
    raise TypeError(f"No way is known to read {hint!r} of the field {name!r}.")


def _one_of(allowed: tuple[Any, ...]) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in allowed:
            raise MalformedValue("word", f"one of {', '.join(map(repr, allowed))}")
        return value

    return read


def _tuple_of(name: str, kinds: tuple[Any, ...]) -> Read:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        read_item = _by_type(name, kinds[0])
        return lambda value: tuple(read_item(item) for item in read_list(value))
    readers = [_by_type(name, kind) for kind in kinds]

    def read(value: Any) -> tuple[Any, ...]:
        items = read_list(value)
        if len(items) != len(readers):
            raise MalformedValue("list", f"a list of {len(readers)}")
        return tuple(one(item) for one, item in zip(readers, items, strict=True))

    return read


def _mapping_of(read_value: Read) -> Read:
    return lambda value: {key: read_value(item) for key, item in read_mapping(value).items()}


def _read_position(value: Any) -> str:
    if not isinstance(value, str) or not _POSITION.fullmatch(value):
        raise MalformedValue("position", "a position such as 5f00c2:17")
    return value


def _read_bytes(value: Any) -> bytes:
    try:
        return b64decode(read_text(value), validate=True)
    except ValueError:
        raise MalformedValue("bytes", "base64") from None


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MalformedValue("flag", "true or false")
    return value
