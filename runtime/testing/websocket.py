"""A test's side of one WebSocket."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

from runtime.exceptions import ArgumentError
from runtime.refusals import DENIAL
from runtime.testing.application import ApplicationCommunicator
from runtime.testing.http import Headers, expect_type, split_target
from runtime.typing import ASGIApplication, Event

logger = logging.getLogger("runtime.testing")

GOODBYE_S = 1
"""How long a block's end lets the application handle its disconnect."""


class WebsocketCommunicator(ApplicationCommunicator):
    """Opens a WebSocket to an application, sends frames to it and receives its own.

    As an asynchronous context manager it disconnects when the block ends; it does not
    connect, because a test wants to see the answer::

        async with WebsocketCommunicator(application, "/ws/chat/den/") as communicator:
            connected, subprotocol = await communicator.connect()

    Args:
        application: an ASGI application.
        path: with the query string, if there is one.
        headers: as pairs of bytes, with names in lower case.
        subprotocols: that the client offers, most wanted first.
        spec_version: of the ASGI specification that the server claims to speak.

    Attributes:
        response_headers: those that the application accepted or refused with.
        response_body: what it refused with, if that was a response.

    Raises:
        TypeError: the path is not a string.
    """

    response_headers: Headers
    response_body: bytes

    def __init__(
        self,
        application: ASGIApplication,
        path: str,
        headers: Headers | None = None,
        subprotocols: Sequence[str] | None = None,
        spec_version: str | None = None,
    ) -> None:
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": spec_version or "2.3"},
            "http_version": "1.1",
            "headers": list(headers or ()),
            "subprotocols": list(subprotocols or ()),
            **split_target(path),
        }
        if spec_version:
            # Where Channels puts it; the specification's place is above.
            scope["spec_version"] = spec_version
        super().__init__(application, scope)
        self.response_headers = []
        self.response_body = b""

    async def connect(self, timeout: float = 1) -> tuple[bool, str | int | None]:
        """Open the WebSocket.

        Args:
            timeout: seconds.

        Returns:
            (True, the subprotocol or None), or (False, the close code) if it was refused, or
            (False, the status) if it was refused with a response. An application answers with
            one if the scope offers the extension::

                communicator.scope["extensions"] = {"websocket.http.response": {}}

        Raises:
            TimeoutError: no answer came in time.
            AssertionError: the application sent something that is no answer.
            BaseException: what the application has ended with.
        """
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        if answer["type"] == "websocket.close":
            return False, answer.get("code", 1000)
        if answer["type"] == f"{DENIAL}.start":
            return False, await self._receive_denial(answer, timeout)
        expect_type(answer, "websocket.accept")
        self.response_headers = answer.get("headers", [])
        return True, answer.get("subprotocol")

    async def send_to(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send a frame, of text or of bytes; either may be empty.

        Raises:
            ArgumentError: not exactly one of them was given, or one of the wrong type.
            BaseException: what the application has ended with.
        """
        await self.send_input(_frame(text_data, bytes_data))

    async def send_json_to(self, data: Any) -> None:
        """Send `data` as JSON in a text frame."""
        await self.send_to(text_data=json.dumps(data))

    async def receive_from(self, timeout: float = 1) -> str | bytes:
        """Return what the next frame carries.

        Args:
            timeout: seconds.

        Raises:
            TimeoutError: none came in time.
            AssertionError: the application sent something that is no frame, such as a close.
            BaseException: what the application has ended with.
        """
        event = expect_type(await self.receive_output(timeout), "websocket.send")
        text, data = event.get("text"), event.get("bytes")
        if isinstance(text, str) and data is None:
            return text
        if isinstance(data, bytes) and text is None:
            return data
        raise AssertionError(f"Expected a frame of either text or bytes, got {event!r:.500}")

    async def receive_json_from(self, timeout: float = 1) -> Any:
        """Return what the next frame says, which is JSON.

        Args:
            timeout: seconds.

        Raises:
            TimeoutError: none came in time.
            AssertionError: the application sent no text frame.
            ValueError: it is not JSON.
        """
        payload = await self.receive_from(timeout)
        if not isinstance(payload, str):
            raise AssertionError(f"Expected JSON in a text frame, got bytes: {payload!r:.500}")
        return json.loads(payload)

    async def disconnect(
        self, code: int = 1000, timeout: float = 1, *, reason: str | None = None
    ) -> None:
        """Go away as a client does, and return when the application has ended.

        Args:
            code: the close code.
            timeout: seconds, after which the application is cancelled: nobody is left to serve.
            reason: why, if the client says so.

        Raises:
            BaseException: what the application has ended with.
        """
        await self.send_input(_disconnect_event(code, reason))
        await asyncio.wait({self.future}, timeout=timeout)
        if not self.future.done():
            logger.warning("The application outlived its client by %s s and is cancelled.", timeout)
            await super()._finish(self.future)
        self._raise_error()

    async def _receive_denial(self, start: Event, timeout: float) -> int:
        self.response_headers = start.get("headers", [])
        has_more = True
        while has_more:
            part = expect_type(await self.receive_output(timeout), f"{DENIAL}.body")
            self.response_body += part.get("body", b"")
            has_more = part.get("more_body", False)
        return int(start["status"])

    async def _finish(self, future: asyncio.Task[None]) -> None:
        if not future.done():
            self.input_queue.put_nowait(_disconnect_event(1000, None))
            await asyncio.wait({future}, timeout=GOODBYE_S)
        await super()._finish(future)


def _frame(text_data: str | None, bytes_data: bytes | None) -> Event:
    if (text_data is None) == (bytes_data is None):
        raise ArgumentError("You must supply exactly one of text_data or bytes_data.")
    if text_data is not None:
        if not isinstance(text_data, str):
            raise ArgumentError(f"text_data must be a string, got {text_data!r:.200}.")
        return {"type": "websocket.receive", "text": text_data}
    if not isinstance(bytes_data, bytes):
        raise ArgumentError(f"bytes_data must be bytes, got {bytes_data!r:.200}.")
    return {"type": "websocket.receive", "bytes": bytes_data}


def _disconnect_event(code: int, reason: str | None) -> Event:
    event: Event = {"type": "websocket.disconnect", "code": code}
    return event if reason is None else {**event, "reason": reason}
