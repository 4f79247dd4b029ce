"""An ASGI application seen as a tree: protocols, middleware, routers and consumers.

Owns the walk through the runtime's own pieces and the reading of URL patterns.
What it does not know is a leaf with its name. Nothing is called and nothing is
imported on the way.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from django.urls import URLResolver

from console.route_patterns import ArgumentView, RoutePart, read_pattern
from runtime.protocols.mqtt import TopicRouter
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from runtime.utils import name_that_thing

NodeKind: TypeAlias = Literal["protocols", "channels", "router", "middleware", "consumer", "other"]

_DEPTH = 40
"""Deeper than any real application; an application that contains itself ends here."""


@dataclass(frozen=True, slots=True)
class RouteNode:
    """A part of an application.

    Attributes:
        kind: what it is.
        name: class or function that it is called by; `dotted` is the whole path.
        label: what leads to it: a protocol, a channel or a pattern; "" below middleware.
        doc: first line of its docstring.
        children: what it passes on to.
        application: the thing itself.
    """

    kind: NodeKind
    name: str
    dotted: str
    label: str = ""
    doc: str = ""
    children: tuple[RouteNode, ...] = ()
    application: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RouteView:
    """One way for a connection to reach an application.

    Attributes:
        protocol: the scope type.
        route: the pattern from the root, such as "ws/chat/<room_name>/".
        path_template: a path with the arguments' names in braces, such as
            "/ws/chat/{room_name}/"; "" if the pattern is too free to say.
        arguments: what stands in the braces, in order.
        consumer: the class that serves it, or the application's name.
        doc: first line of the consumer's docstring.
    """

    protocol: str
    route: str
    path_template: str
    arguments: tuple[ArgumentView, ...]
    consumer: str
    consumer_path: str
    doc: str


def tree(application: Any) -> RouteNode:
    """Return `application` as a tree."""
    return _node(application, "", _DEPTH)


def websocket_routes(application: Any) -> list[RouteView]:
    """Return every route that a WebSocket can take, in the order in which they are tried."""
    return list(_routes(application, "websocket", (), _DEPTH))


def inner_of(application: Any) -> Any:
    """Return what middleware wraps, by the names that middleware gives it, or None."""
    if hasattr(application, "consumer_class"):
        return None
    for name in ("inner", "application", "app"):
        inner = vars(application).get(name) if hasattr(application, "__dict__") else None
        if callable(inner):
            return inner
    return None


def name_of(application: Any) -> tuple[str, str]:
    """Return what `application` is called, in short and as a dotted path."""
    dotted = name_that_thing(_named(application))
    return dotted.rpartition(".")[2], dotted


def _node(application: Any, label: str, depth: int) -> RouteNode:
    steps = _steps(application) if depth else []
    children = tuple(_node(child, step, depth - 1) for step, child in steps)
    name, dotted = name_of(application)
    return RouteNode(
        kind=_kind(application),
        name=name,
        dotted=dotted,
        label=label,
        doc=_doc(application),
        children=children,
        application=application,
    )


def _routes(
    application: Any, protocol: str, parts: tuple[RoutePart, ...], depth: int
) -> Iterator[RouteView]:
    if depth == 0:
        return
    if isinstance(application, ProtocolTypeRouter):
        inner = application.application_mapping.get(protocol)
        if inner is not None:
            yield from _routes(inner, protocol, parts, depth - 1)
    elif isinstance(application, URLRouter):
        for patterns, inner in _patterns(application.routes):
            read = tuple(read_pattern(pattern) for pattern in patterns)
            yield from _routes(inner, protocol, (*parts, *read), depth - 1)
    elif (inner := inner_of(application)) is not None:
        yield from _routes(inner, protocol, parts, depth - 1)
    else:
        yield _route(application, protocol, parts)


def _route(application: Any, protocol: str, parts: tuple[RoutePart, ...]) -> RouteView:
    name, dotted = name_of(application)
    arguments = tuple(argument for part in parts for argument in part.arguments)
    is_known = all(part.template is not None for part in parts)
    return RouteView(
        protocol=protocol,
        route="".join(part.route for part in parts),
        path_template="/" + "".join(part.template or "" for part in parts) if is_known else "",
        arguments=tuple(_unique(arguments)),
        consumer=name,
        consumer_path=dotted,
        doc=_doc(application),
    )


def _unique(arguments: tuple[ArgumentView, ...]) -> Iterator[ArgumentView]:
    """An outer argument hides an inner one of the same name, as it does in Django."""
    seen: set[str] = set()
    for argument in arguments:
        if argument.name not in seen:
            seen.add(argument.name)
            yield argument


def _steps(application: Any) -> list[tuple[str, Any]]:
    """Return what `application` passes on to, each with what leads there."""
    if isinstance(application, ProtocolTypeRouter | ChannelNameRouter | TopicRouter):
        return [(str(name), inner) for name, inner in application.application_mapping.items()]
    if isinstance(application, URLRouter):
        return [
            ("".join(map(str, patterns)), inner)
            for patterns, inner in _patterns(application.routes)
        ]
    inner = inner_of(application)
    return [("", inner)] if inner is not None else []


def _patterns(
    routes: Iterable[Any], outer: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Return each way through `routes`: the patterns to match in turn, and the application."""
    for route in routes:
        if isinstance(route, URLResolver):
            yield from _patterns(route.url_patterns, (*outer, route.pattern))
        else:
            yield (*outer, route.pattern), route.callback


def _kind(application: Any) -> NodeKind:
    if isinstance(application, ProtocolTypeRouter):
        return "protocols"
    if isinstance(application, ChannelNameRouter):
        return "channels"
    if isinstance(application, URLRouter | TopicRouter):
        return "router"
    if hasattr(application, "consumer_class"):
        return "consumer"
    return "middleware" if inner_of(application) is not None else "other"


def _named(application: Any) -> Any:
    return getattr(application, "consumer_class", application)


def _doc(application: Any) -> str:
    named = _named(application)
    described = named if hasattr(named, "__name__") else type(named)
    # A class without a docstring does not borrow that of its base, as inspect.getdoc() does.
    return inspect.cleandoc(described.__doc__ or "").partition("\n")[0]
