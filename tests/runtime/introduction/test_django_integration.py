"""Django integration: sessions, authentication, and HTTP in the same application."""

import asyncio
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.asgi import get_asgi_application
from django.test import Client
from django.urls import re_path

from runtime.auth import AuthMiddlewareStack
from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.routing import ProtocolTypeRouter, URLRouter
from runtime.security.websocket import AllowedHostsOriginValidator
from runtime.testing import HttpCommunicator, WebsocketCommunicator

pytestmark = pytest.mark.usefixtures("layer")


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


@pytest.mark.urls("tests.runtime.introduction.urls")
@pytest.mark.django_db(transaction=True)
async def test_django_serves_http_in_the_same_application():
    target = "/view/?" + urlencode({"page": 1})
    host = [(b"host", b"testserver")]
    response = await HttpCommunicator(
        make_application(), "GET", target, headers=host
    ).get_response()
    assert (response["status"], response["body"]) == (200, b"a view")
