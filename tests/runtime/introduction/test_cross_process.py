"""Cross-process communication: channel names, groups, and channels with a fixed name."""

import asyncio

import pytest
from asgiref.sync import async_to_sync

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.generic.websocket import WebsocketConsumer
from runtime.layers import get_channel_layer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter
from runtime.testing import ApplicationCommunicator, WebsocketCommunicator
from runtime.worker import Worker
from tests.runtime.introduction.chat import ChatConsumer

pytestmark = pytest.mark.usefixtures("layer")


class ListeningConsumer(AsyncConsumer):
    async def bot_name(self, message):
        await self.send({"type": "bot.named", "channel": self.channel_name})

    async def bot_tell(self, message):
        await self.channel_layer.send(
            message["to"],
            {"type": "message", "channel": self.channel_name, "text": message["text"]},
        )

    async def bot_broadcast(self, message):
        await self.channel_layer.group_send("bots", {"type": "message", "text": message["text"]})

    async def message(self, message):
        await self.send({"type": "bot.told", "text": message["text"]})


async def name_of(bot):
    await bot.send_input({"type": "bot.name"})
    return (await bot.receive_output())["channel"]


async def test_each_instance_has_a_channel_name_of_its_own_and_can_be_sent_to():
    application = ListeningConsumer.as_asgi()
    async with (
        ApplicationCommunicator(application, {"type": "bot"}) as ada,
        ApplicationCommunicator(application, {"type": "bot"}) as bob,
    ):
        assert await name_of(ada) != await name_of(bob)
        await ada.send_input({"type": "bot.tell", "to": await name_of(bob), "text": "psst"})
        assert (await bob.receive_output())["text"] == "psst"


async def test_instances_join_groups_and_hear_what_is_sent_to_them(layer):
    application = ListeningConsumer.as_asgi()
    async with (
        ApplicationCommunicator(application, {"type": "bot"}) as ada,
        ApplicationCommunicator(application, {"type": "bot"}) as bob,
    ):
        for bot in (ada, bob):
            await layer.group_add("bots", await name_of(bot))
        await ada.send_input({"type": "bot.broadcast", "text": "hear ye"})
        for bot in (ada, bob):
            assert (await bot.receive_output())["text"] == "hear ye"


class Thumbnails(SyncConsumer):
    made: asyncio.Queue

    def thumbnail_generate(self, message):
        async_to_sync(self.made.put)(message["id"])


class Uploading(WebsocketConsumer):
    def receive(self, *, text_data):
        async_to_sync(self.channel_layer.send)(
            "myproject.thumbnail_notifications",
            {
                "type": "thumbnail.generate",
                "id": int(text_data),
            },
        )


async def test_a_dedicated_process_listens_on_a_fixed_channel(layer):
    Thumbnails.made = asyncio.Queue()
    channel = "myproject.thumbnail_notifications"
    application = ProtocolTypeRouter(
        {
            "websocket": Uploading.as_asgi(),
            "channel": ChannelNameRouter({channel: Thumbnails.as_asgi()}),
        }
    )
    worker = Worker(application, [channel], layer)
    working = asyncio.ensure_future(worker.handle())
    async with WebsocketCommunicator(application, "/") as client:
        assert await client.connect() == (True, None)
        await client.send_to(text_data="90902949")
        assert await asyncio.wait_for(Thumbnails.made.get(), 30) == 90902949
    worker.stop()
    await working


@pytest.mark.parametrize("empty", [{}, None], ids=["an empty dict", "None"])
async def test_layers_are_optional_and_disabled_by_an_empty_setting(settings, empty):
    settings.CHANNEL_LAYERS = empty
    assert get_channel_layer() is None
    async with WebsocketCommunicator(ChatConsumer.as_asgi(), "/") as client:
        assert await client.connect() == (True, None)
        assert await client.receive_from() == "[Welcome Anonymous!]"
