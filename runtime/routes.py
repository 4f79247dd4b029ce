"""The routes of one router, and which of them can take a path.

Owns the reading of Django's `path()`, `re_path()` and `include()`, and an index by the
literal segments with which a pattern begins: of 500 routes only those are asked whose
beginning the path has. Whether a route takes the path, and with which arguments, is
for Django's own pattern to say. Used by `runtime.routing.URLRouter`.

Source: Django, `django.urls.resolvers`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern, RoutePattern

from runtime.typing import ASGIApplication

_REGEX_SPECIAL = frozenset("\\.[](){}*+?^$|")


@dataclass(frozen=True)
class Route:
    """One way from a router to an application: patterns that take the path in turn."""

    patterns: tuple[Any, ...]
    application: ASGIApplication
    default_kwargs: Mapping[str, Any]
    is_router: bool

    @cached_property
    def text(self) -> str:
        """The patterns as the project wrote them, joined."""
        return "".join(str(pattern) for pattern in self.patterns)

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        """Return what is left of `path`, and the arguments, or None."""
        if len(self.patterns) == 1:
            matched = self.patterns[0].match(path)
            if matched is not None and self.default_kwargs:
                matched[2].update(self.default_kwargs)
            return matched  # type: ignore[no-any-return]  # Django's patterns are untyped here
        return self._match_each(path)

    def _match_each(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        for pattern in self.patterns:
            matched = pattern.match(path)
            if matched is None:
                return None
            path, pattern_args, pattern_kwargs = matched
            args += tuple(pattern_args)
            kwargs.update(pattern_kwargs)
        kwargs.update(self.default_kwargs)
        # As Django does: with any named argument, unnamed ones are not passed.
        return path, () if kwargs else args, kwargs


class RouteTable:
    """The routes of one router, in order, indexed by their literal beginnings.

    Args:
        routes: `path()`, `re_path()` and `include()`.

    Attributes:
        static: {path: the route that takes it}, for a route without arguments that is the first
            to be asked for that path. No pattern has to be: it would say yes, with no arguments.

    Raises:
        ImproperlyConfigured: one of them is none of these.
    """

    def __init__(self, routes: Sequence[Any]) -> None:
        self.routes = [route for one in routes for route in _routes_of(one, (), {})]
        self._root = _Node()
        for order, route in enumerate(self.routes):
            node = self._root
            for segment in _literal_segments(route):
                node = node.children.setdefault(segment, _Node())
            node.routes.append((order, route))
        self.static = {path: route for route in self.routes for path in self._own_path(route)}

    def candidates(self, path: str) -> list[tuple[int, Route]]:
        """Return every route that can take `path`, with its number, in order."""
        node = self._root
        found = node.routes
        is_merged = False
        for segment in path.split("/"):
            inner = node.children.get(segment)
            if inner is None:
                break
            node = inner
            if node.routes:
                is_merged = bool(found)
                found = found + node.routes if found else node.routes
        return sorted(found, key=_by_order) if is_merged else found

    def _own_path(self, route: Route) -> Iterator[str]:
        """Yield the only path that `route` takes, if there is one and no other is asked before."""
        beginnings = [_literal_beginning(pattern) for pattern in route.patterns]
        if not route.is_router and all(is_whole for _, is_whole in beginnings):
            path = "".join(literal for literal, _ in beginnings)
            if self.candidates(path)[0][1] is route:
                yield path


@dataclass(slots=True)
class _Node:
    """What can be told of a path from its first segments."""

    children: dict[str, _Node] = field(default_factory=dict)
    routes: list[tuple[int, Route]] = field(default_factory=list)


def _by_order(numbered: tuple[int, Route]) -> int:
    return numbered[0]


def _routes_of(route: Any, outer: tuple[Any, ...], defaults: Mapping[str, Any]) -> Iterator[Route]:
    if isinstance(route, URLResolver):
        for inner in route.url_patterns:
            yield from _routes_of(
                inner, (*outer, route.pattern), {**defaults, **route.default_kwargs}
            )
    elif isinstance(route, URLPattern):
        is_router = _is_router(route.callback)
        pattern = _open_ended(route.pattern) if is_router else route.pattern
        yield Route(
            (*outer, pattern), route.callback, {**defaults, **route.default_args}, is_router
        )
    else:
        raise ImproperlyConfigured(
            "URLRouter takes path(), re_path() and include(), not"
            f" {type(route).__name__}: {route!r}"
        )


def _is_router(application: Any) -> bool:
    """Return whether `application` is a URLRouter, bare or behind middleware."""
    while application is not None:
        if getattr(application, "_path_routing", False) is True:
            return True
        application = getattr(application, "inner", None) or getattr(
            application, "application", None
        )
    return False


def _open_ended(pattern: Any) -> Any:
    # Built anew, not changed: the project may use its pattern elsewhere, as an end.
    if isinstance(pattern, RegexPattern):
        return RegexPattern(pattern.regex.pattern, name=pattern.name, is_endpoint=False)
    return RoutePattern(pattern._route, name=pattern.name, is_endpoint=False)


def _literal_segments(route: Route) -> list[str]:
    """Return the whole segments that every path begins with which `route` takes."""
    literal = ""
    for pattern in route.patterns:
        beginning, is_whole = _literal_beginning(pattern)
        literal += beginning
        if not is_whole:
            return literal.split("/")[:-1]
    return literal.split("/") if route.patterns[-1]._is_endpoint else literal.split("/")[:-1]


def _literal_beginning(pattern: Any) -> tuple[str, bool]:
    """Return the literal text with which `pattern` begins, and whether that is all of it."""
    if type(pattern) is RoutePattern and isinstance(route := vars(pattern)["_route"], str):
        literal, converter, _ = route.partition("<")
        return literal, not converter
    if type(pattern) is RegexPattern and isinstance(regex := vars(pattern)["_regex"], str):
        return _literal_regex_beginning(regex), False
    return "", False  # translated, or of a class of the project's own: anything may match


def _literal_regex_beginning(source: str) -> str:
    if not source.startswith("^") or "|" in source:
        return ""
    end = 1
    while end < len(source) and source[end] not in _REGEX_SPECIAL:
        end += 1
    if source[end : end + 1] in ("*", "?", "{"):
        end -= 1  # the last character may be missing
    return source[1:end]
