import asyncio

import pytest

from runtime.drops import drops
from runtime.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    WebsocketConsumer,
)
from runtime.outbox import Outbox
from runtime.routing import ProtocolTypeRouter
from runtime.taps import current_cause
from tests.support.observing import observed
from tests.support.playbook import eventually

pytestmark = pytest.mark.usefixtures("layer")

SCOPE = {"type": "websocket", "path": "/", "headers": [], "subprotocols": []}


class SlowClient:
    """A server's side whose client takes an event only when it is told to."""

    def __init__(self, application):
        self.inbox = asyncio.Queue()
        self.taken = []
        self._may_take = asyncio.Semaphore(0)
        self.task = asyncio.ensure_future(application(dict(SCOPE), self.inbox.get, self._send))

    async def _send(self, event):
        await self._may_take.acquire()
        self.taken.append(event)

    def put(self, kind, /, **fields):
        self.inbox.put_nowait({"type": kind, **fields})

    async def take(self, count):
        until = len(self.taken) + count
        for _ in range(count):
            self._may_take.release()
        await eventually(lambda: len(self.taken) == until)
        return self.taken[-count:]

    async def end(self, code=1000):
        self.put("websocket.disconnect", code=code)
        for _ in range(1_000):
            self._may_take.release()
        async with asyncio.timeout(30):
            await self.task


class Ticker(AsyncWebsocketConsumer):
    outbound_limit_messages = 4

    def __init__(self, log):
        super().__init__()
        self.log = log

    async def receive(self, text_data=None, bytes_data=None):
        for text in text_data.split():
            await self.send(text)
        self.log.append("sent")

    async def disconnect(self, code):
        self.log.append(code)


class SyncTicker(WebsocketConsumer):
    outbound_limit_messages = 4

    def __init__(self, log):
        super().__init__()
        self.log = log

    def receive(self, text_data=None, bytes_data=None):
        for text in text_data.split():
            self.send(text)
        self.log.append("sent")

    def disconnect(self, code):
        self.log.append(code)


tickers = pytest.mark.parametrize("ticker", [Ticker, SyncTicker])


async def opened(ticker, log, **attributes):
    consumer_class = type("Opened", (ticker,), attributes)
    client = SlowClient(ProtocolTypeRouter({"websocket": consumer_class.as_asgi(log=log)}))
    client.put("websocket.connect")
    await client.take(1)
    return client


async def sent(log, times=1):
    """Return when the handler has sent all, and that has come from its thread to the loop."""
    await eventually(lambda: log == ["sent"] * times)
    for _ in range(20):
        await asyncio.sleep(0)


def texts(events):
    return [event["text"] for event in events if event["type"] == "websocket.send"]


async def test_by_default_a_send_waits_for_the_client():
    log = []
    client = await opened(Ticker, log)
    client.put("websocket.receive", text="a b c")
    await client.take(2)
    assert log == []
    await client.take(1)
    await sent(log)
    await client.end()
    assert not drops.counts


@tickers
async def test_drop_loses_the_frames_for_which_there_is_no_room(ticker):
    log = []
    with observed() as notebook:
        client = await opened(ticker, log, slow_client="drop")
        client.put("websocket.receive", text="a b c d e f")
        await sent(log)
        assert texts(await client.take(4)) == ["a", "b", "c", "d"]
        client.put("websocket.receive", text="g")
        assert texts(await client.take(1)) == ["g"]
        await client.end()
    dropped = [drop[2]["text"] for drop in notebook.of("message_dropped")]
    assert dropped == ["e", "f"]
    assert drops.counts == {("specific.inmemory!", "slow client"): 2}


async def test_bytes_are_a_limit_too_but_one_frame_always_passes():
    log = []
    client = await opened(Ticker, log, slow_client="drop", outbound_limit_bytes=10)
    client.put("websocket.receive", text=f"{'x' * 20} b c")
    await sent(log)
    assert texts(await client.take(1)) == ["x" * 20]
    client.put("websocket.receive", text="12345 67890 b")
    await sent(log, 2)
    assert texts(await client.take(2)) == ["12345", "67890"]
    await client.end()


@tickers
async def test_coalesce_keeps_the_latest_frame_of_each_key_in_its_place(ticker):
    def coalesce_key(self, message):
        return message["text"][0]

    log = []
    client = await opened(ticker, log, slow_client="coalesce", coalesce_key=coalesce_key)
    client.put("websocket.receive", text="x0 a1 b1 a2 b2 a3")
    await sent(log)
    assert texts(await client.take(3)) == ["x0", "a3", "b2"]
    await client.end()
    assert not drops.counts


async def test_coalesce_gives_up_the_oldest_when_there_are_more_keys_than_room():
    log = []
    client = await opened(
        Ticker, log, slow_client="coalesce", coalesce_key=lambda self, message: message["text"]
    )
    client.put("websocket.receive", text="a b c d e f")
    await sent(log)
    assert texts(await client.take(4)) == ["a", "d", "e", "f"]
    await client.end()
    assert drops.counts == {("specific.inmemory!", "slow client"): 2}


async def test_coalesce_keeps_one_frame_unless_told_of_keys():
    log = []
    client = await opened(Ticker, log, slow_client="coalesce")
    client.put("websocket.receive", text="a b c d")
    await sent(log)
    assert texts(await client.take(2)) == ["a", "d"]
    await client.end()


@tickers
async def test_close_ends_the_connection_of_a_client_that_is_too_slow(ticker):
    log = []
    client = await opened(ticker, log, slow_client="close")
    client.put("websocket.receive", text="a b c d e f")
    await sent(log)
    first, close = await client.take(2)
    assert first["text"] == "a"
    assert (close["type"], close["code"]) == ("websocket.close", 1013)
    await client.end()
    assert log == ["sent", 1013]


async def test_a_client_that_takes_nothing_at_all_is_let_go(monkeypatch):
    monkeypatch.setattr("runtime.outbox.LINGER_S", 0.01)
    monkeypatch.setattr("runtime.generic.lifecycle.HANDSHAKE_S", 0.01)
    log = []
    client = await opened(Ticker, log, slow_client="close")
    client.put("websocket.receive", text="a b c d e f")
    async with asyncio.timeout(30):
        await client.task
    assert log == ["sent", 1013]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_close_is_never_dropped():
    class Closing(Ticker):
        async def receive(self, text_data=None, bytes_data=None):
            await super().receive(text_data, bytes_data)
            await self.close(4000)

    log = []
    client = await opened(Closing, log, slow_client="drop")
    client.put("websocket.receive", text="a b c d e f")
    await sent(log)
    *frames, close = await client.take(5)
    assert texts(frames) == ["a", "b", "c", "d"]
    assert close["code"] == 4000
    await client.end()


async def test_an_error_of_the_server_is_raised_by_the_next_send():
    may_fail = asyncio.Event()

    async def send(event):
        await may_fail.wait()
        raise OSError("the client has gone")

    outbox = Outbox(
        send,
        "drop",
        limit_messages=4,
        limit_bytes=100,
        key_of=lambda event: None,
        on_lost=lambda event: None,
        on_overflow=lambda: None,
    )
    await outbox.send({"type": "websocket.send", "text": "a"})
    await outbox.send({"type": "websocket.send", "text": "b"})
    may_fail.set()
    await outbox.close()
    assert len(outbox) == 0
    with pytest.raises(OSError, match="the client has gone"):
        await outbox.send({"type": "websocket.send", "text": "c"})


async def test_an_event_is_tapped_with_the_cause_of_the_handler_that_sent_it():
    heard = []

    class Json(AsyncJsonWebsocketConsumer):
        slow_client = "drop"

        async def receive_json(self, content, **kwargs):
            self._connection.cause = ("trace", content)
            await self.send_json(content)
            self._connection.cause = None

    async def send(event):
        heard.append(current_cause.get())

    inbox = asyncio.Queue()
    for event in (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": '"one"'},
        {"type": "websocket.disconnect", "code": 1000},
    ):
        inbox.put_nowait(event)
    with observed():
        await ProtocolTypeRouter({"websocket": Json.as_asgi()})(dict(SCOPE), inbox.get, send)
    assert heard[-1] == ("trace", "one")


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="'block', 'drop', 'coalesce', 'close'"):
        type("Wrong", (Ticker,), {"slow_client": "wait"})
