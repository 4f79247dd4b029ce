"""The mark by which a connection of the console's own client is known.

The Client page opens the project's sockets as any page would, and adds nothing to
what is said on them. Before it connects it sets a cookie for that path alone, gone
after ten seconds, with a signed mark that the server gave it; the recorder reads it
from the handshake. What the console runs without a socket is marked in its context instead.
A mark decides about a label, never about a right.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.core.signing import BadSignature, TimestampSigner
from django.http.cookie import parse_cookie

from runtime.exceptions import MalformedHeaders
from runtime.headers import header_values
from runtime.typing import Scope

COOKIE = "channelscope_client"
MAX_AGE_S = 12 * 60 * 60
"""How long a page that stays open can go on marking."""

made_by: ContextVar[str] = ContextVar("made_by", default="")
"""Who runs what is called here through the console; "" for nobody."""

_NAME = COOKIE.encode() + b"="


def new_mark(user: Any) -> str:
    """Return a mark for the pages of `user`."""
    return _signer().sign(str(user.pk))


def is_marked(scope: Scope) -> bool:
    """Return whether the console opened this; without the cookie a few comparisons."""
    if made_by.get():
        return True
    try:
        cookies = header_values(scope, b"cookie")
    except MalformedHeaders:
        return False  # the application meets them, and says so
    for value in cookies:
        if _NAME in value:
            return _is_valid(parse_cookie(value.decode("latin-1")).get(COOKIE, ""))
    return False


def _is_valid(mark: str) -> bool:
    try:
        _signer().unsign(mark, max_age=MAX_AGE_S)
    except BadSignature:
        return False
    return True


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="channelscope.client")
