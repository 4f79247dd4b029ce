import pytest

from runtime.exceptions import WebsocketClosed
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.testing import WebsocketCommunicator
from tests.support.playbook import websocket

pytestmark = pytest.mark.usefixtures("layer")

OFFERED = {"websocket.http.response": {}}
HEADERS = [(b"retry-after", b"60")]


class AsyncFull(AsyncWebsocketConsumer):
    async def connect(self):
        await self.deny(429, headers=HEADERS, body=b"Too many")
        await self.send("in vain")


class SyncFull(WebsocketConsumer):
    def connect(self):
        self.deny(429, headers=HEADERS, body=b"Too many")
        self.send("in vain")


both = pytest.mark.parametrize("consumer", [AsyncFull, SyncFull])


@both
async def test_a_websocket_is_refused_with_a_response(consumer):
    async with websocket(consumer.as_asgi(), extensions=OFFERED) as client:
        await client.expect("websocket.http.response.start", status=429, headers=HEADERS)
        await client.expect("websocket.http.response.body", body=b"Too many")
        await client.put("websocket.disconnect", code=1006)
        await client.end()
        assert client.is_silent


@both
async def test_a_server_without_the_extension_refuses_in_its_own_way(consumer):
    async with websocket(consumer.as_asgi()) as client:
        await client.expect("websocket.close")
        await client.put("websocket.disconnect", code=1006)
        await client.end()
        assert client.is_silent


async def test_a_refusal_says_403_unless_told():
    class Refusing(AsyncWebsocketConsumer):
        async def connect(self):
            await self.deny()

    async with websocket(Refusing.as_asgi(), extensions=OFFERED) as client:
        await client.expect("websocket.http.response.start", status=403, headers=[])
        await client.expect("websocket.http.response.body", body=b"")


@both
async def test_a_communicator_gives_the_status_and_the_response(consumer):
    async with WebsocketCommunicator(consumer.as_asgi(), "/") as communicator:
        communicator.scope["extensions"] = OFFERED
        assert await communicator.connect() == (False, 429)
        assert communicator.response_headers == HEADERS
        assert communicator.response_body == b"Too many"


@pytest.mark.parametrize("act", ["send", "close", "deny"])
async def test_strict_close_raises_what_comes_after_the_close(act):
    class Strict(AsyncWebsocketConsumer):
        strict_close = True

        async def connect(self):
            await self.close()
            arguments = {"text_data": "x"} if act == "send" else {}
            await getattr(self, act)(**arguments)

    async with websocket(Strict.as_asgi()) as client:
        with pytest.raises(WebsocketClosed, match="Strict sent or closed after"):
            await client.end()


async def test_a_consumer_that_is_not_strict_counts_it():
    class Counting(SyncFull):
        def disconnect(self, code):
            counted.append(self.sends_after_close)

    counted = []
    async with websocket(Counting.as_asgi(), extensions=OFFERED) as client:
        await client.expect("websocket.http.response.start")
        await client.put("websocket.disconnect", code=1006)
        await client.end()
    assert counted == [1]
