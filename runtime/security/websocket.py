"""Which pages may open a WebSocket here.

A browser lets any page open a WebSocket to any host, and sends the cookies of that
host along. It also sends the page's origin, which a page cannot forge: this module
refuses, before anything is accepted, the origins that the project does not know.

Source: RFC 6455, section 10.2; RFC 6454
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, overload
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.http import is_same_domain

from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.headers import header_values
from runtime.typing import ASGIApplication, Receive, Scope, Send

logger = logging.getLogger("runtime.security")

DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
"""The ports that an origin without one means."""

DEBUG_HOSTS = (".localhost", "127.0.0.1", "[::1]")
"""What Django itself allows under DEBUG while ALLOWED_HOSTS is empty."""


class Origin(Protocol):
    """What is read of an origin: the result of `urlsplit()` or `urlparse()`."""

    @property
    def scheme(self) -> str:
        """Such as "https", in lower case; empty in a pattern that does not care."""

    @property
    def hostname(self) -> str | None:
        """The host in lower case, without the brackets of IPv6."""

    @property
    def port(self) -> int | None:
        """The port, if it is written out."""


class OriginValidator:
    """Serves WebSockets that come from pages of `allowed_origins`, and refuses the others.

    Args:
        application: what serves those that are allowed.
        allowed_origins: each a host ("example.com"), a domain with all of its subdomains
            (".example.com"), either with scheme and port ("https://example.com:8443",
            where the scheme's own port need not be written), or "*" for every client.
    """

    def __init__(self, application: ASGIApplication, allowed_origins: Sequence[str]) -> None:
        self.application = application
        self.allowed_origins = allowed_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket, or refuse it.

        Raises:
            ValueError: the scope is not of a WebSocket.
        """
        if scope["type"] != "websocket":
            raise ValueError(
                "You cannot use OriginValidator on a non-WebSocket connection: expected the type"
                f" 'websocket', got {scope['type']!r}. Put it around the WebSocket routes alone."
            )
        fault = self._find_fault(scope)
        if fault is None:
            await self.application(scope, receive, send)
            return
        logger.warning("Refused the WebSocket %.200r: %s", scope.get("path", ""), fault)
        await WebsocketDenier.as_asgi()(scope, receive, send)

    def valid_origin(self, parsed_origin: Origin | None) -> bool:
        """Return whether a client of this origin may connect.

        Args:
            parsed_origin: None for a client that names no origin: not a browser. It may
                connect only where every client may.
        """
        if parsed_origin is None:
            return "*" in self.allowed_origins
        return self.validate_origin(parsed_origin)

    def validate_origin(self, parsed_origin: Origin) -> bool:
        """Return whether one of the allowed origins takes this one."""
        return any(
            pattern == "*" or self.match_allowed_origin(parsed_origin, pattern)
            for pattern in self.allowed_origins
        )

    def match_allowed_origin(self, parsed_origin: Origin | None, pattern: str) -> bool:
        """Return whether `pattern` takes the origin: host, and scheme and port if it names them."""
        if parsed_origin is None or not parsed_origin.hostname:
            return False
        expected = _parse_pattern(pattern)
        host = parsed_origin.hostname.removesuffix(".")
        if expected is None or not is_same_domain(host, expected.hostname or ""):
            return False
        if not expected.scheme:
            return expected.port in (None, self.get_origin_port(parsed_origin))
        is_scheme = parsed_origin.scheme.lower() == expected.scheme
        return is_scheme and self.get_origin_port(parsed_origin) == self.get_origin_port(expected)

    def get_origin_port(self, origin: Origin) -> int | None:
        """Return the port of an origin: the one that it names, else its scheme's own."""
        return origin.port if origin.port is not None else DEFAULT_PORTS.get(origin.scheme)

    def _find_fault(self, scope: Scope) -> str | None:
        """Return why the WebSocket is refused, or None if it is not."""
        values = header_values(scope, b"origin")
        if len(values) > 1:
            return "it names several origins; a browser names one."
        try:
            parsed = _parse_origin(values[0].decode("latin1")) if values else None
        except ValueError as error:
            return f"its origin {values[0]!r:.200} is malformed ({error!s:.200})."
        if self.valid_origin(parsed):
            return None
        came = f"its origin {values[0]!r:.200} is" if values else "it names no origin, which is"
        return f"{came} not among those allowed: {list(self.allowed_origins)!r:.500}."


def AllowedHostsOriginValidator(application: ASGIApplication) -> OriginValidator:
    """Return `application` for WebSockets from pages of ALLOWED_HOSTS alone.

    While that setting is empty and DEBUG is on, pages of this machine may connect.
    """
    return OriginValidator(application, _AllowedHosts())


class WebsocketDenier(AsyncWebsocketConsumer):
    """Refuses every WebSocket before it is accepted; the client sees HTTP 403."""

    async def connect(self) -> None:
        """Refuse."""
        await self.close()


class _AllowedHosts(Sequence[str]):
    """ALLOWED_HOSTS as it is now: test cases change it after the routing was imported."""

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> Sequence[str]:
        is_open = settings.DEBUG and not settings.ALLOWED_HOSTS
        return DEBUG_HOSTS if is_open else settings.ALLOWED_HOSTS


def _parse_origin(text: str) -> Origin:
    """Return an origin in its parts.

    Raises:
        ValueError: its host or its port is none.
    """
    parsed = urlsplit(text)
    _ = parsed.port  # raises here, where a fault of the client is expected
    return parsed


@lru_cache(maxsize=1_000)
def _parse_pattern(pattern: str) -> Origin | None:
    # Without the slashes a bare "localhost:8000" would be read as scheme and path.
    text = pattern.lower() if "://" in pattern else f"//{pattern.lower()}"
    try:
        return _parse_origin(text)
    except ValueError as error:
        logger.warning(
            "The allowed origin %r matches nothing: %s. Expected host or scheme://host:port, with"
            " an IPv6 address in brackets.",
            pattern,
            error,
        )
        return None
