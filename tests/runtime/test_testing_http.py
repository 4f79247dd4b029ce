from __future__ import annotations

from typing import Any

import pytest

from runtime.testing import HttpCommunicator
from runtime.typing import Receive, Scope, Send


async def describe(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in two parts with what came."""
    request = await receive()
    target = f"{scope['method']} {scope['path']} {scope['query_string'].decode()}"
    headers = [(b"x-target", target.encode()), *scope["headers"]]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b"you said ", "more_body": True})
    await send({"type": "http.response.body", "body": request["body"]})


async def test_a_request_gets_its_whole_response() -> None:
    communicator = HttpCommunicator(
        describe, "post", "/caf%C3%A9/?a=%20b", body=b"hello", headers=[(b"host", b"testserver")]
    )
    response = await communicator.get_response()
    assert response == {
        "status": 201,
        "headers": [(b"x-target", "POST /café/ a=%20b".encode()), (b"host", b"testserver")],
        "body": b"you said hello",
    }
    assert await communicator.get_response() is response


async def test_a_response_without_headers_or_body_is_one_too() -> None:
    async def terse(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    response = await HttpCommunicator(terse, "GET", "/").get_response()
    assert response == {"status": 204, "headers": [], "body": b""}


async def test_the_error_of_the_application_reaches_the_test() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError("nothing here")

    with pytest.raises(LookupError, match="nothing here"):
        await HttpCommunicator(failing, "GET", "/").get_response()


async def test_something_that_is_no_response_is_refused() -> None:
    async def confused(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    with pytest.raises(AssertionError, match=r"http\.response\.start"):
        await HttpCommunicator(confused, "GET", "/").get_response()


@pytest.mark.parametrize(("path", "body"), [(b"/", b""), ("/", "text")])
def test_wrong_types_are_refused_at_once(path: Any, body: Any) -> None:
    with pytest.raises(TypeError):
        HttpCommunicator(describe, "GET", path, body=body)
