"""The demo with consumers whose events hold a secret wherever one can be."""

from __future__ import annotations

from typing import Any

from django.urls import path, re_path

from console.demo.asgi import django_application
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import AsyncJsonWebsocketConsumer
from runtime.routing import ProtocolTypeRouter, URLRouter

SECRET = "c4nary-5ecret-of-c0nnections"
"""What no page, batch, export, key of a server or line of our logs may have."""

CARRIED = "c4nary-5ecret-of-messages"
"""The same, of layer messages: those the project itself puts on the server."""

GROUP = "canaries"


class CanaryConsumer(AsyncJsonWebsocketConsumer):
    groups = [GROUP]  # noqa: RUF012 - as the API has it

    async def connect(self) -> None:
        await self.accept("canary")

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content.get("fail"):
            asked = f"Authorization: Bearer {SECRET}, for {self.scope['headers']!r}"
            raise RuntimeError(f"The upstream refused: {asked}")
        if content.get("leave"):
            await self.close(4000, f"token={SECRET}")
            return
        message = {"type": "canary.sings", "password": CARRIED, "in": {"api_key": CARRIED}}
        await self.channel_layer.group_send(GROUP, message | {"pin": CARRIED, "visible": "yes"})
        await self.channel_layer.send(self.channel_name, message | {"type": "canary.unheard"})
        await self.channel_layer.send("nobody-listens", {"type": "job", "token": CARRIED})

    async def canary_sings(self, event: Any) -> None:
        await self.send_json({"visible": event["visible"], "access_token": SECRET, "pin": SECRET})

    @staticmethod
    def channelscope_redact(direction: str, payload: Any) -> Any:
        """Hide a name that nobody else would take for a secret."""
        if isinstance(payload, dict) and "pin" in payload:
            payload["pin"] = "****"
        return payload


class CanaryForm(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        headers = [(b"set-cookie", f"sessionid={SECRET}".encode()), (b"x-api-key", SECRET.encode())]
        await self.send_response(200, f'{{"client_secret":"{SECRET}"}}'.encode(), headers=headers)


application: Any = ProtocolTypeRouter(
    {
        "http": URLRouter([path("form/", CanaryForm.as_asgi()), re_path(r"", django_application)]),
        "websocket": URLRouter(
            [
                path("ws/canary/<str:token>/", CanaryConsumer.as_asgi()),
            ]
        ),
    }
)
