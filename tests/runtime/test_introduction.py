"""What the introduction of Channels says, said of this runtime: its sentences and its examples.

The sections follow those of the introduction. Where an example leaves something out
(a view, a model), the demo's own stands in for it.
"""

import asyncio
import threading
from urllib.parse import urlencode

import pytest
from asgiref.server import StatelessServer
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.test import Client
from django.urls import path, re_path

from console.demo.models import Log
from runtime.auth import AuthMiddlewareStack
from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.layers import get_channel_layer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from runtime.security.websocket import AllowedHostsOriginValidator
from runtime.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator
from runtime.worker import Worker
from tests.support.playbook import eventually

pytestmark = pytest.mark.usefixtures("layer")


class ChatConsumer(WebsocketConsumer):
    def connect(self):
        self.username = "Anonymous"
        self.accept()
        self.send(text_data=f"[Welcome {self.username}!]")

    def receive(self, *, text_data):
        if text_data.startswith("/name"):
            self.username = text_data[5:].strip()
            self.send(text_data=f"[set your username to {self.username}]")
        else:
            self.send(text_data=self.username + ": " + text_data)

    def disconnect(self, message):
        pass


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


class AdminChatConsumer(ChatConsumer):
    def connect(self):
        self.accept()
        self.send(text_data="[Welcome admin!]")


class PublicChatConsumer(ChatConsumer):
    pass


chat_routes = URLRouter(
    [
        path("chat/admin/", AdminChatConsumer.as_asgi()),
        path("chat/", PublicChatConsumer.as_asgi()),
    ]
)


# Turtles all the way down


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


def plain_view(request):
    return HttpResponse("a view")


urlpatterns = [path("view/", plain_view)]
"""This module as the URLs of a project."""


@pytest.mark.urls("tests.runtime.test_introduction")
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


# Scopes and events


class Chatbot(AsyncConsumer):
    """Counts what it hears, on its instance and in its scope."""

    made = 0

    def __init__(self):
        Chatbot.made += 1
        self.heard = 0

    async def chat_received_message(self, message):
        self.heard += 1
        self.scope.setdefault("words", []).append(message["text"])
        for _ in range(message.get("answers", 1)):
            text = f"{self.scope['username']}: {self.heard} {' '.join(self.scope['words'])}"
            await self.send({"type": "chat.send_message", "text": text})


def chatbot(username):
    return ApplicationCommunicator(Chatbot.as_asgi(), {"type": "chat", "username": username})


async def test_an_application_is_instantiated_once_for_each_scope(monkeypatch):
    monkeypatch.setattr(Chatbot, "made", 0)
    async with chatbot("ada") as ada, chatbot("bob") as bob:
        for word in ("one", "two", "three"):
            await ada.send_input({"type": "chat.received_message", "text": word})
            await ada.receive_output()
        await bob.send_input({"type": "chat.received_message", "text": "uno"})
        assert (await bob.receive_output())["text"] == "bob: 1 uno"
    assert Chatbot.made == 2


async def test_instance_and_scope_persist_as_long_as_the_connection():
    async with chatbot("ada") as ada:
        await ada.send_input({"type": "chat.received_message", "text": "hello"})
        assert (await ada.receive_output())["text"] == "ada: 1 hello"
        await ada.send_input({"type": "chat.received_message", "text": "again"})
        assert (await ada.receive_output())["text"] == "ada: 2 hello again"


async def test_a_socket_that_reopens_has_a_new_scope_and_a_new_instance():
    for _ in range(2):
        async with WebsocketCommunicator(ChatConsumer.as_asgi(), "/") as client:
            assert await client.connect() == (True, None)
            assert await client.receive_from() == "[Welcome Anonymous!]"
            await client.send_to(text_data="/name ada")
            assert await client.receive_from() == "[set your username to ada]"


async def test_a_chatbot_answers_not_at_all_or_several_times():
    async with chatbot("ada") as ada:
        for answers in (0, 3):
            message = {"type": "chat.received_message", "text": "hi", "answers": answers}
            await ada.send_input(message)
        assert [(await ada.receive_output())["text"] for _ in range(3)] == ["ada: 2 hi hi"] * 3


async def test_the_scope_of_a_request_is_destroyed_with_its_response():
    class Hello(AsyncHttpConsumer):
        async def handle(self, body):
            await self.send_response(200, b"hello " + body)

    request = HttpCommunicator(Hello.as_asgi(), "POST", "/", body=b"world")
    assert (await request.get_response())["body"] == b"hello world"
    await request.wait()


# What is a consumer?


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


# Routing and multiple protocols


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
    answers = [await asyncio.wait_for(server.messages.get(), 5) for _ in range(3)]
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


# Cross-process communication


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
        assert await asyncio.wait_for(Thumbnails.made.get(), 5) == 90902949
    worker.stop()
    await working


@pytest.mark.parametrize("empty", [{}, None], ids=["an empty dict", "None"])
async def test_layers_are_optional_and_disabled_by_an_empty_setting(settings, empty):
    settings.CHANNEL_LAYERS = empty
    assert get_channel_layer() is None
    async with WebsocketCommunicator(ChatConsumer.as_asgi(), "/") as client:
        assert await client.connect() == (True, None)
        assert await client.receive_from() == "[Welcome Anonymous!]"


# Django integration


class AsyncChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.accept()
        await self.send(text_data=f"{self.scope['user']} {self.scope['session'].get('room')}")


def make_application():
    """What stands in the asgi.py of the introduction."""
    django_asgi_app = get_asgi_application()
    return ProtocolTypeRouter(
        {
            "http": django_asgi_app,
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(
                    URLRouter(
                        [
                            re_path(r"^front(end)/$", AsyncChatConsumer.as_asgi()),
                        ]
                    )
                )
            ),
        }
    )


def log_in(username):
    """Return the Cookie header of a browser that has logged in."""
    user = get_user_model().objects.create_user(username)
    client = Client()
    client.force_login(user)
    session = SessionStore(client.cookies["sessionid"].value)
    session["room"] = "den"
    session.save()
    return f"sessionid={session.session_key}".encode()


@pytest.mark.django_db(transaction=True)
async def test_sessions_and_authentication_are_a_middleware_around_the_websockets():
    cookie = await asyncio.to_thread(log_in, "ada")
    headers = [(b"origin", b"http://localhost"), (b"cookie", cookie)]
    async with WebsocketCommunicator(make_application(), "/frontend/", headers) as client:
        assert await client.connect() == (True, None)
        assert await client.receive_from() == "ada den"


@pytest.mark.django_db(transaction=True)
async def test_a_client_without_a_session_is_anonymous():
    headers = [(b"origin", b"http://localhost")]
    async with WebsocketCommunicator(make_application(), "/frontend/", headers) as client:
        assert await client.connect() == (True, None)
        assert await client.receive_from() == "AnonymousUser None"


async def test_a_page_of_another_host_is_refused():
    headers = [(b"origin", b"http://evil.example")]
    client = WebsocketCommunicator(make_application(), "/frontend/", headers)
    assert (await client.connect())[0] is False
    await client.disconnect()


@pytest.mark.urls("tests.runtime.test_introduction")
@pytest.mark.django_db(transaction=True)
async def test_django_serves_http_in_the_same_application():
    target = "/view/?" + urlencode({"page": 1})
    host = [(b"host", b"testserver")]
    response = await HttpCommunicator(
        make_application(), "GET", target, headers=host
    ).get_response()
    assert (response["status"], response["body"]) == (200, b"a view")
