"""A project with the toolbar, a view of each kind that sends, and the console."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from runtime.layers import get_channel_layer

PAGE = "<html><body>Sent.</body></html>"


def send_from_sync(request: HttpRequest) -> HttpResponse:
    layer: Any = get_channel_layer()
    message = {"type": "chat.message", "text": "<b>hi</b>", "password": request.GET["password"]}
    async_to_sync(layer.group_send)("lobby", message)
    return HttpResponse(PAGE)


async def send_from_async(request: HttpRequest) -> HttpResponse:
    layer: Any = get_channel_layer()
    await layer.group_send("lobby", {"type": "chat.message", "password": request.GET["password"]})
    await layer.send("thumbnails", {"type": "thumbnails.make"})
    return HttpResponse(PAGE)


def send_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


urlpatterns = [
    path("sync/", send_from_sync),
    path("async/", send_from_async),
    path("nothing/", send_nothing),
    path("console/", include("console.urls")),
    path("__debug__/", include("debug_toolbar.urls")),
]
