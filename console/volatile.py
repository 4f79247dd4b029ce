"""What is different each time although nothing has changed: ids, times, tokens.

Owns the telling, by a value's name and by its look, and the comparison of two payloads that
passes over such values. Used where a replay is held against its recording. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from console.redact import REDACTED

NAMES = frozenset(
    {
        "at",
        "channel",
        "channel_name",
        "created",
        "date",
        "datetime",
        "id",
        "modified",
        "now",
        "pk",
        "reply_to",
        "time",
        "timestamp",
        "updated",
        "uuid",
    }
)
_ENDS = ("_at", "_id", "_time", "_uuid", "Id", "At")
_LOOKS = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*"  # a moment, ISO 8601
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID
    r"|(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}",  # a token in hex
    re.IGNORECASE,
)
MOST_DIFFERENCES = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which two payloads say something else.

    Attributes:
        path: such as "user.name" or "items[2]"; "" for the whole.
        expected, came: what stands there; None where nothing does.
    """

    path: str
    expected: Any
    came: Any


class Volatility:
    """Tells what is volatile.

    Args:
        names: further names, of the recording's own.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = NAMES | {name.lower() for name in names}

    def is_volatile(self, name: str, value: Any) -> bool:
        """Return whether the value of this name is another each time.

        Args:
            name: its key; "" for an item of a list, or for a whole payload.
        """
        if isinstance(value, dict | list):
            return name.lower() in self.names
        if name and (name.lower() in self.names or name.endswith(_ENDS)):
            return True
        return isinstance(value, str) and (REDACTED in value or bool(_LOOKS.fullmatch(value)))

    def masked(self, value: Any, name: str = "") -> Any:
        """Return `value` with what is volatile in it taken away."""
        if self.is_volatile(name, value):
            return None
        if isinstance(value, dict):
            return {key: self.masked(item, key) for key, item in value.items()}
        return [self.masked(item) for item in value] if isinstance(value, list) else value

    def differences(self, expected: Any, came: Any) -> list[Difference]:
        """Return where two payloads differ; none if only in what is volatile."""
        found: list[Difference] = []
        self._compare(expected, came, "", "", found)
        return found[:MOST_DIFFERENCES]

    def _compare(
        self, expected: Any, came: Any, name: str, path: str, found: list[Difference]
    ) -> None:
        if len(found) >= MOST_DIFFERENCES or self.is_volatile(name, expected):
            return
        if isinstance(expected, dict) and isinstance(came, dict):
            for key in dict.fromkeys([*expected, *came]):
                inner = f"{path}.{key}" if path else str(key)
                if key in expected and key in came:
                    self._compare(expected[key], came[key], str(key), inner, found)
                else:
                    found.append(Difference(inner, expected.get(key), came.get(key)))
        elif isinstance(expected, list) and isinstance(came, list) and len(expected) == len(came):
            for place, (one, other) in enumerate(zip(expected, came, strict=True)):
                self._compare(one, other, "", f"{path}[{place}]", found)
        elif expected != came or type(expected) is not type(came):
            found.append(Difference(path, expected, came))
