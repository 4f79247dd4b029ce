from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

import pytest
from django.urls import path

from runtime.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from runtime.routing import URLRouter
from runtime.testing import WebsocketCommunicator
from runtime.typing import Receive, Scope, Send


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data=text_data, bytes_data=bytes_data)


class SyncEcho(WebsocketConsumer):
    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.send(text_data=text_data, bytes_data=bytes_data)


class Chat(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.channel_layer.group_send(self.room, {"type": "chat.message", **content})

    async def chat_message(self, message: dict[str, Any]) -> None:
        await self.send_json({"text": message["text"]})

    async def disconnect(self, code: int | None) -> None:
        await self.channel_layer.group_send(self.room, {"type": "chat.message", "text": "bye"})


class Leaving(AsyncWebsocketConsumer):
    """Notes how it was left."""

    codes: list[int | None]

    async def disconnect(self, code: int | None) -> None:
        self.codes.append(code)


chat = URLRouter([path("ws/chat/<str:room>/", Chat.as_asgi())])


@pytest.mark.parametrize("consumer", [Echo, SyncEcho])
async def test_frames_of_every_kind_come_back(consumer: Any) -> None:
    communicator = WebsocketCommunicator(consumer.as_asgi(), "/ws/")
    assert await communicator.connect() == (True, None)
    await communicator.send_to(text_data="hello")
    assert await communicator.receive_from() == "hello"
    await communicator.send_to(bytes_data=b"w\0\0\0")
    assert await communicator.receive_from() == b"w\0\0\0"
    await communicator.send_json_to({"hello": ["world"]})
    assert await communicator.receive_json_from() == {"hello": ["world"]}
    await communicator.disconnect()


@pytest.mark.parametrize("frame", [{"text_data": ""}, {"bytes_data": b""}])
async def test_an_empty_frame_is_a_frame(frame: dict[str, Any]) -> None:
    async with WebsocketCommunicator(Echo.as_asgi(), "/ws/") as communicator:
        await communicator.connect()
        await communicator.send_to(**frame)
        assert await communicator.receive_from() == next(iter(frame.values()))


@pytest.mark.parametrize(
    "frame",
    [{}, {"text_data": "a", "bytes_data": b"a"}, {"text_data": b"a"}, {"bytes_data": "a"}],
)
async def test_a_frame_is_either_text_or_bytes(frame: dict[str, Any]) -> None:
    async with WebsocketCommunicator(Echo.as_asgi(), "/ws/") as communicator:
        await communicator.connect()
        with pytest.raises(TypeError):
            await communicator.send_to(**frame)


async def test_two_people_in_a_room_hear_each_other_and_a_third_elsewhere_does_not() -> None:
    async with (
        WebsocketCommunicator(chat, "/ws/chat/den/") as ada,
        WebsocketCommunicator(chat, "/ws/chat/den/") as bob,
        WebsocketCommunicator(chat, "/ws/chat/attic/") as eve,
    ):
        for one in (ada, bob, eve):
            assert await one.connect() == (True, None)
        await ada.send_json_to({"text": "ahoy"})
        assert await ada.receive_json_from() == {"text": "ahoy"}
        assert await bob.receive_json_from() == {"text": "ahoy"}
        await bob.disconnect()
        assert await ada.receive_json_from() == {"text": "bye"}
        assert await eve.receive_nothing(timeout=0)


async def test_the_scope_holds_path_and_query_string_as_a_server_gives_them() -> None:
    target = "/%E9%A6%96/index.php?foo=%E9%A6%96&spam=eggs"
    communicator = WebsocketCommunicator(Echo.as_asgi(), target, subprotocols=["a", "b"])
    assert communicator.scope["type"] == "websocket"
    assert communicator.scope["path"] == unquote("/%E9%A6%96/index.php")
    assert communicator.scope["raw_path"] == b"/%E9%A6%96/index.php"
    assert communicator.scope["query_string"] == b"foo=%E9%A6%96&spam=eggs"
    assert communicator.scope["subprotocols"] == ["a", "b"]
    assert communicator.scope["headers"] == []


@pytest.mark.parametrize(
    "target",
    [
        "user:pass@example.com:8080/p/a/t/h?query=string#hash",
        "wss://user:pass@example.com:8080/p/a/t/h?query=string#hash",
    ],
)
async def test_a_whole_address_is_taken_apart(target: str) -> None:
    async with WebsocketCommunicator(Echo.as_asgi(), target) as communicator:
        assert await communicator.connect() == (True, None)
        assert communicator.scope["path"].endswith("/p/a/t/h")
        assert communicator.scope["query_string"] == b"query=string"


async def test_the_test_may_change_the_scope_before_it_connects() -> None:
    class WhoAmI(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept(subprotocol=self.scope["user"])

    async with WebsocketCommunicator(WhoAmI.as_asgi(), "/ws/") as communicator:
        communicator.scope["user"] = "ada"
        assert await communicator.connect() == (True, "ada")


def test_a_path_of_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="path must be a string"):
        WebsocketCommunicator(Echo.as_asgi(), b"/ws/")  # type: ignore[arg-type]


async def test_the_headers_of_the_acceptance_are_kept() -> None:
    class WithHeaders(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept(headers=[(b"x-room", b"den")])

    async with WebsocketCommunicator(
        WithHeaders.as_asgi(), "/ws/", spec_version="2.1"
    ) as communicator:
        await communicator.connect()
        assert communicator.response_headers == [(b"x-room", b"den")]
        assert communicator.scope["asgi"]["spec_version"] == "2.1"
        assert communicator.scope["spec_version"] == "2.1"


@pytest.mark.parametrize(("given", "expected"), [(None, 1000), (4003, 4003)])
async def test_a_refusal_tells_its_code(given: int | None, expected: int) -> None:
    class Refusing(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.close(code=given)

    communicator = WebsocketCommunicator(Refusing.as_asgi(), "/ws/")
    assert await communicator.connect() == (False, expected)
    await communicator.disconnect()


async def test_an_error_in_connect_is_raised_by_connect() -> None:
    class Broken(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            raise LookupError("no such room")

    with pytest.raises(LookupError, match="no such room"):
        await WebsocketCommunicator(Broken.as_asgi(), "/ws/").connect()


async def test_a_timeout_leaves_the_connection_open() -> None:
    async with WebsocketCommunicator(Echo.as_asgi(), "/ws/") as communicator:
        await communicator.connect()
        with pytest.raises(asyncio.TimeoutError):
            await communicator.receive_from(timeout=0)
        await communicator.send_to(text_data="still there")
        assert await communicator.receive_from() == "still there"


async def test_a_close_where_a_frame_is_expected_fails_the_test() -> None:
    class Closing(AsyncWebsocketConsumer):
        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.close(code=4000)

    async with WebsocketCommunicator(Closing.as_asgi(), "/ws/") as communicator:
        await communicator.connect()
        await communicator.send_to(text_data="go")
        with pytest.raises(AssertionError, match=r"websocket\.close"):
            await communicator.receive_from()


async def test_json_is_expected_in_a_text_frame() -> None:
    async with WebsocketCommunicator(Echo.as_asgi(), "/ws/") as communicator:
        await communicator.connect()
        await communicator.send_to(bytes_data=b"{}")
        with pytest.raises(AssertionError, match="text frame"):
            await communicator.receive_json_from()


async def test_disconnect_tells_the_code_and_the_reason() -> None:
    seen: list[Any] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(await receive())

    await WebsocketCommunicator(note, "/").disconnect(code=4001, reason="bored")
    await WebsocketCommunicator(note, "/").disconnect()
    assert seen == [
        {"type": "websocket.disconnect", "code": 4001, "reason": "bored"},
        {"type": "websocket.disconnect", "code": 1000},
    ]


async def test_an_application_that_outlives_its_client_is_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended: list[BaseException] = []

    async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as cancelled:
            ended.append(cancelled)
            raise

    await WebsocketCommunicator(stubborn, "/").disconnect(timeout=0.01)
    assert len(ended) == 1
    assert "outlived its client by 0.01 s" in caplog.text


async def test_leaving_the_block_says_goodbye_once() -> None:
    class Noting(Leaving):
        codes: list[int | None] = []  # noqa: RUF012 - the one of this test

    async with WebsocketCommunicator(Noting.as_asgi(), "/ws/") as communicator:
        await communicator.connect()
    async with WebsocketCommunicator(Noting.as_asgi(), "/ws/") as communicator:
        await communicator.connect()
        await communicator.disconnect(code=4002)
    assert Noting.codes == [1000, 4002]
