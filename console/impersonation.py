"""Connections that somebody of the staff opens as another user: who may, and for how long.

Owns the token that opens one connection, and the session that is made for it. The token is
signed, lives seconds, works once, for one path, and from the browser session that asked for
it. The session's key never leaves the server: it is put into the scope of that one connection
(`impersonating`), and ends with it.

Source: docs/decisions/0026-impersonation.md
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
)
from django.core.signing import BadSignature, TimestampSigner
from django.utils import timezone

from console import audit
from console.models import Impersonation
from console.policy import IMPERSONATE, obstacle
from runtime.db import database_sync_to_async

TOKEN_S = 10
"""From asking for a token to the connection that it opens."""

SESSION_S = 15 * 60
"""A session whose connection went without an end expires by itself."""

KEPT = timedelta(days=90)
"""How long it is known who opened what as whom, besides the admin's log."""

MARK = "channelscope"
"""The key under which a session says who made it."""


class Refused(PermissionError):
    """Somebody may not open this connection as this user; its text says why."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session that was made for one connection.

    Attributes:
        number: of its row.
        by, user: the names of who opens it, and of whom as.
        key: what the cookie says.
    """

    number: int
    by: str
    user: str
    key: str

    def __repr__(self) -> str:
        return f"<Session of {self.user!r} for {self.by!r}>"

    @property
    def cookie(self) -> bytes:
        """The Cookie header."""
        return f"{settings.SESSION_COOKIE_NAME}={self.key}".encode("latin-1")


async def allow(viewer: Any, viewer_session: str, name: str, path: str) -> str:
    """Return a token with which `viewer` opens one connection to `path` as the user `name`.

    Args:
        viewer_session: the key of the session that asks.

    Raises:
        Refused: they may not.
    """
    user = await database_sync_to_async(_permitted)(viewer, name)
    await audit.record(viewer, f"Opens a connection as {user.get_username()}.", f"path {path}")
    return await database_sync_to_async(_new_token)(viewer, viewer_session, user, path)


async def claim(token: str, viewer_session: str, path: str) -> Session:
    """Take a token, once, and return the session that was made for its connection.

    Raises:
        Refused: it is none, was used, is too old, or is not for this path or this browser.
    """
    return await database_sync_to_async(_claim)(token, viewer_session, path)


async def begin(viewer: Any, name: str, what: str) -> Session:
    """Return a session for something that the server itself runs as the user `name`.

    Raises:
        Refused: `viewer` may not.
    """
    user = await database_sync_to_async(_permitted)(viewer, name)
    await audit.record(viewer, f"Runs {what} as {user.get_username()}.", what)
    return await database_sync_to_async(_begin)(viewer, user, what)


async def end(session: Session) -> None:
    """Delete the session: its connection has ended."""
    await database_sync_to_async(_end)(session)


def _permitted(viewer: Any, name: str) -> Any:
    """Return the user that `viewer` asks to be. Raises Refused."""
    if why := obstacle(viewer, IMPERSONATE):
        raise Refused(why)
    users = get_user_model()
    user = users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()
    if user is None or not user.is_active:
        raise Refused(f"Nobody who may sign in is called {name!r}.")
    if getattr(user, "is_superuser", False) and not getattr(viewer, "is_superuser", False):
        raise Refused("Only a superuser opens a connection as a superuser.")
    return user


def _new_token(viewer: Any, viewer_session: str, user: Any, path: str) -> str:
    Impersonation.objects.filter(made_at__lt=timezone.now() - KEPT).delete()
    token = _signer().sign(secrets.token_urlsafe(24))
    Impersonation.objects.create(
        token=_hash(token),
        made_by=viewer,
        user=user,
        path=path,
        viewer_session=_hash(viewer_session),
    )
    return token


def _claim(token: str, viewer_session: str, path: str) -> Session:
    try:
        _signer().unsign(token, max_age=TOKEN_S)
    except BadSignature as error:
        raise Refused("The token is none, or too old.") from error
    unused = Impersonation.objects.filter(
        token=_hash(token), used_at=None, path=path, viewer_session=_hash(viewer_session)
    )
    # One statement: of two that come at once, one finds it unused.
    if not unused.update(used_at=timezone.now()):
        raise Refused("The token was used, or is for another path or another browser.")
    row = Impersonation.objects.select_related("made_by", "user").get(token=_hash(token))
    # Rights may have changed since the token was made, and its viewer may have signed out.
    if _engine().SessionStore(viewer_session).get(SESSION_KEY) != _key_of(row.made_by):
        raise Refused("Whoever asked for the token has signed out.")
    user = _permitted(row.made_by, row.user.get_username())
    return _session(row, user)


def _begin(viewer: Any, user: Any, what: str) -> Session:
    row = Impersonation.objects.create(
        token=_hash(secrets.token_urlsafe(24)),
        made_by=viewer,
        user=user,
        path=what,
        used_at=timezone.now(),
    )
    return _session(row, user)


def _session(row: Impersonation, user: Any) -> Session:
    by = row.made_by.get_username()
    store = _engine().SessionStore()
    store[SESSION_KEY] = _key_of(user)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store[MARK] = {"by": by}
    store.set_expiry(SESSION_S)
    store.save(must_create=True)
    return Session(row.pk, by, user.get_username(), str(store.session_key))


def _end(session: Session) -> None:
    _engine().SessionStore().delete(session.key)
    Impersonation.objects.filter(pk=session.number).update(ended_at=timezone.now())


def _engine() -> Any:
    return import_module(settings.SESSION_ENGINE)


def _key_of(user: Any) -> str:
    return str(user._meta.pk.value_to_string(user))


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="channelscope.impersonation")


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
