"""Where a server's call enters the application, seen from outside.

Owns the making of a `Connection` for each scope and the taps around `receive`
and `send`. `ProtocolTypeRouter` passes through here by itself; any other
application is wrapped in one line::

    application = Boundary(application)

Without an observer the application is called as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from asgiref.sync import markcoroutinefunction

from runtime import last_words
from runtime.taps import Connection, current_connection, taps
from runtime.typing import ASGIApplication, Event, Receive, Scope, Send

CONNECTION_KEY = "runtime.connection"
"""Where an observed scope carries its `Connection`; middleware copies it along."""


_BEHIND = "_behind"
"""Where a tapped `receive` has what `untapped()` returns."""


class Boundary:
    """An ASGI application that is `application`, observed."""

    def __init__(self, application: ASGIApplication) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the scope by the application."""
        return await observe(self.application, scope, receive, send)


def observe(
    application: ASGIApplication, scope: Scope, receive: Receive, send: Send
) -> Awaitable[None]:
    """Call `application`, and let the observers know of the connection, if there are any.

    A scope that an outer boundary observes already, or that an observer wants muted,
    is passed on untouched; one that an observer serves itself goes to that observer.

    A plain function: no frame of ours for as long as the connection lives, if nobody observes it.
    """
    if not taps.observers or CONNECTION_KEY in scope:
        return application(scope, receive, send)
    if scope["type"] == "lifespan":
        if (tap := taps.serving_began) is not None:
            tap()
        return application(scope, _ended(receive), send)
    own = taps.application_for(scope)
    if own is not None:
        return own(scope, receive, send)
    if taps.is_muted(scope):
        return application(scope, receive, send)
    return _observed(application, scope, receive, send)


def _ended(receive: Receive) -> Receive:
    """Return `receive` of a lifespan, before whose end this process says its last words."""

    async def received() -> Event:
        event = await receive()
        if event["type"] == "lifespan.shutdown":
            await last_words.say()
        return event

    return received


async def _observed(
    application: ASGIApplication, scope: Scope, receive: Receive, send: Send
) -> None:
    connection = Connection(scope)
    connection.loop = asyncio.get_running_loop()
    connection.send = tapped_send = _tapped_send(connection, send)
    token = current_connection.set(connection)
    if (tap := taps.scope_opened) is not None:
        tap(connection)
    error: BaseException | None = None
    try:
        return await application(
            {**scope, CONNECTION_KEY: connection},
            _tapped_receive(connection, receive),
            tapped_send,
        )
    except BaseException as raised:
        error = raised
        raise
    finally:
        connection.send = connection.mailbox = None  # or it would keep itself alive
        current_connection.reset(token)
        if (tap_closed := taps.scope_closed) is not None:
            tap_closed(connection, error)


def untapped(receive: Receive) -> tuple[Receive, Connection | None]:
    """Return the server's own `receive` behind a tapped one, and whose events it gives.

    Whoever reads for long, as a mailbox does, needs no frame of ours around each event, and fires
    the tap itself. What is not tapped is returned as it is, with None.
    """
    behind: tuple[Receive, Connection] | None = getattr(receive, _BEHIND, None)
    return behind if behind is not None else (receive, None)


def _tapped_receive(connection: Connection, receive: Receive) -> Receive:
    async def tapped() -> Event:
        event = await receive()
        if (tap := taps.event_received) is not None:
            tap(connection, event, perf_counter())
        return event

    setattr(tapped, _BEHIND, (receive, connection))
    return tapped


def _tapped_send(connection: Connection, send: Send) -> Send:
    # A plain function that hands on the server's own awaitable: no frame of ours on
    # the way out, and the entry stands before whatever the client answers to it.
    def tapped(event: Event) -> Any:
        if (tap := taps.event_sent) is not None:
            tap(connection, event)
        return send(event)

    marked: Send = markcoroutinefunction(tapped)
    return marked
