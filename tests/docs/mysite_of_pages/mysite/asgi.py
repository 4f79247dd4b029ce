"""The application that a server runs."""

import os

from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
django_application = get_asgi_application()

from chat.consumers import Anything, ChatConsumer  # noqa: E402
from runtime.auth import AuthMiddlewareStack  # noqa: E402
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AuthMiddlewareStack(
            URLRouter([path("ws/chat/<slug:room>/", ChatConsumer.as_asgi())])
        ),
        "channel": ChannelNameRouter({"thumbnails": Anything.as_asgi()}),
        "aprs": Anything.as_asgi(),
        "mqtt": Anything.as_asgi(),
        "telegram": Anything.as_asgi(),
    }
)
