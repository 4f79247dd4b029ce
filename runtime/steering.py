"""Acting on an open connection from outside of its application, as the application would.

Owns what may be done to a `Connection` that an observer has heard of: an event for its
client, a message for its consumer, its end. Does not know who asks, nor whether they may.
Called by tools such as the console, on the event loop that serves the connection; what
nobody acts upon pays nothing for it.

Source: docs/decisions/0022-steering.md
"""

from __future__ import annotations

from runtime.exceptions import ConnectionEnding, NotSteerable
from runtime.taps import Cause, Connection
from runtime.typing import Event, Message


async def send_event(connection: Connection, event: Event) -> None:
    """Send `event` to the client, past the consumer, which does not notice.

    Args:
        event: as the protocol has it, such as `{"type": "websocket.send", "text": "hi"}`.

    Raises:
        NotSteerable: the connection has ended.
        Exception: what the server raises, such as for an event that it does not know.
    """
    if connection.send is None:
        raise NotSteerable(connection.id, "It has ended.")
    await connection.send(event)


def hand_message(connection: Connection, message: Message, cause: Cause | None = None) -> bool:
    """Put a layer message into the consumer's mailbox, as if it had come to its own channel.

    Args:
        cause: what the message is an effect of.

    Returns: False if there is no room for it.

    Raises:
        NotSteerable: no consumer takes messages there.
    """
    mailbox = connection.mailbox
    if mailbox is None or not connection.channel_name:
        raise NotSteerable(
            connection.id,
            "No consumer with a channel serves it: a layer message needs a consumer, and a layer"
            " in CHANNEL_LAYERS.",
        )
    return bool(mailbox.offer(message, cause))


async def end_connection(
    connection: Connection, code: int, reason: str, cause: Cause | None = None
) -> None:
    """Close a connection: its consumer ends between two handlers, and says its goodbyes.

    An application without a consumer is sent away from its client, and hears of the
    disconnect as usual.

    Args:
        code: the close code, for a WebSocket; other protocols end with their disconnect event.
        reason: at most 123 bytes that the client is told, or that event says.
        cause: what the end is an effect of.

    Raises:
        NotSteerable: it has ended, or there is no way to end such a connection.
    """
    kind = connection.scope["type"]
    if connection.send is None:
        raise NotSteerable(connection.id, "It has ended.")
    if kind == "channel":
        raise NotSteerable(connection.id, "A worker's channel ends with its worker.")
    mailbox = connection.mailbox
    if mailbox is not None and kind in ("http", "websocket"):
        mailbox.end(ConnectionEnding(code, reason, cause))
    elif mailbox is not None:
        # Only the protocol's own event lets a consumer of its kind say goodbye.
        mailbox.put_last({"type": f"{kind}.disconnect", "reason": reason or "closed"}, cause)
    elif kind == "websocket":
        await connection.send({"type": "websocket.close", "code": code, "reason": reason})
    else:
        raise NotSteerable(
            connection.id,
            "No consumer serves it, and only its application can end it: a request ends with its"
            " view.",
        )
