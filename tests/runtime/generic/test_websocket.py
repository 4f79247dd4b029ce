import asyncio
import json

import pytest

from runtime.consumer import AsyncConsumer
from runtime.exceptions import (
    AcceptConnection,
    DenyConnection,
    InvalidChannelLayerError,
)
from runtime.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from runtime.layers import get_channel_layer
from tests.support.playbook import websocket

pytestmark = pytest.mark.usefixtures("layer")


class AsyncEcho(AsyncWebsocketConsumer):
    groups = ("everybody",)

    def __init__(self, goodbyes=None):
        super().__init__()
        self.goodbyes = [] if goodbyes is None else goodbyes

    async def receive(self, text_data=None, bytes_data=None):
        if text_data == "fail":
            raise RuntimeError("receive failed")
        if text_data == "close":
            await self.close(4001, "asked to")
            return
        await self.send(text_data=text_data, bytes_data=bytes_data)

    async def chat_message(self, message):
        await self.send(text_data=message["text"])

    async def disconnect(self, code):
        self.goodbyes.append(code)


class SyncEcho(WebsocketConsumer):
    groups = ("everybody",)

    def __init__(self, goodbyes=None):
        super().__init__()
        self.goodbyes = [] if goodbyes is None else goodbyes

    def receive(self, text_data=None, bytes_data=None):
        if text_data == "fail":
            raise RuntimeError("receive failed")
        if text_data == "close":
            self.close(4001, "asked to")
            return
        self.send(text_data=text_data, bytes_data=bytes_data)

    def chat_message(self, message):
        self.send(text_data=message["text"])

    def disconnect(self, code):
        self.goodbyes.append(code)


echoes = pytest.mark.parametrize("echo", [AsyncEcho, SyncEcho])


@echoes
async def test_text_and_bytes_come_back(echo):
    async with websocket(echo.as_asgi()) as client:
        await client.expect("websocket.accept", subprotocol=None)
        await client.put("websocket.receive", text="hello")
        await client.expect("websocket.send", text="hello")
        await client.put("websocket.receive", bytes=b"\x00\xff")
        await client.expect("websocket.send", bytes=b"\x00\xff")
        await client.put("websocket.receive", text="")
        await client.expect("websocket.send", text="")


@echoes
async def test_the_groups_are_joined_before_connect_and_left_at_the_end(echo, layer):
    async with websocket(echo.as_asgi()) as client:
        await client.expect("websocket.accept")
        await layer.group_send("everybody", {"type": "chat.message", "text": "to all"})
        await client.expect("websocket.send", text="to all")
        await client.put("websocket.disconnect", code=1000)
        await client.end()
    assert layer.groups == {}


@echoes
async def test_a_layer_message_of_the_type_of_an_event_is_handled_as_one(echo, layer):
    async with websocket(echo.as_asgi()) as client:
        await client.expect("websocket.accept")
        await layer.group_send("everybody", {"type": "websocket.receive", "text": "from the group"})
        await client.expect("websocket.send", text="from the group")


@echoes
async def test_disconnect_runs_once_with_the_clients_code(echo):
    goodbyes = []
    async with websocket(echo.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.disconnect", code=4321)
        await client.put("websocket.disconnect", code=4321)
        await client.end()
    assert goodbyes == [4321]


@echoes
async def test_disconnect_runs_once_after_an_error(echo, layer):
    goodbyes = []
    async with websocket(echo.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="fail")
        with pytest.raises(RuntimeError, match="receive failed"):
            await client.end()
    assert goodbyes == [1011]
    assert layer.groups == {}


@echoes
async def test_disconnect_runs_once_after_a_cancellation(echo, layer):
    goodbyes = []
    async with websocket(echo.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        client.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.end()
    assert goodbyes == [1012]
    assert layer.groups == {}


@echoes
async def test_a_close_carries_code_and_reason_and_later_sends_are_counted_not_sent(echo):
    goodbyes = []
    async with websocket(echo.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="close")
        await client.expect("websocket.close", code=4001, reason="asked to")
        await client.put("websocket.receive", text="too late")
        await client.put("websocket.receive", text="close")
        await client.put("websocket.disconnect", code=4001)
        await client.end()
        assert client.is_silent
    assert goodbyes == [4001]


@pytest.mark.parametrize("base", [AsyncWebsocketConsumer, WebsocketConsumer])
@pytest.mark.parametrize(
    ("raised", "reply"),
    [(AcceptConnection, "websocket.accept"), (DenyConnection, "websocket.close")],
)
async def test_connect_can_raise_its_answer(base, raised, reply):
    if base is WebsocketConsumer:

        def connect(self):
            raise raised
    else:

        async def connect(self):
            raise raised

    consumer = type("Answering", (base,), {"connect": connect})
    async with websocket(consumer.as_asgi()) as client:
        await client.expect(reply)


async def test_accept_takes_a_subprotocol_and_headers():
    class Speaking(AsyncWebsocketConsumer):
        async def connect(self):
            await self.accept("chat.v2", headers=[(b"x-room", b"lobby")])

    async with websocket(Speaking.as_asgi(), subprotocols=["chat.v1", "chat.v2"]) as client:
        await client.expect(
            "websocket.accept", subprotocol="chat.v2", headers=[(b"x-room", b"lobby")]
        )


async def test_connect_may_ask_for_its_event():
    class Logging(WebsocketConsumer):
        def connect(self, message):
            self.accept()
            self.send(text_data=message["type"])

        def disconnect(self, message):
            pass

    async with websocket(Logging.as_asgi()) as client:
        await client.expect("websocket.accept")
        await client.expect("websocket.send", text="websocket.connect")


@pytest.mark.parametrize("base", [AsyncWebsocketConsumer, WebsocketConsumer])
async def test_a_frame_needs_text_or_bytes(base):
    if base is WebsocketConsumer:

        def connect(self):
            self.send()
    else:

        async def connect(self):
            await self.send()

    consumer = type("Empty", (base,), {"connect": connect})
    async with websocket(consumer.as_asgi()) as client:
        with pytest.raises(ValueError, match="You must pass one of bytes_data or text_data"):
            await client.end()


@echoes
async def test_groups_without_a_layer_are_an_error_that_says_what_to_do(echo, settings):
    settings.CHANNEL_LAYERS = {}
    async with websocket(echo.as_asgi()) as client:
        with pytest.raises(InvalidChannelLayerError, match="Set CHANNEL_LAYERS"):
            await client.end()


async def test_a_failing_disconnect_does_not_hide_what_ended_the_connection(caplog):
    class Failing(AsyncEcho):
        async def disconnect(self, code):
            raise ValueError("disconnect failed")

    async with websocket(Failing.as_asgi()) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="fail")
        with pytest.raises(RuntimeError, match="receive failed"):
            await client.end()
    assert "disconnect failed" in caplog.text


async def test_the_layer_of_another_alias_is_used_if_the_class_says_so(settings):
    settings.CHANNEL_LAYERS = {"other": {"BACKEND": "runtime.layers.InMemoryChannelLayer"}}

    class Other(AsyncEcho):
        channel_layer_alias = "other"

    async with websocket(Other.as_asgi()) as client:
        await client.expect("websocket.accept")
        await get_channel_layer("other").group_send(
            "everybody", {"type": "chat.message", "text": "to others"}
        )
        await client.expect("websocket.send", text="to others")


class AsyncSum(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content, **kwargs):
        await self.send_json({"sum": sum(content["numbers"])}, close=content.get("close", False))


class SyncSum(JsonWebsocketConsumer):
    def receive_json(self, content, **kwargs):
        self.send_json({"sum": sum(content["numbers"])}, close=content.get("close", False))


@pytest.mark.parametrize("consumer", [AsyncSum, SyncSum])
async def test_json_is_decoded_and_encoded(consumer):
    async with websocket(consumer.as_asgi()) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text=json.dumps({"numbers": [1, 2, 3]}))
        assert json.loads((await client.expect("websocket.send"))["text"]) == {"sum": 6}


@pytest.mark.parametrize("consumer", [AsyncSum, SyncSum])
async def test_json_can_be_sent_as_the_last_frame(consumer):
    async with websocket(consumer.as_asgi()) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text=json.dumps({"numbers": [], "close": 4000}))
        await client.expect("websocket.send")
        await client.expect("websocket.close", code=4000)


@pytest.mark.parametrize("consumer", [AsyncSum, SyncSum])
async def test_a_binary_frame_is_not_json(consumer):
    async with websocket(consumer.as_asgi()) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", bytes=b"{}")
        with pytest.raises(ValueError, match="No text section"):
            await client.end()


async def test_a_frame_passes_a_class_that_sends_events_in_its_own_way():
    class Marking(AsyncConsumer):
        async def send(self, message):
            await super().send({**message, "marked": True})

    class Echo(AsyncEcho, Marking):
        pass

    async with websocket(Echo.as_asgi()) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="hello")
        await client.expect("websocket.send", text="hello", marked=True)


async def test_an_instance_is_an_application_too():
    application = AsyncEcho()
    for _ in range(2):
        async with websocket(application) as client:
            await client.expect("websocket.accept")
            await client.put("websocket.disconnect", code=1000)
            await client.end()
    assert application.goodbyes == [1000, 1000]


@pytest.mark.parametrize("step", ["dispatch", "group_discard"])
async def test_a_cancellation_on_the_way_to_disconnect_does_not_skip_it(step, layer, monkeypatch):
    goodbyes, reached, gate = [], asyncio.Event(), asyncio.Event()

    class Failing(AsyncEcho):
        async def dispatch(self, message):
            if step == "dispatch" and message["type"] == "websocket.disconnect":
                reached.set()
                await gate.wait()
            await super().dispatch(message)

    async def slow_discard(group, channel):
        if step == "group_discard":
            reached.set()
            await gate.wait()

    monkeypatch.setattr(layer, "group_discard", slow_discard)
    async with websocket(Failing.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="fail")
        await reached.wait()
        client.task.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await client.end()
    assert goodbyes == [1011]
    assert layer.groups == {}
