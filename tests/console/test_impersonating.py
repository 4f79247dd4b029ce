from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from console.models import Impersonation
from console.relay import relay
from runtime.routing import get_default_application
from runtime.taps import taps
from runtime.testing import WebsocketCommunicator
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = [(b"origin", b"http://testserver"), (b"host", b"testserver")]
PATH = "/ws/chat/as-other/"


class Viewer:
    """A browser of somebody of the staff."""

    def __init__(self, name: str, *permissions: str, **fields: Any) -> None:
        self.user = user(name, is_staff=True, **fields)
        self.user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        self.client = Client()
        self.client.force_login(self.user)

    @property
    def session(self) -> str:
        return str(self.client.cookies["sessionid"].value)

    def ask(self, name: str, path: str = PATH) -> Any:
        return self.client.post(reverse("channelscope:open-as"), {"user": name, "path": path})

    def token(self, name: str, path: str = PATH) -> str:
        return str(self.ask(name, path).json()["token"])


@sync_to_async
def viewer_with_token(name: str = "grace", **fields: Any) -> tuple[Viewer, str]:
    viewer = Viewer("ada", "impersonate", **fields)
    user(name)
    return viewer, viewer.token(name)


def socket_with(token: str, session: str, path: str = PATH, *headers: Any) -> WebsocketCommunicator:
    cookie = f"sessionid={session}; channelscope_as={token}; csrftoken=mine".encode()
    given = [*(headers or ORIGIN), (b"cookie", cookie)]
    return WebsocketCommunicator(get_default_application(), path, given)


@asynccontextmanager
async def opened(token: str, session: str) -> AsyncIterator[WebsocketCommunicator]:
    socket = socket_with(token, session)
    assert (await socket.connect(timeout=10))[0]
    yield socket
    await socket.disconnect(timeout=10)


async def is_refused(socket: WebsocketCommunicator) -> bool:
    connected, _ = await socket.connect(timeout=10)
    await socket.disconnect(timeout=10)
    return not connected


async def test_the_application_sees_the_other_user_and_none_of_the_viewer_s_cookies() -> None:
    viewer, token = await viewer_with_token()
    async with opened(token, viewer.session) as socket:
        assert (await socket.receive_json_from(timeout=10))["you"]["name"] == "grace"
        known = next(one for one in relay.recorder.state if one.path == PATH)
        headers = dict(known.connection.scope["headers"]) if known.connection else {}
        assert b"csrftoken" not in headers[b"cookie"]
        assert viewer.session.encode() not in headers[b"cookie"]


async def test_it_is_marked_with_who_opened_it_and_leaves_lines_behind() -> None:
    viewer, token = await viewer_with_token()
    async with opened(token, viewer.session):
        view = next(one for one in await relay.connections() if one.path == PATH)
        assert (view.user, view.opened_by, view.is_from_console) == ("grace", "ada as grace", True)
    line = await LogEntry.objects.select_related("user").aget()
    assert "Opens a connection as grace." in line.change_message
    assert line.user.get_username() == "ada"
    row = await Impersonation.objects.aget()
    assert row.used_at is not None
    assert row.ended_at is not None


async def test_the_session_ends_with_the_connection_and_expires_by_itself() -> None:
    viewer, token = await viewer_with_token()
    async with opened(token, viewer.session):
        made = await Session.objects.exclude(session_key=viewer.session).aget()
        said = made.get_decoded()
        assert said["channelscope"] == {"by": "ada"}
        assert said["_session_expiry"] == 15 * 60
    assert not await Session.objects.exclude(session_key=viewer.session).aexists()


async def test_a_token_works_once() -> None:
    viewer, token = await viewer_with_token()
    async with opened(token, viewer.session):
        assert await is_refused(socket_with(token, viewer.session))
    assert await is_refused(socket_with(token, viewer.session))


async def test_a_token_is_for_one_path_and_one_browser_alone() -> None:
    viewer, token = await viewer_with_token()
    other = await sync_to_async(Viewer)("linus", "impersonate")
    assert await is_refused(socket_with(token, viewer.session, "/ws/chat/elsewhere/"))
    assert await is_refused(socket_with(token, other.session))
    assert await is_refused(socket_with(token, ""))
    assert await is_refused(socket_with(f"{token}x", viewer.session))
    async with opened(token, viewer.session):
        pass


async def test_a_page_of_another_site_cannot_use_one(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    viewer, token = await viewer_with_token()
    evil = [(b"origin", b"http://evil.example"), (b"host", b"testserver")]
    assert await is_refused(socket_with(token, viewer.session, PATH, *evil))
    assert await is_refused(socket_with(token, viewer.session, PATH, (b"host", b"testserver")))


async def test_a_token_lives_for_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    viewer, token = await viewer_with_token()
    monkeypatch.setattr("console.impersonation.TOKEN_S", -1)
    assert await is_refused(socket_with(token, viewer.session))


async def test_whoever_loses_the_right_or_signs_out_meanwhile_is_refused() -> None:
    viewer, token = await viewer_with_token()
    await sync_to_async(viewer.user.user_permissions.clear)()
    assert await is_refused(socket_with(token, viewer.session))
    await sync_to_async(viewer.user.user_permissions.set)(
        await sync_to_async(list)(Permission.objects.filter(codename="impersonate"))
    )
    token = await sync_to_async(viewer.token)("grace")
    session = viewer.session
    await sync_to_async(viewer.client.logout)()
    assert await is_refused(socket_with(token, session))


async def test_a_console_that_became_read_only_refuses_a_token(settings: Any) -> None:
    viewer, token = await viewer_with_token()
    settings.CHANNELSCOPE = {"READ_ONLY": True}
    assert await is_refused(socket_with(token, viewer.session))


def test_who_may_not_gets_no_token_and_a_reason(settings: Any) -> None:
    user("grace")
    user("root", is_superuser=True, is_staff=True)
    user("gone", is_active=False)
    ada = Viewer("ada", "impersonate")
    for name, why in (("root", "Only a superuser"), ("gone", "Nobody"), ("nobody", "Nobody")):
        answer = ada.ask(name)
        assert (answer.status_code, why in answer.content.decode()) == (403, True)
    answer = Viewer("linus", "steer").ask("grace")
    assert (answer.status_code, b"channelscope_console.impersonate" in answer.content) == (
        403,
        True,
    )
    assert Viewer("top", is_superuser=True).ask("root").status_code == 200
    settings.CHANNELSCOPE = {"READ_ONLY": True}
    assert ada.ask("grace").status_code == 403
    assert Impersonation.objects.count() == 1


def test_nobody_else_gets_a_token(client: Any) -> None:
    place = reverse("channelscope:open-as")
    assert client.post(place, {"user": "x", "path": PATH}).status_code == 302
    client.force_login(user("eve"))
    assert client.post(place, {"user": "eve", "path": PATH}).status_code == 403
    assert not Impersonation.objects.exists()


async def test_the_console_s_own_socket_stays_the_viewer_s() -> None:
    viewer = await sync_to_async(Viewer)("ada", "impersonate")
    await sync_to_async(user)("grace")
    token = await sync_to_async(viewer.token)("grace", "/console/live/")
    socket = socket_with(token, viewer.session, "/console/live/")
    assert (await socket.connect(timeout=10))[0]
    await socket.disconnect(timeout=10)
    assert (await Impersonation.objects.aget()).used_at is None


async def test_headers_that_are_none_do_not_trip_the_recorder() -> None:
    socket = WebsocketCommunicator(get_default_application(), "/ws/echo/", ORIGIN)
    socket.scope["headers"] = [b"nonsense"]
    with pytest.raises(Exception, match=r".+"):
        await socket.connect(timeout=10)
    assert relay.recorder in taps.observers
