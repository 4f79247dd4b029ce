"""Cookies and Django sessions in the scope of a connection.

Owns `scope["cookies"]` and `scope["session"]`, when a session is saved, and which
event carries its cookie. The rules are those of Django's `SessionMiddleware`,
where an answer to the connection stands for the response: the session of a
WebSocket is saved when it is accepted or refused. What changes afterwards is the
consumer's to save, since nobody else knows when a long connection is done with it.

Neither parsing cookies nor carrying a session that nobody touches visits a thread.

Source: Django, "How to use sessions"; RFC 6265
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.http.cookie import parse_cookie
from django.utils.functional import LazyObject, empty

from runtime.db import database_sync_to_async
from runtime.exceptions import ChannelscopeError
from runtime.headers import header_values
from runtime.middleware import BaseMiddleware
from runtime.typing import ASGIApplication, Event, Receive, Scope, Send

logger = logging.getLogger("runtime.sessions")

CLOSE: Final = "websocket.close"
"""The event that, before an acceptance, refuses a WebSocket."""

ACCEPT: Final = "websocket.accept"
"""The event whose headers can carry a cookie."""


class SameSiteError(ChannelscopeError, ValueError, AssertionError):
    """A cookie's `samesite` is none of those that browsers know.

    An AssertionError too, because that is what suites written against Channels expect.
    """

    def __init__(self, samesite: str) -> None:
        super().__init__(samesite)
        self.samesite = samesite

    def __str__(self) -> str:
        return f"samesite is {self.samesite!r}: expected 'lax', 'strict' or 'none'."


class CookieMiddleware(BaseMiddleware):
    """Adds `scope["cookies"]`: the client's cookies as {name: value}."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            ValueError: the scope has no headers, as those of most protocols.
        """
        if "cookies" not in scope:
            scope = {**scope, "cookies": _cookies_of(scope)}
        return await self.inner(scope, receive, send)

    @classmethod
    def set_cookie(
        cls,
        message: Event,
        key: str,
        value: object = "",
        max_age: int | timedelta | None = None,
        expires: datetime | str | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool | None = False,
        httponly: bool | None = False,
        samesite: str | None = "lax",
    ) -> None:
        """Add a cookie to an event that carries headers.

        Args:
            message: the event; the list of its headers is replaced, not changed.
            key: the name of the cookie.
            value: its value, as `str()` shows it.
            max_age: seconds that it lives; the browser's session if None.
            expires: its end, instead of `max_age`; a naive datetime is in UTC.
            path: where it is sent back, with all that lies under it.
            domain: a domain whose subdomains get it too; the host alone if None.
            secure: whether it is sent back over TLS alone.
            httponly: whether scripts of the page cannot read it.
            samesite: "lax", "strict" or "none"; not sent if None.

        Raises:
            SameSiteError: `samesite` is something else.
        """
        if samesite and samesite.lower() not in ("lax", "strict", "none"):
            raise SameSiteError(samesite)
        response = HttpResponse()
        response.set_cookie(
            key,
            str(value),
            max_age=max_age,
            expires=expires,
            path=path or "",
            domain=domain,
            secure=bool(secure),
            httponly=bool(httponly),
            samesite=samesite or None,  # type: ignore[arg-type]  # any case of the literals
        )
        _add_cookie(message, response, key)

    @classmethod
    def delete_cookie(
        cls,
        message: Event,
        key: str,
        path: str = "/",
        domain: str | None = None,
        samesite: str | None = "lax",
    ) -> None:
        """Tell the browser to forget a cookie; `path` and `domain` as it was set with."""
        response = HttpResponse()
        response.delete_cookie(
            key,
            path=path,
            domain=domain,
            samesite=samesite or None,  # type: ignore[arg-type]
        )
        _add_cookie(message, response, key)


class InstanceSessionWrapper:
    """The session of one scope: opened before the application, saved as it answers.

    Attributes:
        save_message_types: types of events with which a changed session is saved. A
            close counts only where it refuses a WebSocket.
        cookie_response_message_types: types of events that can carry a cookie.
        scope: the scope with its session.
        is_active: False if the scope had a session already; then nothing is saved here.
    """

    save_message_types: ClassVar[list[str]] = [
        "http.response.start",
        "websocket.http.response.start",
        ACCEPT,
        CLOSE,
    ]
    cookie_response_message_types: ClassVar[list[str]] = [
        "http.response.start",
        "websocket.http.response.start",
        ACCEPT,
    ]

    def __init__(self, scope: Scope, send: Send) -> None:
        if "cookies" not in scope:
            raise ValueError(
                "No cookies in scope: SessionMiddleware needs to run inside of CookieMiddleware."
                " SessionMiddlewareStack and AuthMiddlewareStack put both in order."
            )
        self.cookie_name = settings.SESSION_COOKIE_NAME
        self.session_store = _store_of(settings.SESSION_ENGINE)
        self.real_send = send
        self.scope: dict[str, Any] = dict(scope)
        self.is_active = "session" not in scope
        self._is_accepted = False
        if self.is_active:
            self.scope["session"] = LazyObject()

    async def resolve_session(self) -> None:
        """Put the session behind `scope["session"]`. It is read when it is first asked."""
        key = self.scope["cookies"].get(self.cookie_name)
        self.scope["session"]._wrapped = self.session_store(key)

    async def send(self, message: Event) -> None:
        """Send an event of the application, with the session saved and its cookie added.

        Raises:
            SuspiciousOperation: the session was deleted meanwhile.
        """
        if self.is_active and self._is_answer(message["type"]):
            message = await self._with_session(message)
        self._is_accepted = self._is_accepted or message["type"] == ACCEPT
        return await self.real_send(message)

    async def save_session(self) -> None:
        """Save the session.

        Raises:
            SuspiciousOperation: it was deleted meanwhile.
        """
        try:
            await database_sync_to_async(self.scope["session"].save)()
        except UpdateError as error:
            raise SuspiciousOperation(
                "The session was deleted before it could be saved: the user may have logged out"
                " in another tab."
            ) from error

    def _is_answer(self, kind: str) -> bool:
        if kind == CLOSE and self._is_accepted:
            # By now other requests may have changed the session; ours is an old copy.
            return False
        return kind in self.save_message_types

    async def _with_session(self, message: Event) -> Event:
        session = unwrapped(self.scope["session"])
        can_carry = message["type"] in self.cookie_response_message_types
        if session.is_empty():
            is_stale = can_carry and self.cookie_name in self.scope["cookies"]
            return self._with_cookie_deleted(message) if is_stale else message
        if not (session.modified or settings.SESSION_SAVE_EVERY_REQUEST):
            return message
        if message.get("status", 200) >= 500:  # the work failed, and its session with it
            return message
        await self.save_session()
        return self._with_cookie_set(message) if can_carry else message

    def _with_cookie_set(self, message: Event) -> Event:
        message = {**message}
        session = unwrapped(self.scope["session"])
        key = session.session_key
        # Saving has read the session, so that its age is known without another query.
        max_age_s = None if session.get_expire_at_browser_close() else session.get_expiry_age()
        if message["type"] == ACCEPT and key != self.scope["cookies"].get(self.cookie_name):
            _warn_if_cookie_is_lost(self.scope)
        CookieMiddleware.set_cookie(
            message,
            self.cookie_name,
            key,
            max_age=max_age_s,
            path=settings.SESSION_COOKIE_PATH,
            domain=settings.SESSION_COOKIE_DOMAIN,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=settings.SESSION_COOKIE_HTTPONLY,
            samesite=settings.SESSION_COOKIE_SAMESITE or None,
        )
        return message

    def _with_cookie_deleted(self, message: Event) -> Event:
        message = {**message}
        CookieMiddleware.delete_cookie(
            message,
            self.cookie_name,
            path=settings.SESSION_COOKIE_PATH,
            domain=settings.SESSION_COOKIE_DOMAIN,
            samesite=settings.SESSION_COOKIE_SAMESITE or None,
        )
        return message


class SessionMiddleware(BaseMiddleware):
    """Adds `scope["session"]`: Django's session of the client. Runs inside `CookieMiddleware`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            ValueError: the scope has no cookies.
        """
        wrapper = InstanceSessionWrapper(scope, send)
        if wrapper.is_active:
            await wrapper.resolve_session()
        return await self.inner(wrapper.scope, receive, wrapper.send)


def SessionMiddlewareStack(inner: ASGIApplication) -> CookieMiddleware:
    """Return `inner` with cookies and a session in its scope."""
    return CookieMiddleware(SessionMiddleware(inner))


def unwrapped(session: Any) -> Any:
    """Return what stands behind the session of a scope: faster to ask, if asked for much."""
    if not isinstance(session, LazyObject):
        return session
    wrapped = session._wrapped
    return session if wrapped is empty else wrapped


@cache
def _store_of(engine: str) -> Any:
    return import_module(engine).SessionStore


def _cookies_of(scope: Scope) -> dict[str, str]:
    if "headers" not in scope:
        raise ValueError(
            "CookieMiddleware was passed a scope that did not have a headers key: expected an HTTP"
            f" or WebSocket connection, got one of the type {scope.get('type')!r}."
        )
    # HTTP/2 may split the header; joining as RFC 9113, section 8.2.3 says.
    lines = [value.decode("latin1") for value in header_values(scope, b"cookie")]
    return parse_cookie("; ".join(lines)) if lines else {}


def _warn_if_cookie_is_lost(scope: Scope) -> None:
    # Headers of an acceptance came with 2.1; Daphne 4.2 claims 2.0, and drops them.
    if (scope.get("asgi") or {}).get("spec_version", "2.0") == "2.0":
        logger.warning(
            "The server sends no headers when it accepts a WebSocket (%s), so the browser does not"
            " learn of its new session, nor of a login in connect(). Start the session in an HTTP"
            " request before, or use a server of ASGI 2.1 or later, such as Uvicorn.",
            scope.get("path", ""),
        )


def _add_cookie(message: Event, response: HttpResponse, key: str) -> None:
    value = response.cookies[key].OutputString().encode()
    # A new list: the old one may be a constant that other connections are answered with.
    message["headers"] = [*message.get("headers", ()), (b"Set-Cookie", value)]
