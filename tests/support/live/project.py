"""The project: a page, and a WebSocket that tells the names of the users."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from runtime.generic.websocket import WebsocketConsumer
from runtime.routing import ProtocolTypeRouter, URLRouter
from runtime.security.websocket import AllowedHostsOriginValidator


def page(request: HttpRequest) -> HttpResponse:
    return render(request, "page.html")


class Users(WebsocketConsumer):
    def receive(self, text_data: str | None = None, bytes_data: Any = None) -> None:
        self.send(", ".join(User.objects.values_list("username", flat=True)))


urlpatterns = [path("", page)]
websockets = URLRouter([path("users/", Users.as_asgi())])
application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": AllowedHostsOriginValidator(websockets)}
)
