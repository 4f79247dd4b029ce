"""A protocol's setting, read and checked: one dict in the settings, one dataclass here.

Owns the reading; each protocol owns its dataclass and with it names, types and defaults. Pure
but for Django's settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def read_options(setting: str, kind: type[T]) -> T:
    """Return the options of one protocol.

    Args:
        setting: the name of the dict in Django's settings, such as "CHANNELS_MQTT".
        kind: a dataclass; its fields are the keys.

    Raises:
        ImproperlyConfigured: a key is missing, unknown, or has a value of another type.
    """
    given = getattr(settings, setting, {})
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(f"{setting} has to be a dict; it is {given!r:.100}.")
    types, fields = get_type_hints(kind), dataclasses.fields(kind)
    for name, value in given.items():
        _check(setting, name, value, types)
    for field in fields:
        has_default = field.default is not dataclasses.MISSING
        if field.name not in given and not has_default:
            raise ImproperlyConfigured(f"{setting} needs the key {field.name!r}.")
    return kind(**given)


def _check(setting: str, name: object, value: object, types: Mapping[str, Any]) -> None:
    if name not in types:
        near = get_close_matches(str(name), types, 1)
        advice = f"Did you mean {near[0]!r}?" if near else f"It knows {', '.join(types)}."
        raise ImproperlyConfigured(f"{setting} has no key {name!r}. {advice}")
    expected = types[str(name)]
    if not _is_a(value, expected):
        # Not the value itself: it may be a secret.
        raise ImproperlyConfigured(
            f"{setting}[{name!r}] has to be {_spell(expected)}; it is a {type(value).__name__}."
        )


def _is_a(value: object, expected: Any) -> bool:
    if isinstance(expected, UnionType):
        return any(_is_a(value, one) for one in get_args(expected))
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if get_origin(expected) is tuple:  # of any length, of one type
        of = get_args(expected)[0]
        return isinstance(value, list | tuple) and all(_is_a(one, of) for one in value)
    return isinstance(value, get_origin(expected) or expected)


def _spell(expected: Any) -> str:
    return "None" if expected is type(None) else getattr(expected, "__name__", str(expected))
