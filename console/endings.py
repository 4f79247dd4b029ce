"""What the events of each protocol mean for a connection: messages, and who ended it.

Owns the knowledge of event types; every other part of the recorder is the same
for all protocols. An event type that is not known here is a message. Pure.

Source: ASGI specification, "HTTP & WebSocket ASGI Message Format"
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from console.connection import ConnectionState
from runtime.typing import Event

Outcome: TypeAlias = Literal["returned", "cancelled", "failed"]

NORMAL_CLOSURE = 1000
NO_STATUS = 1005
INTERNAL_ERROR = 1011
SERVER_ERROR = 500
REFUSED = 403
"""What a server answers to a handshake that the application closes without a code of its own."""

_SIGNALS = frozenset(
    {
        "websocket.connect",
        "websocket.disconnect",
        "websocket.accept",
        "websocket.close",
        "websocket.http.response.start",
        "http.disconnect",
        "http.response.start",
        "http.response.debug",
    }
)
"""Events that carry no message: they are recorded, and not counted."""


def note_received(known: ConnectionState, event: Event, size_bytes: int | None, now: float) -> None:
    """Fold an event of the client into its connection."""
    name = event["type"]
    if name not in _SIGNALS:
        known.count_in(size_bytes, now)
    elif name == "websocket.disconnect":
        known.close_begins("client", _code(event, NO_STATUS), str(event.get("reason") or ""))
    elif name == "http.disconnect":
        known.close_begins("client", known.status)


def note_sent(known: ConnectionState, event: Event, size_bytes: int | None, now: float) -> bool:
    """Fold an event of the application into its connection. Returns whether it is over."""
    name = event["type"]
    if name not in _SIGNALS:
        known.count_out(size_bytes, now)
    if name == "websocket.accept":
        known.phase = "open"
        known.subprotocol = str(event.get("subprotocol") or "")
    elif name == "websocket.close":
        usual = REFUSED if known.phase == "connecting" else NORMAL_CLOSURE
        known.close_begins("application", _code(event, usual), str(event.get("reason") or ""))
    elif name == "websocket.http.response.start":
        known.close_begins("application", event.get("status"))
    elif name == "http.response.start":
        known.status = event.get("status")
    elif name == "http.response.body" and not event.get("more_body") and not known.is_closed:
        known.close_begins("application", known.status)
        return True
    return False


def settle(known: ConnectionState, outcome: Outcome) -> None:
    """Say who ended a connection whose application is through."""
    if outcome == "returned":
        known.close_begins("application", known.status)
    elif outcome == "cancelled":
        known.close_begins("server", None)
    else:
        # Even after a close: what the application failed with is what a person looks for.
        known.phase = "error"
        known.closed_by = "error"
        known.close_code = INTERNAL_ERROR if known.protocol == "websocket" else SERVER_ERROR


def _code(event: Event, default: int) -> int:
    code: Any = event.get("code")
    return code if isinstance(code, int) else default
