"""The work done by a package: the same consumers on `runtime` and on `channels`.

Nothing else differs between the two: the classes below are made from whichever package
is named, and everything is imported from it.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from django.utils.module_loading import import_string

from tests.benchmarks.work import Application

LAYERS = {
    ("runtime", "pubsub"): "runtime.layers.pubsub.RedisPubSubChannelLayer",
    ("runtime", "streams"): "runtime.layers.redis.RedisChannelLayer",
    ("channels", "pubsub"): "channels_redis.pubsub.RedisPubSubChannelLayer",
    ("channels", "streams"): "channels_redis.core.RedisChannelLayer",
}
"""By package and kind. The core layer of channels_redis has lists and sorted sets for streams."""


class Package:
    """A flavour of the work.

    Args:
        name: `runtime` or `channels`.
        has_boundary: whether a `ProtocolTypeRouter` is at the root, where observers listen.
    """

    def __init__(self, name: str, *, has_boundary: bool = False) -> None:
        self.name = name
        self._has_boundary = has_boundary

    def root(self, application: Application) -> Application:
        if not self._has_boundary:
            return application
        return self._import("routing").ProtocolTypeRouter({"websocket": application})

    def echo(self, kind: str) -> Application:
        generic = self._import("generic.websocket")

        class AsyncEcho(generic.AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data=text_data)

        class JsonEcho(generic.AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                await self.send_json(content)

        class SyncEcho(generic.WebsocketConsumer):
            def receive(self, text_data=None, bytes_data=None):
                self.send(text_data=text_data)

        return {"async": AsyncEcho, "json": JsonEcho, "sync": SyncEcho}[kind].as_asgi()

    def blocked(self, seconds: float) -> Application:
        class Blocked(self._import("generic.websocket").WebsocketConsumer):
            def receive(self, text_data=None, bytes_data=None):
                time.sleep(seconds)
                self.send(text_data=text_data)

        return Blocked.as_asgi()

    def authenticated(self, application: Application) -> Application:
        return self._import("auth").AuthMiddlewareStack(application)

    def member(self, group: str) -> Application:
        class Member(self._import("generic.websocket").AsyncWebsocketConsumer):
            groups = (group,)

            async def receive(self, text_data=None, bytes_data=None):
                message = {"type": "room.message", "text": text_data}
                await self.channel_layer.group_send(group, message)

            async def room_message(self, message):
                await self.send(text_data=message["text"])

        return Member.as_asgi()

    async def group_send(self, group: str, text: str) -> None:
        layer = self._import("layers").get_channel_layer()
        await layer.group_send(group, {"type": "room.message", "text": text})

    def layer(self, kind: str, url: str) -> Any:
        layer = import_string(LAYERS[self.name, kind])(hosts=[url])
        self._import("layers").channel_layers.set("default", layer)
        return layer

    def router(self, routes: list[Any]) -> Application:
        return self._import("routing").URLRouter(routes)

    def _import(self, module: str) -> Any:
        return importlib.import_module(f"{self.name}.{module}")
