import asyncio
import logging
import signal

import pytest

from runtime.consumer import AsyncConsumer
from runtime.drain import current_drain, drain
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.refusals import RETRY_AFTER_S
from tests.support.playbook import eventually, play, websocket

pytestmark = pytest.mark.usefixtures("layer")

HTTP = {"type": "http", "method": "GET", "path": "/", "headers": []}


class Echo(AsyncWebsocketConsumer):
    def __init__(self, goodbyes=None):
        super().__init__()
        self.goodbyes = [] if goodbyes is None else goodbyes

    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data)

    async def disconnect(self, code):
        self.goodbyes.append(code)


class SyncEcho(WebsocketConsumer):
    def __init__(self, goodbyes=None):
        super().__init__()
        self.goodbyes = [] if goodbyes is None else goodbyes

    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data)

    def disconnect(self, code):
        self.goodbyes.append(code)


class Stuck(Echo):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send("working")
        await asyncio.get_running_loop().create_future()


class Stream(AsyncHttpConsumer):
    async def handle(self, body):
        if body:
            await self.send_headers()
            await self.send_body(b"first", more_body=True)


echoes = pytest.mark.parametrize("echo", [Echo, SyncEcho])


@echoes
async def test_a_websocket_is_closed_with_1012_and_says_goodbye_once(echo):
    goodbyes = []
    async with websocket(echo.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        draining = asyncio.ensure_future(drain())
        await client.expect("websocket.close", code=1012, reason="service restart")
        await client.put("websocket.disconnect", code=1012)
        await client.end()
        assert await draining == 0
    assert goodbyes == [1012]


@echoes
async def test_what_has_come_already_is_handled_before(echo):
    async with websocket(echo.as_asgi()) as client:
        await client.expect("websocket.accept")
        for n in range(3):
            await client.put("websocket.receive", text=str(n))
        await asyncio.sleep(0)
        draining = asyncio.ensure_future(drain())
        for n in range(3):
            await client.expect("websocket.send", text=str(n))
        await client.expect("websocket.close", code=1012)
        await client.put("websocket.disconnect", code=1012)
        await draining


async def test_a_client_that_was_refused_or_closed_already_is_not_closed_again():
    class Refusing(Echo):
        async def connect(self):
            await self.close(4000)

    goodbyes = []
    async with websocket(Refusing.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.close", code=4000)
        await drain()
        await client.end()
        assert client.is_silent
    assert goodbyes == [1012]


async def test_a_stuck_handler_is_cancelled_after_the_deadline(caplog):
    goodbyes = []
    async with websocket(Stuck.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="")
        await client.expect("websocket.send", text="working")
        draining = asyncio.ensure_future(drain(deadline_s=0.01))
        await client.expect("websocket.close", code=1012)
        await client.put("websocket.disconnect", code=1012)
        with caplog.at_level(logging.WARNING, "runtime.drain"):
            assert await draining == 1
    assert goodbyes == [1012]
    assert "did not end in time: 1" in caplog.text


async def test_goodbye_is_said_even_if_the_deadline_passes_while_the_client_is_silent():
    goodbyes = []
    async with websocket(Echo.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        assert await drain(deadline_s=0.01) == 1
    assert goodbyes == [1012]


async def test_an_unanswered_request_is_told_to_come_again():
    async with play(Stream.as_asgi(), dict(HTTP)) as request:
        await request.put("http.request", body=b"")
        await eventually(lambda: request.inbox.empty())
        draining = asyncio.ensure_future(drain())
        start = await request.expect("http.response.start", status=503)
        assert (b"retry-after", b"%d" % RETRY_AFTER_S) in start["headers"]
        await request.expect("http.response.body", body=b"Service Unavailable")
        await request.end()
        await draining


async def test_a_response_that_has_begun_is_completed():
    async with play(Stream.as_asgi(), dict(HTTP)) as request:
        await request.put("http.request", body=b"stream")
        await request.expect("http.response.start", status=200)
        await request.expect("http.response.body", body=b"first", more_body=True)
        draining = asyncio.ensure_future(drain())
        await request.expect("http.response.body", body=b"")
        await request.end()
        await draining


async def test_new_connections_are_refused_meanwhile():
    await drain()
    async with play(Stream.as_asgi(), dict(HTTP)) as request:
        start = await request.expect("http.response.start", status=503)
        assert (b"retry-after", b"%d" % RETRY_AFTER_S) in start["headers"]
        await request.expect("http.response.body")
        await request.end()
    async with websocket(Echo.as_asgi()) as client:
        await client.expect("websocket.close", code=1012)
        await client.end()
    async with websocket(Echo.as_asgi(), extensions={"websocket.http.response": {}}) as client:
        await client.expect("websocket.http.response.start", status=503)
        await client.expect("websocket.http.response.body")
        await client.end()


async def test_a_protocol_of_the_projects_own_ends_without_a_word():
    class Bot(AsyncConsumer):
        async def bot_say(self, message):
            await self.send({"type": "bot.said"})

    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.say")
        await bot.expect("bot.said")
        assert await drain() == 0
        await bot.end()


async def test_the_jobs_of_a_channel_are_left_to_the_worker():
    class Job(AsyncConsumer):
        async def job_run(self, message):
            await asyncio.sleep(0)

    async with play(Job.as_asgi(), {"type": "channel", "channel": "jobs"}) as job:
        await asyncio.sleep(0)
        assert await drain() == 0
        assert not job.task.done()


@pytest.fixture
def sigterm():
    """What the server of this test does on SIGTERM: take note."""
    got = []
    servers = signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    yield got
    signal.signal(signal.SIGTERM, servers)


async def test_sigterm_reaches_the_server_after_the_connections_have_ended(sigterm):
    goodbyes = []
    async with websocket(Echo.as_asgi(goodbyes=goodbyes)) as client:
        await client.expect("websocket.accept")
        signal.raise_signal(signal.SIGTERM)
        await client.expect("websocket.close", code=1012)
        assert sigterm == []
        await client.put("websocket.disconnect", code=1012)
        await client.end()
        await eventually(lambda: sigterm == [signal.SIGTERM])
    assert goodbyes == [1012]


async def test_a_second_sigterm_reaches_the_server_at_once(sigterm):
    async with websocket(Stuck.as_asgi()) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="")
        await client.expect("websocket.send", text="working")
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert sigterm == [signal.SIGTERM]


async def test_sigterm_is_given_back_when_the_last_connection_has_ended(sigterm, monkeypatch):
    monkeypatch.setattr("runtime.drain.IDLE_S", 0)
    servers = signal.getsignal(signal.SIGTERM)
    async with websocket(Echo.as_asgi()) as one, websocket(Echo.as_asgi()) as other:
        await one.expect("websocket.accept")
        await other.expect("websocket.accept")
        assert signal.getsignal(signal.SIGTERM) != servers
        await one.put("websocket.disconnect", code=1000)
        await one.end()
        assert signal.getsignal(signal.SIGTERM) != servers
    await eventually(lambda: signal.getsignal(signal.SIGTERM) == servers)


async def test_sigterm_reaches_the_server_at_once_if_nobody_is_served(sigterm):
    async with websocket(Echo.as_asgi()) as client:
        await client.expect("websocket.accept")
    signal.raise_signal(signal.SIGTERM)
    assert sigterm == [signal.SIGTERM]


def test_sigterm_reaches_the_server_after_the_loop_has_ended(sigterm):
    async def serve():
        async with websocket(Echo.as_asgi()) as client:
            await client.expect("websocket.accept")

    for _ in range(3):
        asyncio.run(serve())
    signal.raise_signal(signal.SIGTERM)
    assert sigterm == [signal.SIGTERM]


async def test_somebody_who_takes_sigterm_meanwhile_keeps_it(sigterm, monkeypatch):
    monkeypatch.setattr("runtime.drain.IDLE_S", 0)

    def another(number, frame):
        """Stands for a server that sets its handler late."""

    async with websocket(Echo.as_asgi()) as client:
        await client.expect("websocket.accept")
        signal.signal(signal.SIGTERM, another)
    await eventually(lambda: current_drain()._give_back is None)
    assert signal.getsignal(signal.SIGTERM) is another


async def test_a_deadline_of_zero_leaves_sigterm_to_the_server(sigterm, settings):
    settings.CHANNELS_DRAIN_S = 0
    servers = signal.getsignal(signal.SIGTERM)
    async with websocket(Echo.as_asgi()) as client:
        await client.expect("websocket.accept")
        assert signal.getsignal(signal.SIGTERM) == servers


async def test_nobody_is_remembered_after_the_end():
    async with websocket(Echo.as_asgi()) as client:
        await client.expect("websocket.accept")
    assert not current_drain()._served
