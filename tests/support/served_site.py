"""A small site behind a real server, for tests of what only a real server does.

Its consumers write what becomes of them to the file that the environment names.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from django.conf import settings

settings.configure(
    SECRET_KEY="for tests alone",
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={"default": {"BACKEND": "runtime.layers.InMemoryChannelLayer"}},
    CHANNELS_DRAIN_S=float(os.environ.get("DRAIN_S", "10")),
)

from django.urls import path  # noqa: E402

from runtime.generic.http import AsyncHttpConsumer  # noqa: E402
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer  # noqa: E402
from runtime.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

DIARY = Path(os.environ["DIARY"])


def note(line: str) -> None:
    with DIARY.open("a") as diary:
        diary.write(f"{line}\n")


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data)

    async def disconnect(self, code):
        note(f"echo {code}")


class SyncEcho(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data)

    def disconnect(self, code):
        note(f"sync echo {code}")


class Stuck(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send("never done")
        await asyncio.get_running_loop().create_future()

    async def disconnect(self, code):
        note(f"stuck {code}")


class Flood(AsyncWebsocketConsumer):
    slow_client = "close"

    async def receive(self, text_data=None, bytes_data=None):
        await self.send("here it comes")
        while not self._mailbox.ending:
            await self.send("x" * 65_536)

    async def disconnect(self, code):
        note(f"flood {code}")


class Full(AsyncWebsocketConsumer):
    async def connect(self):
        await self.deny(429, headers=[(b"retry-after", b"60")], body=b"Too many")


class LongPoll(AsyncHttpConsumer):
    async def handle(self, body):
        note("asked")

    async def disconnect(self):
        note("long poll")


application = ProtocolTypeRouter(
    {
        "http": URLRouter([path("poll/", LongPoll.as_asgi())]),
        "websocket": URLRouter(
            [
                path("echo/", Echo.as_asgi()),
                path("sync/", SyncEcho.as_asgi()),
                path("stuck/", Stuck.as_asgi()),
                path("flood/", Flood.as_asgi()),
                path("full/", Full.as_asgi()),
            ]
        ),
    }
)
