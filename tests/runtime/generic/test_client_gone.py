"""A frame for a client that has gone a moment ago: counted, and no failure of the handler."""

from __future__ import annotations

import asyncio
import threading

import pytest
from autobahn.exception import Disconnected

from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from tests.support.playbook import TIMEOUT_S

pytestmark = pytest.mark.usefixtures("layer")


class ClientDisconnected(OSError):
    """What a server raises by the ASGI specification."""


class AsyncEcho(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data)
        await self.send(text_data=text_data, close=True)

    async def disconnect(self, code):
        self.code = code


class SyncEcho(WebsocketConsumer):
    def __init__(self):
        super().__init__()
        self.has_said_all = threading.Event()

    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data)
        self.send(text_data=text_data, close=True)
        self.has_said_all.set()

    def disconnect(self, code):
        self.code = code


async def talk_to(consumer, error):
    """Serve a client that sends a frame and goes; what is sent to it then raises `error`."""
    events: asyncio.Queue[dict] = asyncio.Queue()
    for event in (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hi"},
        {"type": "websocket.disconnect", "code": 1001},
    ):
        events.put_nowait(event)

    async def send(event):
        if event["type"] != "websocket.accept":
            if consumer._sync:  # its thread may be as far behind as it likes, but here it is ahead
                assert await asyncio.to_thread(consumer.has_said_all.wait, TIMEOUT_S)
            raise error

    await consumer({"type": "websocket", "path": "/"}, events.get, send)


@pytest.mark.parametrize("make", [AsyncEcho, SyncEcho])
@pytest.mark.parametrize(
    "error", [ClientDisconnected(), ConnectionResetError(), Disconnected("on a closed protocol")]
)
async def test_a_frame_for_a_client_that_has_just_gone_is_counted(make, error):
    consumer = make()
    await talk_to(consumer, error)
    assert consumer.code == 1001
    # A synchronous handler is ahead of its sends: all three of them, the close too, go out in vain.
    assert consumer.sends_after_close == (3 if consumer._sync else 2)


@pytest.mark.parametrize("make", [AsyncEcho, SyncEcho])
@pytest.mark.parametrize("error", [FileNotFoundError("of a mixin"), RuntimeError("of a server")])
async def test_any_other_failure_of_a_send_is_the_handlers(make, error):
    with pytest.raises(type(error)):
        await talk_to(make(), error)
