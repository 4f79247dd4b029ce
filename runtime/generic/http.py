"""A consumer for HTTP requests that outlive a view: long polling, streaming, server-sent events.

Owns the translation between ASGI's HTTP events and `handle()`.

Source: ASGI specification, "HTTP"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runtime.consumer import AsyncConsumer
from runtime.exceptions import ArgumentError, ConnectionEnding, MalformedEvent, StopConsumer
from runtime.refusals import response, text_response, unavailable
from runtime.revalidation import SIGNED_OUT
from runtime.typing import Event

Headers = (
    Iterable[tuple[bytes | str, bytes | str]]
    | Mapping[bytes, bytes]
    | Mapping[str, str]
    | Mapping[str, bytes]
)
"""The headers of a response: pairs, or a mapping."""


class AsyncHttpConsumer(AsyncConsumer):
    """Serves one HTTP request, with coroutines.

    Override `handle()`. It may return before it has answered: the request then stays
    open, and handlers of layer messages answer it later.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.body: list[bytes] = []
        self._is_request_begun = False
        self._is_response_begun = False
        self._is_response_complete = False

    async def dispatch(self, message: Event) -> None:
        """Call the handler of `message`; the consumer ends when its response is complete."""
        await super().dispatch(message)
        if self._is_response_complete:
            raise StopConsumer

    async def http_request(self, message: Event) -> None:
        """Collect the body; when it is complete, call `handle()`."""
        self._is_request_begun = True
        body = message.get("body", b"")
        if not isinstance(body, bytes):
            raise MalformedEvent(message, "bytes as the 'body' of a request")
        self.body.append(body)
        if not message.get("more_body"):
            await self.handle(b"".join(self.body))

    async def handle(self, body: bytes) -> None:
        """Answer the request, now or later.

        Args:
            body: the whole body of the request.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement handle()")

    async def send_headers(self, *, status: int = 200, headers: Headers | None = None) -> None:
        """Send the status and the headers; once, and before any body.

        Args:
            headers: pairs, or a mapping, of bytes or str.
        """
        self._is_response_begun = True
        pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(_as_bytes(name), _as_bytes(value)) for name, value in pairs],
            }
        )

    async def send_body(self, body: bytes, *, more_body: bool = False) -> None:
        """Send a part of the body; the last one ends the response.

        Raises:
            TypeError: `body` is not bytes.
        """
        if not isinstance(body, bytes):
            raise ArgumentError(f"A body is bytes, not {type(body).__name__}: encode it.")
        self._is_response_complete = not more_body
        await self.send({"type": "http.response.body", "body": body, "more_body": more_body})

    async def send_response(self, status: int, body: bytes, **kwargs: Any) -> None:
        """Send a whole response.

        Args:
            kwargs: passed to `send_headers()`.
        """
        await self.send_headers(status=status, **kwargs)
        await self.send_body(body)

    async def http_disconnect(self, message: Event) -> None:
        """End: the client has gone."""
        raise StopConsumer

    async def disconnect(self) -> None:
        """Say goodbye: runs once, whatever ended the request."""

    async def _end(self, error: BaseException | None) -> None:
        ending = self._ending_after(error)
        try:
            if ending is not None and not self._is_response_complete:
                await self._send_last(*self._last_events(ending))
        finally:
            try:
                if self._is_request_begun:
                    await self.disconnect()
            finally:
                await super()._end(error)

    def _last_events(self, ending: ConnectionEnding) -> Sequence[Event]:
        if self._is_response_begun:
            return ({"type": "http.response.body", "body": b""},)
        is_signed_out = ending.code == SIGNED_OUT
        return response(*(text_response(401, b"Unauthorized") if is_signed_out else unavailable()))


def _as_bytes(value: bytes | str) -> bytes:
    return value.encode("latin-1") if isinstance(value, str) else value
