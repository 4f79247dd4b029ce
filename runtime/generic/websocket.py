"""Consumers for WebSockets: text, binary and JSON, synchronous and asynchronous.

Owns the translation between ASGI's WebSocket events and `connect()`, `receive()`
and `disconnect()`. What both kinds share is in `runtime.generic.lifecycle`.

Source: ASGI specification, "WebSocket"
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn

from asgiref.sync import async_to_sync

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.exceptions import AcceptConnection, DenyConnection, MalformedEvent, StopConsumer
from runtime.generic.lifecycle import (
    WebsocketLifecycle,
    accept_event,
    close_event,
    send_event,
)
from runtime.typing import Event

Headers = Iterable[tuple[bytes, bytes]]
"""The headers of an acceptance or a refusal."""


class WebsocketConsumer(WebsocketLifecycle, SyncConsumer):
    """A WebSocket consumer with plain functions, which may block.

    Override `connect`, `receive` and `disconnect`. Each method of the name of a layer
    message's type (`chat.message`: `chat_message`) handles such messages.
    """

    def websocket_connect(self, message: Event) -> None:
        """Join the groups and ask `connect()`."""
        for group in self.groups or ():
            async_to_sync(self._require_group_layer().group_add)(group, self.channel_name)
        try:
            self.connect(*self._connect_arguments(message))
        except AcceptConnection:
            self.accept()
        except DenyConnection:
            self.close()

    def connect(self) -> None:
        """Decide about the connection: `accept()` it, or `close()` it to refuse."""
        self.accept()

    def accept(self, subprotocol: str | None = None, headers: Headers | None = None) -> None:
        """Accept the WebSocket.

        Args:
            subprotocol: the one of the client's that is spoken, if any.
            headers: sent with the handshake, as pairs of bytes.
        """
        super().send(accept_event(subprotocol, headers))

    def websocket_receive(self, message: Event) -> None:
        """Hand a frame to `receive()`."""
        if message.get("text") is not None:
            self.receive(text_data=message["text"])
        elif message.get("bytes") is not None:
            self.receive(bytes_data=message["bytes"])
        else:
            raise MalformedEvent(message, "'text' or 'bytes' in a received frame")

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Handle a frame: exactly one of the arguments is given."""

    def send(  # type: ignore[override]  # of a frame, not of an event
        self,
        text_data: str | None = None,
        bytes_data: bytes | None = None,
        close: bool | int = False,
    ) -> None:
        """Send a frame, and close after it if asked to; nothing happens after the close.

        Args:
            close: True, or the close code.

        Raises:
            ValueError: neither text nor bytes were given.
        """
        event = send_event(text_data, bytes_data)
        if self._is_send_in_vain():
            return
        super().send(event)
        if close:
            self.close(close)

    def close(self, code: int | bool | None = None, reason: str | None = None) -> None:
        """Close the WebSocket; before it is accepted, refuse it with HTTP 403.

        Args:
            code: 1000 and 3000 to 4999 are an application's to use.
            reason: up to 123 bytes that the client is told.
        """
        if self._is_send_in_vain():
            return
        self._is_closed = True
        super().send(close_event(code, reason))

    def deny(self, status: int = 403, headers: Headers | None = None, body: bytes = b"") -> None:
        """Refuse the WebSocket with a response; by `close()` if the server has no way to send one.

        Args:
            status: of HTTP.
            headers: as pairs of bytes.
            body: the whole body.
        """
        events = self._denial(status, headers, body)
        if events is None:
            self.close()
        elif not self._is_send_in_vain():
            self._is_closed = True
            for event in events:
                super().send(event)

    def websocket_disconnect(self, message: Event) -> NoReturn:
        """Leave the groups, call `disconnect()`, and end."""
        try:
            for group in self.groups or ():
                async_to_sync(self._require_group_layer().group_discard)(group, self.channel_name)
        finally:
            self.disconnect(message.get("code"))
        raise StopConsumer

    def disconnect(self, code: int | None) -> None:
        """Say goodbye: runs exactly once, whatever ended the connection.

        Args:
            code: the close code: 1006 if there was none, 1011 after an error of ours,
                1012 if the server goes down.
        """


class JsonWebsocketConsumer(WebsocketConsumer):
    """A WebSocket consumer that speaks JSON, with plain functions.

    Override `receive_json`, and `encode_json` or `decode_json` for another encoding.
    """

    def receive(
        self,
        text_data: str | None = None,
        bytes_data: bytes | None = None,
        **kwargs: Any,
    ) -> None:
        """Decode a frame and hand it to `receive_json()`.

        Raises:
            ValueError: the frame is binary, or not JSON.
        """
        if not text_data:
            raise ValueError("No text section for incoming WebSocket frame!")
        self.receive_json(self.decode_json(text_data), **kwargs)

    def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Handle a decoded frame."""

    def send_json(self, content: Any, close: bool | int = False) -> None:
        """Encode `content` and send it as a text frame."""
        super().send(text_data=self.encode_json(content), close=close)

    @classmethod
    def decode_json(cls, text_data: str) -> Any:
        """Return what a text frame says."""
        return json.loads(text_data)

    @classmethod
    def encode_json(cls, content: Any) -> str:
        """Return `content` as the text of a frame."""
        return json.dumps(content)


class AsyncWebsocketConsumer(WebsocketLifecycle):
    """A WebSocket consumer with coroutines.

    Override `connect`, `receive` and `disconnect`. Each method of the name of a layer
    message's type (`chat.message`: `chat_message`) handles such messages.
    """

    _sends_directly: ClassVar[bool] = True
    """Whether no other class has a `send()` between: each frame costs a coroutine less then."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._sends_directly = super().send is AsyncConsumer.send

    async def websocket_connect(self, message: Event) -> None:
        """Join the groups and ask `connect()`."""
        for group in self.groups or ():
            await self._require_group_layer().group_add(group, self.channel_name)
        try:
            await self.connect(*self._connect_arguments(message))
        except AcceptConnection:
            await self.accept()
        except DenyConnection:
            await self.close()

    async def connect(self) -> None:
        """Decide about the connection: `accept()` it, or `close()` it to refuse."""
        await self.accept()

    async def accept(self, subprotocol: str | None = None, headers: Headers | None = None) -> None:
        """Accept the WebSocket.

        Args:
            subprotocol: the one of the client's that is spoken, if any.
            headers: sent with the handshake, as pairs of bytes.
        """
        await super().send(accept_event(subprotocol, headers))

    async def websocket_receive(self, message: Event) -> None:
        """Hand a frame to `receive()`."""
        if message.get("text") is not None:
            await self.receive(text_data=message["text"])
        elif message.get("bytes") is not None:
            await self.receive(bytes_data=message["bytes"])
        else:
            raise MalformedEvent(message, "'text' or 'bytes' in a received frame")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Handle a frame: exactly one of the arguments is given."""

    async def send(  # type: ignore[override]  # of a frame, not of an event
        self,
        text_data: str | None = None,
        bytes_data: bytes | None = None,
        close: bool | int = False,
    ) -> None:
        """Send a frame, and close after it if asked to; nothing happens after the close.

        Args:
            close: True, or the close code.

        Raises:
            ValueError: neither text nor bytes were given.
        """
        event = send_event(text_data, bytes_data)
        if self._is_closed and self._is_send_in_vain():
            return
        try:
            await (self.base_send(event) if self._sends_directly else super().send(event))
        except Exception as error:  # of the server: raised again unless the client has gone
            self._leave_to_its_end(error)
            return
        if close:
            await self.close(close)

    async def close(self, code: int | bool | None = None, reason: str | None = None) -> None:
        """Close the WebSocket; before it is accepted, refuse it with HTTP 403.

        Args:
            code: 1000 and 3000 to 4999 are an application's to use.
            reason: up to 123 bytes that the client is told.
        """
        if self._is_send_in_vain():
            return
        self._is_closed = True
        await super().send(close_event(code, reason))

    async def deny(
        self, status: int = 403, headers: Headers | None = None, body: bytes = b""
    ) -> None:
        """Refuse the WebSocket with a response; by `close()` if the server has no way to send one.

        Args:
            status: of HTTP.
            headers: as pairs of bytes.
            body: the whole body.
        """
        events = self._denial(status, headers, body)
        if events is None:
            await self.close()
        elif not self._is_send_in_vain():
            self._is_closed = True
            for event in events:
                await super().send(event)

    async def websocket_disconnect(self, message: Event) -> NoReturn:
        """Leave the groups, call `disconnect()`, and end."""
        try:
            for group in self.groups or ():
                await self._require_group_layer().group_discard(group, self.channel_name)
        finally:
            await self.disconnect(message.get("code"))
        raise StopConsumer

    async def disconnect(self, code: int | None) -> None:
        """Say goodbye: runs exactly once, whatever ended the connection.

        Args:
            code: the close code: 1006 if there was none, 1011 after an error of ours,
                1012 if the server goes down.
        """


class AsyncJsonWebsocketConsumer(AsyncWebsocketConsumer):
    """A WebSocket consumer that speaks JSON, with coroutines.

    Override `receive_json`, and `encode_json` or `decode_json` for another encoding.
    """

    async def receive(
        self,
        text_data: str | None = None,
        bytes_data: bytes | None = None,
        **kwargs: Any,
    ) -> None:
        """Decode a frame and hand it to `receive_json()`.

        Raises:
            ValueError: the frame is binary, or not JSON.
        """
        if not text_data:
            raise ValueError("No text section for incoming WebSocket frame!")
        await self.receive_json(await self.decode_json(text_data), **kwargs)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Handle a decoded frame."""

    async def send_json(self, content: Any, close: bool | int = False) -> None:
        """Encode `content` and send it as a text frame."""
        await super().send(text_data=await self.encode_json(content), close=close)

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        """Return what a text frame says."""
        return json.loads(text_data)

    @classmethod
    async def encode_json(cls, content: Any) -> str:
        """Return `content` as the text of a frame."""
        return json.dumps(content)
