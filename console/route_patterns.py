"""A URL pattern as a template that a person can fill in.

Owns the reading of Django's patterns; knows no router. `path()` patterns are read
exactly; of `re_path()` ones the first way through the expression is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.urls.resolvers import RegexPattern, RoutePattern
from django.utils.regex_helper import normalize

_ARGUMENT = re.compile(r"<(?:(?P<converter>[^>:]+):)?(?P<name>[^>]+)>")
_NAMED_GROUP = re.compile(r"\(\?P<(?P<name>\w+)>")

_BY_CONVERTER = {
    "int": "1",
    "uuid": "3f0c9a52-8a4e-4d57-9f0a-6a1e5b7c2d10",
    "path": "a/b",
}
_BY_NAME = {"room": "lobby", "user": "ada", "name": "example", "id": "1", "pk": "1"}
_CANDIDATES = ("lobby", "1", "example", "a1", "2026", _BY_CONVERTER["uuid"])


@dataclass(frozen=True, slots=True)
class ArgumentView:
    """What a route takes from its path.

    Attributes:
        converter: "str", "int", ... as in `path()`; of `re_path()` the expression.
        example: a value that the pattern accepts, as far as can be told.
    """

    name: str
    converter: str
    example: str


@dataclass(frozen=True, slots=True)
class RoutePart:
    """What one router adds to a route.

    Attributes:
        route: the pattern as written.
        template: with `{name}` in the place of arguments; None if it cannot be told.
    """

    route: str
    template: str | None
    arguments: tuple[ArgumentView, ...]


def read_pattern(pattern: Any) -> RoutePart:
    """Return `pattern`, the one of a URLPattern, as part of a route."""
    if isinstance(pattern, RegexPattern):
        return _read_regex(str(pattern))
    if isinstance(pattern, RoutePattern):
        return _read_route(str(pattern))
    return RoutePart(str(pattern), None, ())


def _read_route(route: str) -> RoutePart:
    arguments = tuple(
        _argument(found["name"], found["converter"] or "str") for found in _ARGUMENT.finditer(route)
    )
    return RoutePart(route, _ARGUMENT.sub(r"{\g<name>}", route), arguments)


def _argument(name: str, converter: str) -> ArgumentView:
    example = _BY_CONVERTER.get(converter)
    if example is None:
        words = name.lower().split("_")
        example = next((_BY_NAME[word] for word in words if word in _BY_NAME), "example")
    return ArgumentView(name, converter, example)


def _read_regex(regex: str) -> RoutePart:
    ways = normalize(regex)
    if not ways:
        return RoutePart(regex, None, ())
    template, names = ways[0]
    braced = template % {name: f"{{{name}}}" for name in names}
    arguments = tuple(_regex_argument(name, regex) for name in names)
    return RoutePart(regex, braced.removesuffix("$"), arguments)


def _regex_argument(name: str, regex: str) -> ArgumentView:
    inner = _group_of(name, regex)
    fits = (
        value for value in (_argument(name, "str").example, *_CANDIDATES) if _accepts(inner, value)
    )
    return ArgumentView(name, inner, next(fits, ""))


def _group_of(name: str, regex: str) -> str:
    """Return the expression inside the named group, which may have groups of its own."""
    start = next((g.end() for g in _NAMED_GROUP.finditer(regex) if g["name"] == name), None)
    if start is None:
        return ""
    depth, at = 1, start
    while at < len(regex) and depth:
        if regex[at] == "\\":
            at += 1
        depth += (regex[at : at + 1] == "(") - (regex[at : at + 1] == ")")
        at += 1
    return regex[start : at - 1]


def _accepts(expression: str, value: str) -> bool:
    try:
        return re.fullmatch(expression, value) is not None if expression else True
    except re.error:
        return False
