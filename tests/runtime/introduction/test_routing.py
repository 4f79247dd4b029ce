"""Routing and multiple protocols: paths, and protocols that are not the web's."""

import asyncio

import pytest
from asgiref.server import StatelessServer

from runtime.consumer import SyncConsumer
from runtime.routing import ProtocolTypeRouter
from runtime.testing import ApplicationCommunicator, WebsocketCommunicator
from tests.runtime.introduction.chat import chat_routes

pytestmark = pytest.mark.usefixtures("layer")


class ChattyBotConsumer(SyncConsumer):
    def telegram_message(self, message):
        """
        Simple echo handler for telegram messages in any chat.
        """
        self.send(
            {
                "type": "telegram.message",
                "text": "You said: {}".format(message["text"]),
            }
        )


@pytest.mark.parametrize(
    ("target", "greeting"),
    [("/chat/admin/", "[Welcome admin!]"), ("/chat/", "[Welcome Anonymous!]")],
)
async def test_a_router_leads_each_path_to_its_consumer(target, greeting):
    async with WebsocketCommunicator(chat_routes, target) as client:
        assert await client.connect() == (True, None)
        assert await client.receive_from() == greeting


async def test_one_project_serves_websockets_and_telegram():
    application = ProtocolTypeRouter(
        {
            "websocket": chat_routes,
            "telegram": ChattyBotConsumer.as_asgi(),
        }
    )
    async with (
        WebsocketCommunicator(application, "/chat/admin/") as browser,
        ApplicationCommunicator(application, {"type": "telegram", "chat": 42}) as phone,
    ):
        assert await browser.connect() == (True, None)
        assert await browser.receive_from() == "[Welcome admin!]"
        await phone.send_input({"type": "telegram.message", "text": "hello"})
        assert await phone.receive_output() == {
            "type": "telegram.message",
            "text": "You said: hello",
        }


class TelegramServer(StatelessServer):
    """A server for a protocol of one's own: updates come in, messages go out."""

    def __init__(self, application):
        super().__init__(application)
        self.updates = asyncio.Queue()
        self.messages = asyncio.Queue()

    async def handle(self):
        while (update := await self.updates.get()) is not None:
            scope = {"type": "telegram", "chat": update["chat"]}
            inbox = self.get_or_create_application_instance(update["chat"], scope)
            inbox.put_nowait({"type": "telegram.message", "text": update["text"]})

    async def application_send(self, scope, message):
        await self.messages.put((scope["chat"], message["text"]))


async def test_a_server_of_another_protocol_drives_a_consumer_of_this_project():
    application = ProtocolTypeRouter({"telegram": ChattyBotConsumer.as_asgi()})
    server = TelegramServer(application)
    # Its checker polls for ever; the handler alone is what a test can wait for.
    serving = asyncio.ensure_future(server.handle())
    for chat, text in ((1, "hello"), (2, "moin"), (1, "again")):
        server.updates.put_nowait({"chat": chat, "text": text})
    answers = [await asyncio.wait_for(server.messages.get(), 30) for _ in range(3)]
    assert sorted(answers) == [
        (1, "You said: again"),
        (1, "You said: hello"),
        (2, "You said: moin"),
    ]
    assert answers.index((1, "You said: hello")) < answers.index((1, "You said: again"))
    assert sorted(server.application_instances) == [1, 2]

    server.updates.put_nowait(None)
    await serving
    futures = [details["future"] for details in server.application_instances.values()]
    while server.application_instances:
        server.delete_oldest_application_instance()
    await asyncio.wait(futures)
    assert all(future.cancelled() for future in futures)
