"""The runtime works on a layer of somebody else's, which has no more than the five methods."""

import asyncio

import pytest
from asgiref.sync import async_to_sync

from runtime.consumer import AsyncConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.layers import channel_layers, get_channel_layer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter
from runtime.testing import WebsocketCommunicator
from runtime.worker import Worker
from tests.support.minimal_layer import MinimalChannelLayer
from tests.support.playbook import eventually


@pytest.fixture
def layer(monkeypatch):
    layer = MinimalChannelLayer()
    monkeypatch.setattr(channel_layers, "backends", {"default": layer})
    return layer


class Chat(AsyncWebsocketConsumer):
    groups = ("room",)

    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send("room", {"type": "chat.said", "text": text_data})

    async def chat_said(self, event):
        await self.send(event["text"])


class SyncChat(WebsocketConsumer):
    groups = ("room",)

    def receive(self, text_data=None, bytes_data=None):
        async_to_sync(self.channel_layer.group_send)("room", {"type": "said", "text": text_data})

    def said(self, event):
        self.send(event["text"])


@pytest.mark.parametrize("consumer", [Chat, SyncChat])
async def test_consumers_talk_in_a_group_and_leave_it(layer, consumer):
    one, two = (WebsocketCommunicator(consumer.as_asgi(), "/") for _ in range(2))
    assert (await one.connect())[0]
    assert (await two.connect())[0]
    await one.send_to("hello")
    assert await one.receive_from() == await two.receive_from() == "hello"
    await one.disconnect()
    await two.send_to("alone")
    assert await two.receive_from() == "alone"
    await two.disconnect()
    assert layer.members == {"room": set()}


async def test_a_worker_serves_a_channel(layer):
    done = []

    class Jobs(AsyncConsumer):
        async def job(self, message):
            done.append(message["n"])

    application = ProtocolTypeRouter({"channel": ChannelNameRouter({"jobs": Jobs.as_asgi()})})
    worker = Worker(application, ["jobs"], get_channel_layer())
    working = asyncio.ensure_future(worker.handle())
    for n in range(3):
        await layer.send("jobs", {"type": "job", "n": n})
    await eventually(lambda: len(done) == 3)
    worker.stop()
    await working
    assert done == [0, 1, 2]
