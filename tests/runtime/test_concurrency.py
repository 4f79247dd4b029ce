import asyncio
from contextvars import ContextVar

import pytest

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.drain import drain
from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.routing import ProtocolTypeRouter
from runtime.taps import current_cause
from tests.support.observing import Notebook, observed
from tests.support.playbook import eventually, websocket

pytestmark = pytest.mark.usefixtures("layer")

room = ContextVar("room", default="nowhere")


class Slow(AsyncWebsocketConsumer):
    """Answers a frame when it is let go."""

    max_concurrency = 2

    def __init__(self, log):
        super().__init__()
        self.log = log
        self.let_go = {}

    async def connect(self):
        await asyncio.sleep(0)
        room.set("den")
        await self.accept()
        self.log.append("connected")

    async def receive(self, text_data=None, bytes_data=None):
        self.log.append(f"begin {text_data}")
        if text_data == "fail":
            raise RuntimeError("receive failed")
        if text_data == "leave":
            while not self.disconnected:
                await asyncio.sleep(0)
        elif text_data == "room":
            await self.send(room.get())
        else:
            gate = self.let_go[text_data] = asyncio.get_running_loop().create_future()
            await gate
        self.log.append(f"end {text_data}")

    async def chat_let_go(self, message):
        self.let_go[message["name"]].set_result(None)

    async def disconnect(self, code):
        self.log.append(f"disconnect {code}")


def opened(log, **attributes):
    consumer_class = type("Opened", (Slow,), attributes)
    return websocket(consumer_class.as_asgi(log=log))


async def test_as_many_handlers_as_allowed_run_at_once_and_start_in_order():
    log = []
    async with opened(log) as client:
        await client.expect("websocket.accept")
        for text in "abc":
            await client.put("websocket.receive", text=text)
        await eventually(lambda: "begin b" in log)
        for _ in range(10):
            await asyncio.sleep(0)
        assert log == ["connected", "begin a", "begin b"]


async def test_a_message_lets_a_waiting_handler_go_on(layer):
    log = []
    async with opened(log, groups=["everybody"]) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="a")
        await eventually(lambda: "begin a" in log)
        await layer.group_send("everybody", {"type": "chat.let_go", "name": "a"})
        await eventually(lambda: "end a" in log)


async def test_handlers_run_one_at_a_time_unless_asked(layer):
    log = []
    async with opened(log, max_concurrency=1) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="a")
        await client.put("websocket.receive", text="b")
        await eventually(lambda: "begin a" in log)
        for _ in range(10):
            await asyncio.sleep(0)
        assert log == ["connected", "begin a"]


async def test_connect_ends_before_the_first_handler_starts():
    log = []
    async with opened(log) as client:
        await client.put("websocket.receive", text="room")
        await client.expect("websocket.accept")
        await client.expect("websocket.send", text="den")
    assert log[:2] == ["connected", "begin room"]


async def test_disconnect_starts_when_all_handlers_have_ended():
    log = []
    async with opened(log) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="leave")
        await client.put("websocket.receive", text="leave")
        await client.put("websocket.disconnect", code=1001)
        await client.end()
    assert sorted(log[1:-1]) == ["begin leave", "begin leave", "end leave", "end leave"]
    assert log[-1] == "disconnect 1001"


async def test_an_error_ends_the_others_and_the_connection_once():
    log = []
    async with opened(log) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="a")
        await client.put("websocket.receive", text="fail")
        with pytest.raises(RuntimeError, match="receive failed"):
            await client.end()
    assert log[1:] == ["begin a", "begin fail", "disconnect 1011"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancellation_ends_all_handlers():
    log = []
    async with opened(log) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="a")
        await client.put("websocket.receive", text="b")
        await eventually(lambda: "begin b" in log)
    assert log[-1] == "disconnect 1012"
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_drain_lets_the_running_handlers_end():
    log = []
    async with opened(log, groups=["everybody"]) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="leave")
        await eventually(lambda: "begin leave" in log)
        draining = asyncio.ensure_future(drain())
        await client.put("websocket.disconnect", code=1001)
        await draining
    assert log[1:3] == ["begin leave", "end leave"]
    assert log[-1].startswith("disconnect ")
    assert len(log) == 4


async def test_each_handler_is_known_to_observers_with_its_own_cause():
    class Causing(Notebook):
        def handler_started(self, connection, message, cause, waited_s):
            connection.cause = ("trace", str(message.get("text")))

    class Sending(Slow):
        async def receive(self, text_data=None, bytes_data=None):
            await asyncio.sleep(0)
            causes[text_data] = current_cause.get()

    causes = {}
    application = ProtocolTypeRouter({"websocket": Sending.as_asgi(log=[])})
    with observed(Causing()):
        async with websocket(application) as client:
            await client.expect("websocket.accept")
            await client.put("websocket.receive", text="a")
            await client.put("websocket.receive", text="b")
            await eventually(lambda: len(causes) == 2)
    assert causes == {"a": ("trace", "a"), "b": ("trace", "b")}


def test_plain_functions_cannot_ask_for_it():
    with pytest.raises(ValueError, match="handlers are coroutines"):
        type("Blocking", (SyncConsumer,), {"max_concurrency": 2})


def test_less_than_one_handler_at_once_is_refused():
    with pytest.raises(ValueError, match="expected 1, or more"):
        type("Idle", (AsyncConsumer,), {"max_concurrency": 0})
