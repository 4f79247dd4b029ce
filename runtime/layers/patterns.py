"""Options that are given by name: a glob of channels or groups, and what holds for them.

Owns the matching, and the error that names what an option does not take. Called by the
extensions of layers that a project asks for by name.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from runtime.exceptions import InvalidChannelLayerError

T = TypeVar("T")


class ByName(Generic[T]):
    """What holds for each name: that of the first glob that matches.

    Args:
        option: names or globs, which all get a default value; or {name or glob: a value, or the
            arguments of one}; or None for no names.
        make: the dataclass that the values are of.
        label: what the option is called, for the error.

    Raises:
        InvalidChannelLayerError: a value has an argument that `make` does not take.
    """

    def __init__(
        self,
        option: Sequence[str] | Mapping[str, T | Mapping[str, Any]] | None,
        make: Callable[..., T],
        label: str,
    ) -> None:
        self._make = make
        self._label = label
        given: Mapping[str, T | Mapping[str, Any]] = (
            option if isinstance(option, Mapping) else {name: {} for name in _listed(option, label)}
        )
        self._values = [
            (re.compile(fnmatch.translate(name)), self._value(name, value))
            for name, value in given.items()
        ]

    def __bool__(self) -> bool:
        return bool(self._values)

    def of(self, name: str) -> T | None:
        """Return what holds for `name`, or None."""
        for pattern, value in self._values:
            if pattern.match(name):
                return value
        return None

    def _value(self, name: str, value: T | Mapping[str, Any]) -> T:
        if not isinstance(value, Mapping):
            return value
        try:
            return self._make(**value)
        except TypeError:
            known = ", ".join(field.name for field in fields(self._make))  # type: ignore[arg-type]
            raise InvalidChannelLayerError(
                f"{self._label}[{name!r}] takes {known}; got {dict(value)!r}."
            ) from None


def _listed(option: Sequence[str] | None, label: str) -> Sequence[str]:
    if isinstance(option, str):
        raise InvalidChannelLayerError(
            f"{label} is a list of names, or a dict by name; got the str {option!r}. Write"
            f" [{option!r}]."
        )
    return option or ()
