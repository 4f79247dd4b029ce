"""A project that uses the public surface, as `mypy --strict` sees it. It is checked, never run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.urls import include, path, re_path

import runtime
from runtime.auth import (
    AuthMiddleware,
    AuthMiddlewareStack,
    UserLazyObject,
    get_user,
    login,
    logout,
)
from runtime.boundary import Boundary
from runtime.consumer import AsyncConsumer, SyncConsumer, get_handler_name
from runtime.db import DatabaseSyncToAsync, aclose_old_connections, database_sync_to_async
from runtime.exceptions import (
    AcceptConnection,
    ChannelFull,
    DenyConnection,
    InvalidChannelLayerError,
    MessageTooLarge,
    RequestAborted,
    RequestTimeout,
    StopConsumer,
)
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from runtime.layers import (
    BaseChannelLayer,
    ChannelLayerManager,
    InMemoryChannelLayer,
    channel_layers,
    get_channel_layer,
)
from runtime.middleware import BaseMiddleware
from runtime.routing import (
    ChannelNameRouter,
    ProtocolTypeRouter,
    URLRouter,
    get_default_application,
)
from runtime.security.websocket import (
    AllowedHostsOriginValidator,
    OriginValidator,
    WebsocketDenier,
)
from runtime.sessions import (
    CookieMiddleware,
    InstanceSessionWrapper,
    SessionMiddleware,
    SessionMiddlewareStack,
)
from runtime.taps import Connection, Observer, taps
from runtime.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator
from runtime.typing import ASGIApplication, Event, Receive, Scope, Send
from runtime.utils import await_many_dispatch, name_that_thing
from runtime.worker import Worker

# Consumers


class Chat(AsyncWebsocketConsumer):
    groups = ["everybody"]  # noqa: RUF012 - as projects write it
    channel_layer_alias = "default"

    async def connect(self) -> None:
        self.room: str = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        if self.room == "open":
            raise AcceptConnection
        if self.room == "closed":
            raise DenyConnection
        await self.accept(subprotocol="chat.v2", headers=[(b"x-room", b"den")])

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.disconnected:
            return
        await self.send(text_data=text_data)
        await self.send(bytes_data=bytes_data, close=4000)
        await self.close(code=4001, reason="enough")

    async def chat_message(self, event: Event) -> None:
        await self.send(event["text"])

    async def default_handler(self, message: Event) -> None:
        await super().default_handler(message)

    async def disconnect(self, code: int | None) -> None:
        await self.channel_layer.group_discard(self.room, self.channel_name)


class SyncChat(WebsocketConsumer):
    groups = ("everybody",)

    def __init__(self, greeting: str = "hello") -> None:
        super().__init__()
        self.greeting = greeting

    def connect(self) -> None:
        self.accept()
        self.send(text_data=self.greeting)

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.send(text_data=text_data, bytes_data=bytes_data, close=True)

    def disconnect(self, code: int | None) -> None:
        self.close()


class Json(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json({"echo": content}, close=False)

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        return await super().decode_json(text_data)

    @classmethod
    async def encode_json(cls, content: Any) -> str:
        return await super().encode_json(content)


class SyncJson(JsonWebsocketConsumer):
    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json({"echo": content})

    @classmethod
    def encode_json(cls, content: Any) -> str:
        return super().encode_json(content)


class LongPoll(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        await self.send_headers(status=200, headers=[(b"content-type", b"text/plain")])
        await self.send_headers(headers={"content-type": "text/plain"})
        await self.send_body(b"first", more_body=True)
        await self.send_response(404, b"not found", headers=[("x-why", "because")])

    async def disconnect(self) -> None:
        await aclose_old_connections()


class Bot(SyncConsumer):
    def telegram_message(self, message: Event) -> None:
        self.send({"type": "telegram.message", "text": message["text"]})
        raise StopConsumer


class Ping(AsyncConsumer):
    async def websocket_connect(self, message: Event) -> None:
        await self.send({"type": "websocket.accept"})

    async def dispatch(self, message: Event) -> None:
        get_handler_name(message).upper()
        await super().dispatch(message)


# Middleware and routing


class Tenant(BaseMiddleware):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, "tenant": "acme"}
        return await super().__call__(scope, receive, send)


class Token(AuthMiddleware):
    async def resolve_scope(self, scope: Scope) -> None:
        scope["user"]._wrapped = await get_user(scope)


class Strict(OriginValidator):
    def valid_origin(self, parsed_origin: Any) -> bool:
        return parsed_origin is not None and super().valid_origin(parsed_origin)


def function_middleware(inner: ASGIApplication) -> ASGIApplication:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await inner(scope, receive, send)

    return application


inner_routes = URLRouter([path("<int:number>/", Chat.as_asgi())])
websockets = URLRouter(
    [
        path("chat/<slug:room>/", Chat.as_asgi()),
        path("sync/", SyncChat.as_asgi(greeting="moin")),
        path("json/", Json.as_asgi()),
        re_path(r"^sync-json/$", SyncJson.as_asgi()),
        path("ping/", Ping.as_asgi(), {"mode": "fast"}, name="ping"),
        path("included/", include([path("deny/", WebsocketDenier.as_asgi())])),
    ]
)
application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(Tenant(function_middleware(websockets)))
        ),
        "channel": ChannelNameRouter({"thumbnails": Bot.as_asgi()}),
        "telegram": Bot.as_asgi(),
    }
)
by_hand: ASGIApplication = CookieMiddleware(SessionMiddleware(Token(inner_routes)))
stacked: ASGIApplication = SessionMiddlewareStack(Strict(inner_routes, ["https://example.com"]))
bounded: ASGIApplication = Boundary(application)
default: ASGIApplication = get_default_application()
consumer_class: type[AsyncConsumer] = Chat.as_asgi().consumer_class
initkwargs: dict[str, Any] = Chat.as_asgi().consumer_initkwargs
name: str = name_that_thing(Chat)
versions: tuple[str, str] = (runtime.__version__, runtime.DEFAULT_CHANNEL_LAYER)


# Sessions, auth, database


@database_sync_to_async
def count_users(active: bool) -> int:
    return User.objects.filter(is_active=active).count()


async def use_accounts(scope: Scope, send: Send) -> None:
    user = await get_user(scope)
    await login(scope, user, backend="django.contrib.auth.backends.ModelBackend")
    await logout(scope)
    found: int = await count_users(active=True)
    again: int = await DatabaseSyncToAsync(lambda: found)()
    UserLazyObject()
    wrapper = InstanceSessionWrapper(scope, send)
    await wrapper.resolve_session()
    await wrapper.save_session()
    answer: Event = {"type": "websocket.accept"}
    CookieMiddleware.set_cookie(answer, "seen", str(again), max_age=60, samesite="strict")
    CookieMiddleware.delete_cookie(answer, "seen")


# Layers and workers


class OwnLayer(BaseChannelLayer):
    extensions: ClassVar[Sequence[str]] = ()

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self.require_valid_channel_name(channel)
        raise ChannelFull(channel, self.get_capacity(channel))

    async def receive(self, channel: str) -> dict[str, Any]:
        raise MessageTooLarge

    async def new_channel(self, prefix: str = "specific") -> str:
        return f"{prefix}.{self.non_local_name('a!b')}"


async def use_layers() -> None:
    layer = get_channel_layer("default")
    memory = InMemoryChannelLayer(expiry=10, capacity=5, channel_capacity={"http.*": 50})
    channel: str = await memory.new_channel("test")
    await memory.group_add("den", channel)
    await memory.group_send("den", {"type": "chat.message", "text": "hello"})
    message: dict[str, Any] = await memory.receive(channel)
    await memory.send(channel, message)
    await memory.group_discard("den", channel)
    await memory.flush()
    await memory.close()
    channel_layers.set("default", layer)
    try:
        ChannelLayerManager().make_test_backend("default")
    except InvalidChannelLayerError as error:
        str(error)
    worker = Worker(application, ["thumbnails"], memory, max_applications=10)
    worker.channels.append("more")
    await await_many_dispatch([worker.channel_layer.receive], print_message)


async def print_message(message: Event) -> None:
    if not message:
        raise RequestTimeout from RequestAborted()


# Observers


class Counter(Observer):
    opened = 0

    def scope_opened(self, connection: Connection) -> None:
        self.opened += 1


def observe() -> None:
    counter = Counter()
    taps.attach(counter)
    taps.detach(counter)


# Tests


async def drive() -> None:
    async with WebsocketCommunicator(
        application, "/chat/den/", headers=[(b"origin", b"http://localhost")], subprotocols=["a"]
    ) as client:
        connected, subprotocol = await client.connect(timeout=1)
        assert connected or subprotocol
        await client.send_to(text_data="hello")
        await client.send_json_to({"text": "hello"})
        frame: str | bytes = await client.receive_from()
        content: Any = await client.receive_json_from(timeout=2)
        assert await client.receive_nothing(timeout=0.1, interval=0.01) or frame or content
        await client.disconnect(code=1001)
    request = HttpCommunicator(application, "POST", "/", body=b"x", headers=[(b"a", b"b")])
    response: dict[str, Any] = await request.get_response()
    assert response["status"] == 200
    bot = ApplicationCommunicator(Bot.as_asgi(), {"type": "telegram"})
    await bot.send_input({"type": "telegram.message", "text": "hello"})
    event: Event = await bot.receive_output(timeout=1)
    assert event["type"]
    await bot.wait()
    bot.stop(exceptions=False)
    task: asyncio.Task[None] = bot.future
    assert task.done()
