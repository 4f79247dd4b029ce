import pytest

from runtime.generic.http import AsyncHttpConsumer
from tests.support.playbook import eventually, play

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


pytestmark = pytest.mark.usefixtures("layer")


class Recording(AsyncHttpConsumer):
    def __init__(self, goodbyes=None):
        super().__init__()
        self.goodbyes = [] if goodbyes is None else goodbyes

    async def disconnect(self):
        self.goodbyes.append("bye")


class Upper(Recording):
    async def handle(self, body):
        await self.send_response(200, body.upper(), headers={"Content-Type": "text/plain"})


class LongPoll(Recording):
    async def handle(self, body):
        await self.channel_layer.group_add("news", self.channel_name)

    async def news_item(self, message):
        await self.send_response(200, message["text"].encode())


async def test_a_body_in_parts_is_handled_whole():
    async with play(Upper.as_asgi(), dict(SCOPE)) as request:
        await request.put("http.request", body=b"hel", more_body=True)
        await request.put("http.request", body=b"lo")
        await request.expect(
            "http.response.start", status=200, headers=[(b"Content-Type", b"text/plain")]
        )
        await request.expect("http.response.body", body=b"HELLO", more_body=False)
        await request.end()


async def test_the_application_ends_with_its_response_and_disconnect_runs_once():
    goodbyes = []
    async with play(Upper.as_asgi(goodbyes=goodbyes), dict(SCOPE)) as request:
        await request.put("http.request", body=b"")
        await request.put("http.disconnect")
        await request.end()
    assert goodbyes == ["bye"]


async def test_a_layer_message_answers_a_request_that_waits(layer):
    goodbyes = []
    async with play(LongPoll.as_asgi(goodbyes=goodbyes), dict(SCOPE)) as request:
        await request.put("http.request", body=b"")
        await eventually(lambda: "news" in layer.groups)
        await layer.group_send("news", {"type": "news.item", "text": "first light"})
        await request.expect("http.response.start", status=200)
        await request.expect("http.response.body", body=b"first light")
        await request.end()
    assert goodbyes == ["bye"]
    assert layer.groups == {}


async def test_a_client_that_leaves_ends_a_request_that_waits(layer):
    goodbyes = []
    async with play(LongPoll.as_asgi(goodbyes=goodbyes), dict(SCOPE)) as request:
        await request.put("http.request", body=b"")
        await request.put("http.disconnect")
        await request.end()
        assert request.is_silent
    assert goodbyes == ["bye"]
    assert layer.groups == {}


async def test_disconnect_runs_after_an_error_that_the_server_is_told():
    class Failing(Recording):
        async def handle(self, body):
            raise RuntimeError("handle failed")

    goodbyes = []
    async with play(Failing.as_asgi(goodbyes=goodbyes), dict(SCOPE)) as request:
        await request.put("http.request", body=b"")
        with pytest.raises(RuntimeError, match="handle failed"):
            await request.end()
    assert goodbyes == ["bye"]


async def test_a_body_can_be_streamed():
    class Streaming(AsyncHttpConsumer):
        async def handle(self, body):
            await self.send_headers(headers=[("Content-Type", "text/plain")])
            await self.send_body(b"one", more_body=True)
            await self.send_body(b"two")

    async with play(Streaming.as_asgi(), dict(SCOPE)) as request:
        await request.put("http.request", body=b"")
        await request.expect("http.response.start")
        await request.expect("http.response.body", body=b"one", more_body=True)
        await request.expect("http.response.body", body=b"two", more_body=False)
        await request.end()


async def test_a_body_that_is_not_bytes_is_refused():
    class Text(AsyncHttpConsumer):
        async def handle(self, body):
            await self.send_response(200, "text")

    async with play(Text.as_asgi(), dict(SCOPE)) as request:
        await request.put("http.request", body=b"")
        with pytest.raises(TypeError, match="A body is bytes, not str"):
            await request.end()
