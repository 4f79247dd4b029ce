"""Database work from asynchronous code, and closing connections only when that is due.

Owns the thread hop around the ORM, and the knowledge of which database
connections this process has opened. Django closes old connections at the end of
each request; a consumer has no requests, so the runtime asks before each
handler. Asking is free: nothing visits a thread unless a connection is broken or
past its CONN_MAX_AGE.

Source: docs/decisions/0005-database-hop.md
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

P = ParamSpec("P")
R = TypeVar("R")


class DatabaseSyncToAsync(SyncToAsync[P, R]):
    """`sync_to_async` for code that uses the ORM: no stale connection before, none left after.

    Takes what `asgiref.sync.SyncToAsync` takes. Usable as a decorator of functions
    and methods.
    """

    def thread_handler(self, loop: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the call in the thread that was chosen for it."""
        close_old_connections()
        try:
            return super().thread_handler(loop, *args, **kwargs)  # type: ignore[no-untyped-call]
        finally:
            close_old_connections()


database_sync_to_async = DatabaseSyncToAsync


def close_old_connections() -> None:
    """Close this thread's connections that are broken or too old, outside of transactions.

    Has the name of Django's function, which tests of projects replace here.
    """
    if not _opened:
        return
    for wrapper in connections.all(initialized_only=True):
        if not _is_due(wrapper):
            continue
        if wrapper.errors_occurred:
            wrapper.close_if_unusable_or_obsolete()  # asks the server whether it is usable
        else:
            wrapper.close()


async def aclose_old_connections() -> None:
    """Close the connections of the thread-sensitive thread that are broken or too old."""
    await sync_to_async(close_old_connections)()


def has_opened_connections() -> bool:
    """Return whether this process has opened a database connection at all."""
    return bool(_opened)


async def aclose_connections_if_due() -> None:
    """Do what `aclose_old_connections` does, if there is anything to close."""
    if any(record.is_due() for record in _opened):
        await aclose_old_connections()
        for record in _opened:
            record.is_out_of_reach = record.is_due()


def _is_due(wrapper: BaseDatabaseWrapper) -> bool:
    """Return what Django's own rule would close, without touching the connection.

    Source: `BaseDatabaseWrapper.close_if_unusable_or_obsolete`
    """
    if wrapper.connection is None or wrapper.in_atomic_block:
        return False
    close_at = wrapper.close_at
    return (
        wrapper.errors_occurred
        or wrapper.autocommit != wrapper.settings_dict["AUTOCOMMIT"]
        or (close_at is not None and time.monotonic() >= close_at)
    )


class _OpenedConnection:
    """One database connection of this process, watched without holding it."""

    __slots__ = ("is_out_of_reach", "wrapper")

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self.wrapper = weakref.ref(wrapper)
        # True for one that our hop cannot close: it belongs to a thread of the user's own,
        # or it is a database in memory, which lives as long as its connection.
        self.is_out_of_reach = False

    def is_due(self) -> bool:
        wrapper = self.wrapper()
        return wrapper is not None and not self.is_out_of_reach and _is_due(wrapper)


_opened: tuple[_OpenedConnection, ...] = ()
_opened_lock = threading.Lock()


def _remember(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    global _opened
    with _opened_lock:  # copied on write: the event loop reads it without the lock
        kept = [one for one in _opened if one.wrapper() not in (None, connection)]
        _opened = (*kept, _OpenedConnection(connection))


connection_created.connect(_remember, dispatch_uid="runtime.db")
