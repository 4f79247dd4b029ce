"""The life of a WebSocket, as both kinds of WebSocket consumer live it.

Owns that `disconnect()` runs exactly once for every connection that reached
`connect()`, whatever ends it: a close, an error, a cancellation. Owns also what
counts as closed, and how the event is passed to a `connect()` that asks for it.
Mixed into the consumers of `runtime.generic.websocket`.

Source: DESIGN decision 5
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, get_args

from runtime.consumer import AsyncConsumer
from runtime.drain import SERVICE_RESTART
from runtime.drops import drops
from runtime.exceptions import (
    ConnectionEnding,
    InvalidChannelLayerError,
    StopConsumer,
    WebsocketClosed,
)
from runtime.outbox import Outbox, Policy
from runtime.refusals import DENIAL, can_deny, response
from runtime.typing import Event, Send

logger = logging.getLogger("runtime.generic.websocket")

ABNORMAL_CLOSURE = 1006
"""The code of a connection that broke without a close."""

INTERNAL_ERROR = 1011
"""The code after an error of the application."""

TRY_AGAIN_LATER = 1013
"""The code for a client that does not take what it is sent."""

HANDSHAKE_S = 1.0
"""How long a client may take to answer our close, before `disconnect()` runs all the same."""


class WebsocketLifecycle(AsyncConsumer):
    """What the synchronous and the asynchronous WebSocket consumer share.

    Attributes:
        groups: groups that the connection joins before `connect()` and leaves after its end.
        sends_after_close: how often the consumer sent or closed after the close, in vain.
        strict_close: raise `WebsocketClosed` at that, instead of counting it.
        slow_client: what becomes of a frame when the client has not taken those before it.
            "block": `send()` waits for as long as the server makes it wait. "drop": the
            frame is lost. "coalesce": it takes the place of the one that waits under its
            `coalesce_key()`, or of the oldest. "close": the connection is closed with 1013. With
            all but "block" `send()` returns at once.
        outbound_limit_messages: events that may be unsent before that happens.
        outbound_limit_bytes: bytes (for text: characters) that may be unsent before.

    Raises:
        ValueError: a subclass names another policy.
    """

    groups: list[str] | tuple[str, ...] | None = None
    sends_after_close: int = 0
    strict_close: ClassVar[bool] = False
    slow_client: ClassVar[Policy] = "block"
    outbound_limit_messages: ClassVar[int] = 256
    outbound_limit_bytes: ClassVar[int] = 1_048_576

    _outbox: Outbox | None = None

    _is_connect_begun = False
    _is_disconnect_begun = False
    _is_closed = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.slow_client not in get_args(Policy):
            raise ValueError(
                f"{cls.__name__}.slow_client is {cls.slow_client!r}: expected one of"
                f" {', '.join(map(repr, get_args(Policy)))}."
            )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self.groups is None:
            self.groups = []

    def _begin(self) -> None:
        self._is_connect_begun = self._is_disconnect_begun = self._is_closed = False
        self.sends_after_close = 0

    def coalesce_key(self, message: Event) -> Hashable:
        """Return under which key an outgoing frame replaces one that waits.

        Override it for `slow_client = "coalesce"`; by default a new frame replaces any.

        Args:
            message: the event that sends the frame, with its "text" or "bytes".
        """
        return None

    def _make_base_send(self, send: Send) -> Callable[[Event], Any]:
        if self._sync or self.slow_client != "block":
            # These send later than the handler does; what sends at once looks by itself.
            send = self._forgiving(send)
        if self.slow_client != "block":
            self._outbox = Outbox(
                send,
                self.slow_client,
                limit_messages=self.outbound_limit_messages,
                limit_bytes=self.outbound_limit_bytes,
                key_of=self.coalesce_key,
                on_lost=self._report_lost,
                on_overflow=self._end_slow_client,
                connection=self._connection,
            )
            send = self._outbox.send
        return super()._make_base_send(send)

    def _report_lost(self, event: Event) -> None:
        drops.report(self._connection, getattr(self, "channel_name", ""), event, "slow client")

    def _end_slow_client(self) -> None:
        self._mailbox.end(ConnectionEnding(TRY_AGAIN_LATER, "too slow"), at_once=True)

    def _before_handler(self, message: Event) -> None:
        kind = message.get("type")
        if kind == "websocket.connect":
            self._is_connect_begun = True
        elif kind == "websocket.disconnect":
            if self._is_disconnect_begun:
                raise StopConsumer
            self._is_disconnect_begun = self._is_closed = True

    async def _end(self, error: BaseException | None) -> None:
        ending = self._ending_after(error)
        try:
            if ending is not None and not self._is_closed:
                await self._shake_hands(ending)
        finally:
            try:
                if self._is_connect_begun and not self._is_disconnect_begun:
                    code = _close_code_after(error) if ending is None else ending.code
                    await self._dispatch_disconnect(code)
            finally:
                try:
                    if self._outbox is not None:
                        await self._outbox.close()
                finally:
                    await super()._end(error)

    async def _shake_hands(self, ending: ConnectionEnding) -> None:
        """Close, and wait for the answer: a server that stops may not even have sent it before."""
        self._is_closed = True
        await self._send_last(close_event(ending.code, ending.reason))
        await self._mailbox.wait_until_disconnected(HANDSHAKE_S)

    async def _dispatch_disconnect(self, code: int) -> None:
        cancellation: asyncio.CancelledError | None = None
        while True:
            try:
                await self.dispatch({"type": "websocket.disconnect", "code": code})
            except StopConsumer:
                pass
            except asyncio.CancelledError as cancelled:
                cancellation = cancelled
                if not self._is_disconnect_begun:
                    continue  # it came on the way to the handler, which it must not skip
            except Exception:
                # What ended the connection is raised to the server; this came on top of it.
                logger.exception("%s failed in its disconnect().", type(self).__name__)
            break
        if cancellation is not None:
            raise cancellation

    def _is_send_in_vain(self) -> bool:
        """Return True, and count it, if the WebSocket is closed already.

        Raises:
            WebsocketClosed: it is, and the consumer is strict about it.
        """
        if self._is_closed:
            self.sends_after_close += 1
            if self.strict_close:
                raise WebsocketClosed(type(self).__name__)
            logger.debug("%s sent after the close; nothing was sent.", type(self).__name__)
        return self._is_closed

    def _forgiving(self, send: Send) -> Send:
        async def send_unless_gone(event: Event) -> None:
            try:
                await send(event)
            except Exception as error:  # of the server: raised again unless the client has gone
                self._leave_to_its_end(error)

        return send_unless_gone

    def _leave_to_its_end(self, error: Exception) -> None:
        """Count a send in vain if `error` says that the client has just gone; else raise it.

        Its disconnect event is on its way then, and nobody has done anything wrong.

        Source: ASGI specification, "Disconnected Client": a server raises an OSError; Daphne lets
        through what its WebSocket library raises.
        """
        if not _is_of_a_client_gone(error):
            raise error
        self._is_closed = True
        self._is_send_in_vain()

    def _denial(
        self, status: int, headers: Iterable[tuple[bytes, bytes]] | None, body: bytes
    ) -> Sequence[Event] | None:
        """Return the events of a response that refuses, or None if the server takes none."""
        if not can_deny(self.scope):
            return None
        return response(status, headers or (), body, prefix=DENIAL)

    def _connect_arguments(self, message: Event) -> tuple[Event, ...]:
        connect = getattr(type(self), "connect")  # noqa: B009 - each kind defines its own
        return (message,) if _takes_event(connect) else ()

    def _require_group_layer(self) -> Any:
        layer = self.channel_layer
        if hasattr(layer, "group_add") and hasattr(layer, "group_discard"):
            return layer
        raise InvalidChannelLayerError(
            f"{type(self).__name__}.groups names groups, but BACKEND is unconfigured or doesn't"
            f" support groups: the channel layer {self.channel_layer_alias!r} is {layer!r}. Set"
            " CHANNEL_LAYERS, or leave `groups` empty."
        )


def accept_event(subprotocol: str | None, headers: Any) -> Event:
    """Return the event that accepts a WebSocket.

    Source: ASGI specification, "WebSocket", "Accept - send event"
    """
    event: Event = {"type": "websocket.accept", "subprotocol": subprotocol}
    if headers:
        event["headers"] = list(headers)
    return event


def send_event(text_data: str | None, bytes_data: bytes | None) -> Event:
    """Return the event that sends a frame.

    Raises:
        ValueError: neither text nor bytes were given.
    """
    if text_data is not None:
        return {"type": "websocket.send", "text": text_data}
    if bytes_data is not None:
        return {"type": "websocket.send", "bytes": bytes_data}
    raise ValueError("You must pass one of bytes_data or text_data")


def close_event(code: int | bool | None, reason: str | None) -> Event:
    """Return the event that closes a WebSocket; True or None mean the server's usual code."""
    event: Event = {"type": "websocket.close"}
    if code is not None and code is not True:
        event["code"] = code
    if reason:
        event["reason"] = reason
    return event


def _close_code_after(error: BaseException | None) -> int:
    if error is None:
        return ABNORMAL_CLOSURE
    return SERVICE_RESTART if isinstance(error, asyncio.CancelledError) else INTERNAL_ERROR


@cache
def _takes_event(connect: Callable[..., Any]) -> bool:
    parameters = list(inspect.signature(connect).parameters.values())[1:]
    return any(
        one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        for one in parameters
    )


def _is_of_a_client_gone(error: Exception) -> bool:
    kind = type(error)
    if isinstance(error, OSError):  # of a server's own class, not that of a file that is missing
        return isinstance(error, ConnectionError) or kind.__module__ != "builtins"
    return kind.__name__ == "Disconnected" and kind.__module__ == "autobahn.exception"
