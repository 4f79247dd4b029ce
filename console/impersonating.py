"""Where a connection becomes another user's: between the server and the application.

A browser gives a WebSocket its own cookies and lets no page choose others. So the page sets a
cookie with a token for that one path, and the observer that is asked for each scope serves the
handshake that carries it from here: the token is taken, the viewer's cookies are left out, and
the session that was made is put in their place, before the project's own middleware looks. The
application is the project's, called as always; it cannot tell the difference.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from django.conf import settings
from django.http.cookie import parse_cookie

from console import impersonation
from console.impersonation import Refused, Session
from console.marks import made_by
from runtime.exceptions import MalformedHeaders
from runtime.headers import header_values
from runtime.routing import get_default_application
from runtime.security.websocket import WebsocketDenier
from runtime.typing import ASGIApplication, Receive, Scope, Send

COOKIE = "channelscope_as"

_NAME = COOKIE.encode() + b"="

logger = logging.getLogger("console.impersonation")


def application_for(scope: Scope) -> ASGIApplication | None:
    """Return what serves a handshake with a token; None for all others."""
    if scope["type"] != "websocket":
        return None
    try:
        carries = any(_NAME in value for value in header_values(scope, b"cookie"))
    except MalformedHeaders:
        return None  # the application meets them, and says so
    return serve if carries else None


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket as the user that its token names, or refuse it."""
    try:
        session = await _claimed(scope)
    except Refused as why:
        logger.warning("Refused %.200r as another user: %s", scope.get("path", ""), why)
        await WebsocketDenier.as_asgi()(scope, receive, send)
        return
    mark = made_by.set(f"{session.by} as {session.user}")
    try:
        await get_default_application()(with_session(scope, session), receive, send)
    finally:
        made_by.reset(mark)
        await impersonation.end(session)


def with_session(scope: Scope, session: Session) -> Scope:
    """Return a scope with the session's cookie and none of the viewer's own."""
    others = [(name, value) for name, value in scope["headers"] if name != b"cookie"]
    return {**scope, "headers": [*others, (b"cookie", session.cookie)]}


async def _claimed(scope: Scope) -> Session:
    if not _is_own_page(scope):
        raise Refused("It does not come from a page of this site.")
    cookies: dict[str, str] = {}
    for value in header_values(scope, b"cookie"):
        cookies |= parse_cookie(value.decode("latin-1"))
    viewer_session = cookies.get(settings.SESSION_COOKIE_NAME, "")
    if not viewer_session:
        raise Refused("It carries no session.")
    path = str(scope.get("path", ""))
    return await impersonation.claim(cookies.get(COOKIE, ""), viewer_session, path)


def _is_own_page(scope: Scope) -> bool:
    """Return whether the handshake comes from a page of the host that it goes to."""
    origins, hosts = header_values(scope, b"origin"), header_values(scope, b"host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    try:
        return urlsplit(origins[0].decode("latin-1")).netloc == hosts[0].decode("latin-1")
    except ValueError:
        return False
