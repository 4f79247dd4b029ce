"""Where each consumer of the demo is found: by path, or by channel.

`console.demo.asgi` puts these together with Django's own application.
"""

from __future__ import annotations

from django.urls import path

from console.demo.consumers import thumbnails
from console.demo.consumers.chat import ChatConsumer
from console.demo.consumers.echo import EchoConsumer
from console.demo.consumers.guests import AprsGuest, MqttGuest, TelegramGuest
from console.demo.consumers.log import LogConsumer
from console.demo.consumers.news import NewsLongPoll
from console.demo.consumers.ticker import TickerConsumer
from runtime.protocols.mqtt import TopicRouter
from runtime.routing import ChannelNameRouter, URLRouter
from runtime.typing import ASGIApplication

http_routes = [
    path("news/wait/", NewsLongPoll.as_asgi()),
]

websockets = URLRouter(
    [
        path("ws/chat/<slug:room>/", ChatConsumer.as_asgi()),
        path("ws/echo/", EchoConsumer.as_asgi()),
        path("ws/log/", LogConsumer.as_asgi()),
        path("ws/ticker/", TickerConsumer.as_asgi()),
    ]
)

channels = ChannelNameRouter({thumbnails.CHANNEL: thumbnails.ThumbnailConsumer.as_asgi()})

# Served by processes of their own: runtelegram, runmqtt and runaprs.
other_protocols: dict[str, ASGIApplication] = {
    "telegram": TelegramGuest.as_asgi(),
    "mqtt": TopicRouter({"channelscope/rooms/lobby/say": MqttGuest.as_asgi()}),
    "aprs": AprsGuest.as_asgi(),
}
