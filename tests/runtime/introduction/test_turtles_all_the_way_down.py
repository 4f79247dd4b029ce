"""Turtles all the way down: consumers, routers and views are all applications."""

import asyncio

import pytest
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from runtime.generic.http import AsyncHttpConsumer
from runtime.routing import ProtocolTypeRouter, URLRouter
from runtime.testing import HttpCommunicator, WebsocketCommunicator
from tests.runtime.introduction.chat import ChatConsumer, PublicChatConsumer
from tests.support.playbook import eventually

pytestmark = pytest.mark.usefixtures("layer")


async def test_the_simplest_consumer_is_an_application_that_runs_by_itself():
    sent = []

    async def send(event):
        sent.append(event)

    inbox = asyncio.Queue()
    for event in (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hello"},
        {"type": "websocket.disconnect", "code": 1000},
    ):
        inbox.put_nowait(event)
    scope = {"type": "websocket", "path": "/", "headers": []}
    await ChatConsumer.as_asgi()(scope, inbox.get, send)
    assert [event.get("text") for event in sent] == [
        None,
        "[Welcome Anonymous!]",
        "Anonymous: hello",
    ]


class LongPollConsumer(AsyncHttpConsumer):
    """Answers when there is news."""

    async def handle(self, body):
        await self.channel_layer.group_add("pollers", self.channel_name)
        await self.send_headers(headers=[(b"content-type", b"text/plain")])
        await self.send_body(b"", more_body=True)

    async def news_came(self, message):
        await self.send_body(message["headline"].encode())


@pytest.mark.urls("tests.runtime.introduction.urls")
@pytest.mark.django_db(transaction=True)
async def test_a_long_poll_stands_beside_a_django_view(layer):
    application = ProtocolTypeRouter(
        {
            "http": URLRouter(
                [
                    path("poll/", LongPollConsumer.as_asgi()),
                    re_path(r"", get_asgi_application()),
                ]
            )
        }
    )
    poll = HttpCommunicator(application, "GET", "/poll/")
    waiting = asyncio.ensure_future(poll.get_response())
    host = [(b"host", b"testserver")]
    view = await HttpCommunicator(application, "GET", "/view/", headers=host).get_response()
    assert (view["status"], view["body"]) == (200, b"a view")
    await eventually(lambda: "pollers" in layer.groups)
    assert not waiting.done()
    await layer.group_send("pollers", {"type": "news.came", "headline": "it works"})
    answer = await waiting
    assert (answer["status"], answer["body"]) == (200, b"it works")
    await poll.wait()


async def test_a_middleware_is_an_application_around_another():
    def shouting(inner):
        async def application(scope, receive, send):
            async def shout(event):
                if "text" in event:
                    event = {**event, "text": event["text"].upper()}
                await send(event)

            await inner(scope, receive, shout)

        return application

    routes = URLRouter([path("chat/", shouting(PublicChatConsumer.as_asgi()))])
    async with WebsocketCommunicator(shouting(routes), "/chat/") as client:
        assert await client.connect() == (True, None)
        assert await client.receive_from() == "[WELCOME ANONYMOUS!]"
