"""What a scope is told for which the project has no application of its own.

Owns the answers: 404 for a path without a route, 503 while the server goes down, a
WebSocket refused before it is accepted, and the server's lifespan acknowledged.

Source: ASGI specification, "HTTP", "WebSocket", "Websocket Denial Response", "Lifespan"
"""

import logging
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from runtime.drain import SERVICE_RESTART, drain
from runtime.exceptions import RouteNotFound
from runtime.typing import Event, Receive, Scope, Send

Response: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers and body."""

logger = logging.getLogger("runtime.routing")

DENIAL = "websocket.http.response"
"""The extension of a server that can refuse a WebSocket with a response of our own."""

RETRY_AFTER_S = 5
"""When a client that is refused during a restart shall come again."""


async def serve_not_found(
    missed: RouteNotFound, scope: Scope, receive: Receive, send: Send
) -> None:
    """Tell the client that nothing is there, in the terms of its protocol.

    Raises:
        RouteNotFound: the protocol has no way to say so.
    """
    logger.warning("Not found: %s %s. %s", scope["type"], scope.get("path", ""), missed)
    if not await _refuse(scope, receive, send, text_response(404, b"Not Found")):
        raise missed


async def serve_unavailable(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell the client that the server goes down, and when to come again."""
    logger.info("Refused during the restart: %s %s", scope["type"], scope.get("path", ""))
    await _refuse(scope, receive, send, unavailable(), SERVICE_RESTART)


def can_deny(scope: Scope) -> bool:
    """Return whether the server lets a WebSocket be refused with a response.

    Source: ASGI specification, "Websocket Denial Response"
    """
    return DENIAL in (scope.get("extensions") or {})


def response(
    status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes, prefix: str = "http.response"
) -> tuple[Event, Event]:
    """Return the events of a whole response.

    Args:
        prefix: of their types; `DENIAL` for a WebSocket that is refused.
    """
    return (
        {"type": f"{prefix}.start", "status": status, "headers": list(headers)},
        {"type": f"{prefix}.body", "body": body},
    )


def unavailable() -> Response:
    """Return what is answered while the server goes down."""
    status, headers, body = text_response(503, b"Service Unavailable")
    return status, [*headers, (b"retry-after", b"%d" % RETRY_AFTER_S)], body


def text_response(status: int, body: bytes) -> Response:
    """Return a response of plain text, as `response()` takes it."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    return status, headers, body


async def serve_lifespan(receive: Receive, send: Send) -> None:
    """Acknowledge the server's start and its end."""
    while True:
        event: Event = await receive()
        if event["type"] == "lifespan.shutdown":
            await drain()  # for a server that says so while connections are open
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def _refuse(
    scope: Scope, receive: Receive, send: Send, answer: Response, code: int | None = None
) -> bool:
    """Refuse the scope in the terms of its protocol; returns whether that has any."""
    if scope["type"] == "http":
        events: Sequence[Event] = response(*answer)
    elif scope["type"] == "websocket":
        await receive()  # the connect event, before which nothing may be sent
        close: Event = {"type": "websocket.close"} | ({} if code is None else {"code": code})
        events = response(*answer, prefix=DENIAL) if can_deny(scope) else (close,)
    else:
        return False
    for event in events:
        await send(event)
    return True
