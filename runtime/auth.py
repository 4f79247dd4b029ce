"""Who the client of a connection is, by Django's own authentication.

Owns `scope["user"]`, and logging a scope in and out. The backends, the hash that
ties a session to a password, and the signals are Django's. Runs inside
`runtime.sessions`.

A client without a session costs no thread hop and no query; one with a session
costs one hop, in which session and user are read.

Source: Django, "Using the Django authentication system"
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.utils.crypto import constant_time_compare
from django.utils.functional import LazyObject, empty

from runtime.db import database_sync_to_async
from runtime.middleware import BaseMiddleware
from runtime.sessions import CookieMiddleware, SessionMiddleware, unwrapped
from runtime.typing import ASGIApplication, Receive, Scope, Send

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser


async def get_user(scope: Scope) -> AbstractBaseUser | AnonymousUser:
    """Return the user that the session of `scope` is logged in as, or an `AnonymousUser`.

    Raises:
        ValueError: there is no session in the scope.
    """
    session = unwrapped(_session_of(scope))
    if _is_unused(session):
        return _anonymous()
    return await _read_user(session)


async def login(scope: Scope, user: Any, backend: str | None = None) -> None:
    """Log `user` in on the session of `scope`.

    Before the connection is answered, the answer carries the cookie of the session.
    Afterwards nothing can: save the session, and it counts from the next connection.

    Args:
        scope: of the connection; its "user" becomes `user`.
        user: None for the one in the scope.
        backend: dotted path of the authentication backend that knows the user; needed if
            the project has several and `user.backend` does not tell.

    Raises:
        ValueError: there is no session in the scope, no user, or no telling which backend.
        TypeError: the backend is not a dotted path.
    """
    session = _session_of(scope)
    user = scope.get("user") if user is None else user
    if user is None:
        raise ValueError("User must be passed as an argument or must be present in the scope.")
    await _log_in(session, user, _backend_of(user, backend))
    scope["user"] = user


async def logout(scope: Scope) -> None:
    """Log the user of `scope` out, and forget the session with all that is in it.

    Raises:
        ValueError: there is no session in the scope.
    """
    await _log_out(_session_of(scope), scope.get("user"))
    if "user" in scope:
        scope["user"] = _anonymous()


async def refresh_user(scope: Scope) -> bool:
    """Read the session and the user of `scope` anew; "user" is then as the database has it.

    Returns: False if the session is gone, the password has changed, or the user may not log in
        any more. An anonymous client has nothing to lose.
    """
    user = scope.get("user")
    known: Any = user._wrapped if isinstance(user, LazyObject) else user
    if not getattr(known, "is_authenticated", False):
        return True
    fresh = await _read_again(scope.get("session"), known)
    if fresh.pk is None or fresh.pk != known.pk:
        return False
    if isinstance(user, LazyObject):
        user._wrapped = fresh  # also for those who have kept it
    else:
        scope["user"] = fresh
    return True


class UserLazyObject(LazyObject):  # type: ignore[type-arg]  # not generic at run time
    """Stands for the user until middleware has found out who that is."""

    def _setup(self) -> None:
        raise ValueError(
            "Accessing scope user before it is ready. Middleware resolves it before it calls the"
            " application; read it in connect() or later."
        )


class AuthMiddleware(BaseMiddleware):
    """Adds `scope["user"]`: Django's user of the session. Runs inside `SessionMiddleware`.

    Override `resolve_scope` to find the user in another way.
    """

    def populate_scope(self, scope: Scope) -> None:
        """Put a `UserLazyObject` into the scope, unless it has a user.

        Raises:
            ValueError: there is no session in the scope.
        """
        if "session" not in scope:
            raise ValueError(
                "AuthMiddleware cannot find session in scope. SessionMiddleware must be above it."
                " AuthMiddlewareStack puts both in order."
            )
        if "user" not in scope:
            scope["user"] = UserLazyObject()

    async def resolve_scope(self, scope: Scope) -> None:
        """Put the user behind `scope["user"]`; one that is known already stays."""
        user = scope["user"]
        if isinstance(user, LazyObject) and user._wrapped is empty:
            user._wrapped = await get_user(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope.

        Raises:
            ValueError: there is no session in the scope.
        """
        scope = dict(scope)
        self.populate_scope(scope)
        await self.resolve_scope(scope)
        return await self.inner(scope, receive, send)


def AuthMiddlewareStack(inner: ASGIApplication) -> CookieMiddleware:
    """Return `inner` with cookies, a session and a user in its scope."""
    return CookieMiddleware(SessionMiddleware(AuthMiddleware(inner)))


@database_sync_to_async
def _read_again(session: Any, user: Any) -> AbstractBaseUser | AnonymousUser:
    key = getattr(session, "session_key", None)
    if key is None or SESSION_KEY not in session:
        # Not logged in by a session: middleware of the project's own has found the user.
        found: AbstractBaseUser | None = type(user)._default_manager.filter(pk=user.pk).first()
        return found if found is not None and found.is_active else _anonymous()
    return _user_of(session.__class__(key))


@database_sync_to_async
def _read_user(session: Any) -> AbstractBaseUser | AnonymousUser:
    return _user_of(session)


def _user_of(session: Any) -> AbstractBaseUser | AnonymousUser:
    try:
        user_id = _user_id_of(session)
        backend_path = session[BACKEND_SESSION_KEY]
    except KeyError:
        return _anonymous()
    if backend_path not in settings.AUTHENTICATION_BACKENDS:
        return _anonymous()
    user: Any = load_backend(backend_path).get_user(user_id)
    if user is None:
        return _anonymous()
    if hasattr(user, "get_session_auth_hash") and not _is_verified(session, user):
        session.flush()
        return _anonymous()
    found: AbstractBaseUser = user
    return found


@database_sync_to_async
def _log_in(session: Any, user: Any, backend: str) -> None:
    auth_hash = user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""
    if SESSION_KEY not in session:
        session.cycle_key()  # what the visitor put into the session stays, the known key does not
    elif _user_id_of(session) != user.pk or not _is_hash(session, auth_hash):
        session.flush()  # another user's
    session[SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[BACKEND_SESSION_KEY] = backend
    session[HASH_SESSION_KEY] = auth_hash
    user_logged_in.send(sender=user.__class__, request=None, user=user)


@database_sync_to_async
def _log_out(session: Any, user: Any) -> None:
    if user is not None and getattr(user, "is_authenticated", True):
        # Before the flush, so that receivers can still find out who it was.
        user_logged_out.send(sender=user.__class__, request=None, user=user)
    session.flush()


def _is_verified(session: Any, user: Any) -> bool:
    """Return whether the session was made with the user's present password."""
    if not session.get(HASH_SESSION_KEY):
        return False  # even for a user without a hash: nothing ties the session to a password
    auth_hash = user.get_session_auth_hash()
    if _is_hash(session, auth_hash):
        return True
    if not any(_is_hash(session, old) for old in user.get_session_auth_fallback_hash()):
        return False
    # SECRET_KEY has been rotated. Django gives the session a new key as well; here the
    # browser might never learn it, since a refused or an open WebSocket takes no cookie.
    session[HASH_SESSION_KEY] = auth_hash
    return True


def _is_hash(session: Any, auth_hash: str) -> bool:
    return constant_time_compare(session.get(HASH_SESSION_KEY) or "", auth_hash)


def _backend_of(user: Any, backend: str | None) -> str:
    chosen = backend or getattr(user, "backend", None)
    if chosen is None:
        if len(settings.AUTHENTICATION_BACKENDS) != 1:
            raise ValueError(
                "The project has several authentication backends, so login() cannot tell whose"
                f" {user!r} is. Pass `backend`, or set the attribute `backend` of the user."
            )
        chosen = settings.AUTHENTICATION_BACKENDS[0]
    if not isinstance(chosen, str):
        raise TypeError(f"backend must be a dotted path as a string, got {chosen!r}.")
    return chosen


def _user_id_of(session: Any) -> Any:
    """Return the primary key that `session` is logged in as, from the string that it keeps."""
    return get_user_model()._meta.pk.to_python(session[SESSION_KEY])


def _session_of(scope: Scope) -> Any:
    try:
        return scope["session"]
    except KeyError:
        raise ValueError(
            "Cannot find session in scope. You should wrap your consumer in SessionMiddleware."
        ) from None


def _is_unused(session: Any) -> bool:
    """Return whether nobody can be logged in on `session`; asking reads nothing."""
    is_empty = getattr(session, "is_empty", None)  # a test's plain dict has none
    return is_empty is not None and is_empty()


def _anonymous() -> AnonymousUser:
    return _anonymous_class()()


@cache
def _anonymous_class() -> type[AnonymousUser]:
    # Not at the top: models can be imported only once the application registry is ready,
    # and a project's routing imports this module before.
    from django.contrib.auth.models import AnonymousUser

    return AnonymousUser
