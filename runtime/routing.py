"""Which application serves a scope: by protocol, by path, by channel.

Owns the three routers and what becomes of a scope that none of them takes. Each
is an ASGI application that serves others, so they nest, with middleware between.
`ProtocolTypeRouter` at the root is the boundary at which observers listen.

Patterns are Django's own: `path()`, `re_path()` and `include()`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from runtime.boundary import CONNECTION_KEY, observe
from runtime.exceptions import RouteNotFound
from runtime.refusals import serve_lifespan, serve_not_found
from runtime.routes import Route, RouteTable
from runtime.taps import taps
from runtime.typing import ASGIApplication, Receive, Scope, Send

ROUTE_KEY = "runtime.route"
"""Where a scope carries the patterns that have matched so far, joined from the root."""


def get_default_application() -> ASGIApplication:
    """Return the application that the setting ASGI_APPLICATION names.

    Raises:
        ImproperlyConfigured: there is no such setting, module or name.
    """
    dotted = getattr(settings, "ASGI_APPLICATION", None)
    if not dotted or "." not in dotted:
        raise ImproperlyConfigured(
            f"ASGI_APPLICATION is {dotted!r}: set it to the dotted path of your root application,"
            " such as 'mysite.asgi.application'."
        )
    path, name = dotted.rsplit(".", 1)
    try:
        module = importlib.import_module(path)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"Cannot import ASGI_APPLICATION module {path!r}: {error}"
        ) from error
    try:
        application: ASGIApplication = getattr(module, name)
    except AttributeError as error:
        raise ImproperlyConfigured(
            f"Cannot find {name!r} in ASGI_APPLICATION module {path!r}"
        ) from error
    return application


class ProtocolTypeRouter:
    """Serves each scope by the application for its type.

    A path that no route takes is answered with 404, or a WebSocket that is refused, not
    with a traceback. `lifespan` is served even if the mapping has no entry for it.

    Args:
        application_mapping: {scope type: application}.
    """

    def __init__(self, application_mapping: Mapping[str, ASGIApplication]) -> None:
        self.application_mapping = dict(application_mapping)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the scope by the application for its type.

        Raises:
            ValueError: there is none.
        """
        return await observe(self._route, scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        application = self.application_mapping.get(scope["type"])
        if application is None:
            if scope["type"] == "lifespan":
                return await serve_lifespan(receive, send)
            raise ValueError(
                f"No application configured for scope type {scope['type']!r}; this router has"
                f" {_names(self.application_mapping)}."
            )
        try:
            return await application(scope, receive, send)
        except RouteNotFound as missed:
            return await serve_not_found(missed, scope, receive, send)


class URLRouter:
    """Serves each scope by the first route whose pattern takes its path.

    Args:
        routes: Django's `path()`, `re_path()` and `include()`, in order. What a route leaves of
            the path is looked up by a router inside it.

    Raises:
        ImproperlyConfigured: a route is none of these.
    """

    _path_routing: ClassVar[bool] = True

    def __init__(self, routes: Sequence[Any]) -> None:
        self.routes = list(routes)
        self._table = RouteTable(self.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the scope by the first route that takes its path.

        Raises:
            RouteNotFound: none does. It is a ValueError.
            ValueError: the scope has no path.
        """
        try:
            path = _path_to_route(scope)
            if (route := self._table.static.get(path)) is not None:
                inner = _routed_scope(scope, route, "", (), dict(route.default_kwargs))
                return await route.application(inner, receive, send)
            missed_inside: dict[int, RouteNotFound] = {}
            for number, route in self._table.candidates(path):
                matched = route.match(path)
                if matched is None:
                    continue
                inner = _routed_scope(scope, route, *matched)
                try:
                    return await route.application(inner, receive, send)
                except RouteNotFound as missed:
                    missed_inside[number] = missed
                    if not route.is_router:  # for all that is known it has answered already
                        break
                    # Taken by nothing inside: later routes have their turn.
            raise RouteNotFound(path, self._tried(missed_inside))
        except RouteNotFound as missed:
            _report_missed(scope, missed)
            raise

    def _tried(self, missed_inside: Mapping[int, RouteNotFound]) -> list[str]:
        tried = []
        for number, route in enumerate(self._table.routes):
            if (missed := missed_inside.get(number)) is None:
                tried.append(route.text)
                continue
            tried += [route.text + pattern for pattern in missed.tried]
            if not route.is_router:
                break
        return tried


class ChannelNameRouter:
    """Serves each scope of the type `channel` by the application for its channel.

    Args:
        application_mapping: {channel: application}.
    """

    def __init__(self, application_mapping: Mapping[str, ASGIApplication]) -> None:
        self.application_mapping = dict(application_mapping)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the scope by the application for its channel.

        Raises:
            ValueError: there is none, or the scope is not of a channel.
        """
        if "channel" not in scope:
            raise ValueError(
                "ChannelNameRouter got a scope without a 'channel' key. Did you make sure it's only"
                " being used for 'channel' type messages?"
            )
        application = self.application_mapping.get(scope["channel"])
        if application is None:
            raise ValueError(
                f"No application configured for channel name {scope['channel']!r}; this router"
                f" has {_names(self.application_mapping)}."
            )
        return await application(scope, receive, send)


def _routed_scope(
    scope: Scope,
    route: Route,
    remaining: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Scope:
    if outer := scope.get("url_route"):
        args = outer.get("args", ()) + args
        kwargs = {**outer.get("kwargs", {}), **kwargs}
    url_route = {"args": args, "kwargs": kwargs}
    inner: Scope = {**scope, "path_remaining": remaining, "url_route": url_route}
    if (connection := scope.get(CONNECTION_KEY)) is not None:
        inner[ROUTE_KEY] = scope.get(ROUTE_KEY, "") + route.text
        if (tap := taps.route_matched) is not None:
            tap(connection, inner[ROUTE_KEY], url_route)
    return inner


def _report_missed(scope: Scope, missed: RouteNotFound) -> None:
    is_outermost = "path_remaining" not in scope
    connection = scope.get(CONNECTION_KEY)
    if is_outermost and connection is not None and (tap := taps.route_missed) is not None:
        tap(connection, missed.path, missed.tried)


def _path_to_route(scope: Scope) -> str:
    path: str | None = scope.get("path_remaining")
    if path is not None:
        return path.lstrip("/")
    path = scope.get("path")
    if path is None:
        raise ValueError("No 'path' key in connection scope, cannot route URLs")
    if root_path := scope.get("root_path", "").rstrip("/"):
        path = _inside(root_path, path)
    return path.lstrip("/")


def _inside(root_path: str, path: str) -> str:
    """Return what is left of `path` below `root_path`."""
    if path != root_path and not path.startswith(f"{root_path}/"):
        raise RouteNotFound(path, [f"{root_path}/"])
    return path[len(root_path) :]


def _names(mapping: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, mapping)) or "none"
