"""The consumers, called without a server."""

import asyncio

import pytest
from django.urls import path

from chat.consumers import ARCHIVE, ChatConsumer
from chat.models import MAX_TEXT_CHARS, Message
from runtime.auth import AuthMiddlewareStack
from runtime.routing import URLRouter

# The worker writes from a thread of its own, and anybody's session may be asked for.
pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_one_says_the_whole_room_hears(channel_layer, enter):
    ada, bob = enter("den"), enter("den")
    for one in (ada, bob):
        assert await one.connect() == (True, None)
    await ada.send_json_to({"text": " hello "})
    for one in (ada, bob):
        assert await one.receive_json_from() == {"author": "somebody", "text": "hello"}


async def test_another_room_hears_nothing(channel_layer, enter):
    ada, eve = enter("den"), enter("attic")
    await eve.connect()
    await ada.send_json_to({"text": "hello"})
    await ada.receive_json_from()
    assert await eve.receive_nothing()


@pytest.mark.parametrize("content", [{}, [], {"text": ""}, {"text": "x" * (MAX_TEXT_CHARS + 1)}])
async def test_what_is_no_message_is_explained(channel_layer, enter, content):
    ada = enter("den")
    await ada.send_json_to(content)
    assert "Expected" in (await ada.receive_json_from())["error"]


async def test_a_page_of_another_site_is_refused(websocket_communicator):
    elsewhere = [(b"origin", b"http://elsewhere.example")]
    connected, _ = await websocket_communicator("/ws/chat/den/", headers=elsewhere).connect()
    assert not connected


async def test_what_is_said_is_handed_to_the_worker(channel_layer, websocket_communicator):
    # Without the worker that runs beside the server: the test takes what it would take.
    alone = AuthMiddlewareStack(URLRouter([path("<slug:room>/", ChatConsumer.as_asgi())]))
    ada = websocket_communicator("/den/", application=alone)
    await ada.send_json_to({"text": "hello"})
    await ada.receive_json_from()
    job = await channel_layer.receive(ARCHIVE)
    assert job["type"] == "keep"
    assert job["text"] == "hello"


async def test_the_worker_keeps_a_message(channel_layer, application_communicator):
    said = {"room": "den", "author": "ada", "text": "hello", "said_at": "2030-01-01T12:00:00Z"}
    worker = application_communicator({"type": "channel", "channel": "archive"})
    await worker.send_input({"type": "keep", **said})
    async with asyncio.timeout(30):  # a slow machine may take its time
        while not await Message.objects.filter(room="den", author="ada", text="hello").aexists():
            await asyncio.sleep(0.01)
