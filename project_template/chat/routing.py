"""Where each consumer is found: by path, or by channel."""

from django.urls import path

from chat.consumers import ARCHIVE, ArchiveConsumer, ChatConsumer
from runtime.routing import ChannelNameRouter, URLRouter

websockets = URLRouter([path("ws/chat/<slug:room>/", ChatConsumer.as_asgi())])

channels = ChannelNameRouter({ARCHIVE: ArchiveConsumer.as_asgi()})
