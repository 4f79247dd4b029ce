"""How far a URL pattern comes with a path that it does not take, and what it wanted then.

Owns the reading of a pattern piece by piece. Whether a pattern takes a path at all is for
Django to say; this explains a refusal to a person. Pure.

Source: Django, `django.urls.resolvers`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.urls.converters import get_converters
from django.urls.resolvers import RegexPattern, RoutePattern

_ARGUMENT = re.compile(r"<(?:(?P<converter>[^>:]+):)?[^>]+>")
_REGEX_CHARS = 500
"""Of a longer expression only the beginning is tried: each of its beginnings is compiled."""

Reach = tuple[str, str, str]
"""(what was matched of the path, what was expected next, what the path has there)"""


def reach(patterns: Sequence[Any], path: str) -> Reach:
    """Return how far `patterns`, which match in turn, come with `path`.

    Args:
        patterns: those of one route, of which at least one does not match.
    """
    rest = path
    for number, pattern in enumerate(patterns):
        matched = pattern.match(rest)
        if matched is None:
            length, expected = _reach_one(pattern, rest)
            inner = "".join(map(str, patterns[number + 1 :])) if expected else ""
            length += len(path) - len(rest)
            return path[:length], expected + inner, path[length:]
        rest = matched[0]
    return path, "", ""


def _reach_one(pattern: Any, path: str) -> tuple[int, str]:
    """Return how many characters of `path` the pattern takes, and what of it is left."""
    if isinstance(pattern, RoutePattern):
        return _reach_route(str(pattern), path)
    if isinstance(pattern, RegexPattern):
        return _reach_regex(str(pattern), path)
    return 0, str(pattern)


def _reach_route(route: str, path: str) -> tuple[int, str]:
    before, reached = "", 0
    for at, piece in _pieces(route):
        argument = _ARGUMENT.fullmatch(piece)
        if argument is None:
            common = _common(piece, path[reached:])
            if common < len(piece):
                return reached + common, route[at + common :]
            before += re.escape(piece)
        else:
            converter = get_converters().get(argument["converter"] or "str")
            before += converter.regex if converter is not None else "[^/]+"
        if (found := re.match(before, path)) is None:
            return reached, route[at:]
        reached = found.end()
    return reached, ""  # all of it is there, and the path goes on


def _pieces(route: str) -> Iterator[tuple[int, str]]:
    """Return literal text and arguments in turn, each with its place."""
    end = 0
    for argument in _ARGUMENT.finditer(route):
        if argument.start() > end:
            yield end, route[end : argument.start()]
        yield argument.start(), argument.group()
        end = argument.end()
    if end < len(route):
        yield end, route[end:]


def _common(first: str, second: str) -> int:
    pairs = zip(first, second, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _reach_regex(source: str, path: str) -> tuple[int, str]:
    for end in range(min(len(source), _REGEX_CHARS), 0, -1):
        try:
            found = re.search(source[:end], path)
        except re.error:
            continue  # it ends inside a group or a class
        if found is not None:
            left = source[end:]
            return found.end(), "" if left in ("$", r"\Z") else left
    return 0, source.removeprefix("^")
