"""What is a consumer? The examples, and in which thread and beside what they run."""

import asyncio
import threading

import pytest

from console.demo.models import Log
from runtime.consumer import AsyncConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.testing import WebsocketCommunicator
from tests.runtime.introduction.chat import ChatConsumer

pytestmark = pytest.mark.usefixtures("layer")


class LogConsumer(WebsocketConsumer):
    def connect(self, message):
        Log.objects.create(
            type="connected",
            client=self.scope["client"],
        )


class PingConsumer(AsyncConsumer):
    async def websocket_connect(self, message):
        await self.send({"type": "websocket.accept"})

    async def websocket_receive(self, message):
        await asyncio.sleep(PING_DELAY_S)
        await self.send({"type": "websocket.send", "text": "pong"})


PING_DELAY_S = 0.01
"""Shorter than the second that the introduction waits."""


async def test_the_chat_consumer_greets_names_and_repeats():
    async with WebsocketCommunicator(ChatConsumer.as_asgi(), "/") as client:
        assert await client.connect() == (True, None)
        assert await client.receive_from() == "[Welcome Anonymous!]"
        await client.send_to(text_data="hello")
        assert await client.receive_from() == "Anonymous: hello"
        await client.send_to(text_data="/name Ada ")
        assert await client.receive_from() == "[set your username to Ada]"
        await client.send_to(text_data="hello again")
        assert await client.receive_from() == "Ada: hello again"


async def test_synchronous_code_is_called_in_a_thread():
    class Where(WebsocketConsumer):
        def connect(self):
            self.accept(subprotocol=str(threading.get_ident()))

    async with WebsocketCommunicator(Where.as_asgi(), "/") as client:
        _, thread = await client.connect()
        assert thread != str(threading.get_ident())


@pytest.mark.django_db(transaction=True)
async def test_the_log_consumer_writes_through_the_orm():
    # It neither accepts nor refuses, so there is nothing to wait for but its end.
    async with WebsocketCommunicator(LogConsumer.as_asgi(), "/") as client:
        client.scope["client"] = ["203.0.113.7", 40112]
        await client.send_input({"type": "websocket.connect"})
    logged = await Log.objects.aget()
    assert (logged.type, logged.client) == ("connected", ["203.0.113.7", 40112])


async def test_the_ping_consumer_sends_pong():
    async with WebsocketCommunicator(PingConsumer.as_asgi(), "/") as client:
        assert await client.connect() == (True, None)
        await client.send_to(text_data="ping")
        assert await client.receive_from() == "pong"


async def test_events_of_different_connections_are_handled_in_parallel():
    everybody = asyncio.Barrier(3)

    class Meeting(AsyncWebsocketConsumer):
        async def receive(self, text_data=None, bytes_data=None):
            await everybody.wait()
            await self.send(text_data="met")

    clients = [WebsocketCommunicator(Meeting.as_asgi(), "/") for _ in range(3)]
    for client in clients:
        assert await client.connect() == (True, None)
        await client.send_to(text_data="here")
    assert [await client.receive_from() for client in clients] == ["met"] * 3
    for client in clients:
        await client.disconnect()
