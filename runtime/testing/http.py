"""A test's side of one HTTP request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from runtime.exceptions import ArgumentError
from runtime.testing.application import ApplicationCommunicator
from runtime.typing import ASGIApplication, Event

Headers = Sequence[tuple[bytes, bytes]]
"""The headers of a request, with their names in lower case."""


class HttpCommunicator(ApplicationCommunicator):
    """Sends one request to an application and receives its response.

    Args:
        application: an ASGI application.
        method: such as "GET".
        path: with the query string, if there is one.
        body: of the request, whole.
        headers: as pairs of bytes, with names in lower case.

    Raises:
        TypeError: the path is not a string, or the body not bytes.
    """

    def __init__(
        self,
        application: ASGIApplication,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Headers | None = None,
    ) -> None:
        if not isinstance(body, bytes):
            raise ArgumentError(f"body must be bytes, got {body!r:.200}.")
        self.body = body
        self._response: dict[str, Any] | None = None
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method.upper(),
            "headers": list(headers or ()),
            **split_target(path),
        }
        super().__init__(application, scope)

    async def get_response(self, timeout: float = 1) -> dict[str, Any]:
        """Send the request and return the response; a second call returns the same.

        Args:
            timeout: seconds for each event of the response.

        Returns:
            {"status": int, "headers": pairs of bytes, "body": bytes}

        Raises:
            TimeoutError: the response is not complete in time.
            AssertionError: the application sent something that is no response.
            BaseException: what the application has ended with.
        """
        if self._response is None:
            await self.send_input({"type": "http.request", "body": self.body})
            start = await self._receive("http.response.start", timeout)
            self._response = {
                "status": start["status"],
                "headers": start.get("headers", []),
                "body": await self._receive_body(timeout),
            }
        return self._response

    async def _receive_body(self, timeout: float) -> bytes:
        chunks: list[bytes] = []
        has_more = True
        while has_more:
            event = await self._receive("http.response.body", timeout)
            chunks.append(event.get("body", b""))
            has_more = event.get("more_body", False)
        return b"".join(chunks)

    async def _receive(self, expected: str, timeout: float) -> Event:
        return expect_type(await self.receive_output(timeout), expected)


def split_target(path: str) -> dict[str, Any]:
    """Return what a scope says of a request's target: path, raw path and query string.

    Raises:
        TypeError: it is not a string.

    Source: ASGI specification, "HTTP Connection Scope"
    """
    if not isinstance(path, str):
        raise TypeError(f"path must be a string, got {path!r:.200}.")
    parsed = urlsplit(path)
    return {
        "path": unquote(parsed.path),
        "raw_path": parsed.path.encode(),
        "query_string": parsed.query.encode(),
    }


def expect_type(event: Event, expected: str) -> Event:
    """Return `event`.

    Raises:
        AssertionError: it is not of the type `expected`.
    """
    if event["type"] != expected:
        raise AssertionError(f"Expected type {expected!r}, but was {event['type']!r}: {event!r}")
    return event
