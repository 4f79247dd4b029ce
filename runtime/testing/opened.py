"""The communicators that one test has open on the project's application, closed when it ends.

Owns which application they lead to (ASGI_APPLICATION), that a WebSocket connects when it
is first used, and the end of all of them. Called by the fixtures of
`runtime.testing.plugin`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.testing.application import ApplicationCommunicator
from runtime.testing.http import Headers
from runtime.testing.websocket import WebsocketCommunicator
from runtime.typing import ASGIApplication, Scope


class ConnectingCommunicator(WebsocketCommunicator):
    """A WebSocket that connects when a test first sends or receives, unless it has before."""

    _is_connect_asked = False

    async def connect(self, timeout: float = 1) -> tuple[bool, str | int | None]:
        """Open the WebSocket; see `WebsocketCommunicator.connect`."""
        self._is_connect_asked = True
        return await super().connect(timeout)

    async def send_to(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send a frame; see `WebsocketCommunicator.send_to`.

        Raises:
            AssertionError: the application refused the WebSocket.
        """
        await self._ensure_connected()
        await super().send_to(text_data, bytes_data)

    async def receive_from(self, timeout: float = 1) -> str | bytes:
        """Return what the next frame carries; see `WebsocketCommunicator.receive_from`.

        Raises:
            AssertionError: the application refused the WebSocket, or sent no frame.
        """
        await self._ensure_connected()
        return await super().receive_from(timeout)

    async def _ensure_connected(self) -> None:
        if self._is_connect_asked:
            return
        is_accepted, answer = await self.connect()
        if not is_accepted:
            raise AssertionError(
                f"The application refused the WebSocket {self.scope['path']!r} with code {answer}."
                " To test a refusal, call connect() and look at what it returns."
            )


class OpenedCommunicators:
    """Makes communicators for one test, and closes them."""

    def __init__(self) -> None:
        self._opened: list[ApplicationCommunicator] = []

    def websocket(
        self,
        path: str,
        headers: Headers | None = None,
        *,
        application: ASGIApplication | None = None,
        **kwargs: Any,
    ) -> ConnectingCommunicator:
        """Return a WebSocket to the project's application.

        Args:
            path: with the query string, if there is one.
            headers: as pairs of bytes, with names in lower case.
            application: another one than the project's.
            kwargs: passed to `WebsocketCommunicator`.
        """
        application = application or _default_application()
        communicator = ConnectingCommunicator(application, path, headers, **kwargs)
        self._opened.append(communicator)
        return communicator

    def application(
        self, scope: Scope, *, application: ASGIApplication | None = None
    ) -> ApplicationCommunicator:
        """Return a communicator for a scope of any protocol.

        Args:
            scope: what the application is called with.
            application: another one than the project's.
        """
        communicator = ApplicationCommunicator(application or _default_application(), scope)
        self._opened.append(communicator)
        return communicator

    async def close(self) -> None:
        """End what is open, last opened first.

        Raises:
            BaseException: what an application has ended with and no call has raised.
        """
        errors = []
        while self._opened:
            try:
                await _close(self._opened.pop())
            except Exception as error:
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup("Several applications failed.", errors)


async def _close(communicator: ApplicationCommunicator) -> None:
    task = communicator._future  # not `future`, which would start it
    if task is None or task.get_loop() is asyncio.get_running_loop():
        await communicator.__aexit__(None, None, None)
    elif not task.get_loop().is_closed():
        # The test ran on a loop of a longer life, which is at rest now.
        task.cancel()


def _default_application() -> ASGIApplication:
    # Not at the top: pytest loads this with its plugins, in projects without Django too.
    from runtime.routing import get_default_application

    return get_default_application()
