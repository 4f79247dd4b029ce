from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client

from console import live, recordings, virtual_live
from console.virtual_live import FORBIDDEN, NOT_UNDERSTOOD, VirtualConsumer
from runtime.auth import AuthMiddlewareStack
from runtime.testing import WebsocketCommunicator
from tests.console.watching import user
from tests.support.chatting import recorded_chat

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = [(b"origin", b"http://testserver"), (b"host", b"testserver")]
PATH = "/console/live/virtual/"


class Played:
    """An application that a test says: what it was called with, and what it shall do."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.has_ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        try:
            while True:
                event = await receive()
                if event["type"] == "break":
                    raise KeyError("text")
                if event["type"] in ("bye", "websocket.disconnect"):
                    return
                await send({"type": "echo", "text": json.dumps(event)})
        finally:
            self.has_ended.set()


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    application = Played()
    monkeypatch.setattr(virtual_live, "get_default_application", lambda: application)
    return application


@sync_to_async
def session_of(name: str, *permissions: str, **fields: Any) -> tuple[bytes, bytes]:
    viewer = user(name, **fields)
    viewer.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(viewer)
    return (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())


@asynccontextmanager
async def socket_of(cookie: tuple[bytes, bytes]) -> AsyncIterator[WebsocketCommunicator]:
    socket = WebsocketCommunicator(live.application, PATH, headers=[*ORIGIN, cookie])
    assert (await socket.connect(timeout=10))[0]
    yield socket
    await socket.disconnect(timeout=10)


@pytest_asyncio.fixture
async def socket(played: Played) -> AsyncIterator[WebsocketCommunicator]:
    cookie = await session_of("ada", "steer", is_staff=True)
    async with socket_of(cookie) as socket:
        yield socket


async def until(socket: WebsocketCommunicator, *what: str) -> dict[str, Any]:
    while True:
        said: dict[str, Any] = await socket.receive_json_from(timeout=10)
        if said["said"] in what:
            return said


async def opened(socket: WebsocketCommunicator, scope: dict[str, Any], who: str = "") -> None:
    await socket.send_json_to({"open": json.dumps(scope), "as": who})
    await until(socket, "opened")


async def give(socket: WebsocketCommunicator, **event: Any) -> None:
    await socket.send_json_to({"event": json.dumps(event)})


async def test_a_scope_of_any_type_is_run_and_its_replies_are_shown(
    socket: WebsocketCommunicator, played: Played
) -> None:
    await opened(socket, {"type": "telegram", "bot": "acme"})
    await give(socket, type="telegram.message", text="hello")
    assert (await until(socket, "in"))["type"] == "telegram.message"
    said = await until(socket, "out")
    assert (said["type"], json.loads(said["text"])["text"]) == ("echo", "hello")
    assert played.scopes[0]["bot"] == "acme"
    await give(socket, type="bye")
    assert (await until(socket, "ended"))["words"] == "The application returned."


async def test_what_is_secret_is_hidden_on_the_way_back(socket: WebsocketCommunicator) -> None:
    await opened(socket, {"type": "telegram"})
    await give(socket, type="telegram.message", password="hunter2")
    assert "hunter2" not in (await until(socket, "in"))["text"]
    assert "hunter2" not in (await until(socket, "out"))["text"]


async def test_an_error_comes_with_its_traceback(socket: WebsocketCommunicator) -> None:
    await opened(socket, {"type": "telegram"})
    await give(socket, type="break")
    said = await until(socket, "failed")
    assert said["words"] == "KeyError: 'text'"
    assert "Traceback" in said["traceback"]


async def test_what_is_no_scope_or_comes_too_early_is_refused_with_a_sentence(
    socket: WebsocketCommunicator,
) -> None:
    await give(socket, type="telegram.message")
    assert "open one first" in (await until(socket, "refused"))["words"]
    await socket.send_json_to({"open": "{"})
    assert "is no JSON" in (await until(socket, "refused"))["words"]


async def test_the_console_does_not_run_itself(
    socket: WebsocketCommunicator, played: Played
) -> None:
    for path in ("/console/live/", "/console/connections/"):
        await socket.send_json_to({"open": json.dumps({"type": "websocket", "path": path})})
        assert "one of its own" in (await until(socket, "refused"))["words"]
    assert not played.scopes


async def test_a_run_ends_with_its_socket_and_leaves_a_line_in_the_admin_s_log(
    played: Played,
) -> None:
    cookie = await session_of("ada", "steer", is_staff=True)
    async with socket_of(cookie) as socket:
        await opened(socket, {"type": "websocket", "path": "/ws/x/", "token": "s3cret"})
        await give(socket, type="websocket.connect")
        await until(socket, "out")
    async with asyncio.timeout(30):
        await played.has_ended.wait()
    line = await LogEntry.objects.select_related("user").aget()
    assert line.user.get_username() == "ada"
    assert "virtual scope of type websocket" in line.change_message
    assert "It was given 2 events and sent 1." in line.change_message
    assert "s3cret" not in line.change_message


async def test_it_goes_out_with_the_viewer_s_own_session_only_if_asked(
    socket: WebsocketCommunicator, played: Played
) -> None:
    scope = {"type": "websocket", "path": "/ws/x/"}
    await opened(socket, scope, "me")
    await opened(socket, scope)
    mine, nobody = (dict(scope["headers"]) for scope in played.scopes)
    assert b"sessionid=" in mine[b"cookie"]
    assert b"cookie" not in nobody


async def test_staff_without_the_permission_are_told_so_and_run_nothing(played: Played) -> None:
    cookie = await session_of("grace", is_staff=True)
    socket = WebsocketCommunicator(live.application, PATH, headers=[*ORIGIN, cookie])
    assert (await socket.connect(timeout=10))[0]
    closing = await socket.receive_output(timeout=10)
    assert (closing["type"], closing["code"]) == ("websocket.close", FORBIDDEN)
    assert "steer" in closing["reason"]
    assert not played.scopes


@pytest.mark.parametrize("fields", [{}, {"is_staff": True, "is_active": False}])
async def test_others_are_refused_before_the_handshake(fields: Any) -> None:
    cookie = await session_of("linus", "steer", **fields)
    socket = WebsocketCommunicator(live.application, PATH, headers=[*ORIGIN, cookie])
    assert not (await socket.connect(timeout=10))[0]


async def test_a_page_of_another_site_is_refused() -> None:
    cookie = await session_of("ada", "steer", is_staff=True)
    headers = [(b"origin", b"http://evil.example"), (b"host", b"testserver"), cookie]
    socket = WebsocketCommunicator(live.application, PATH, headers=headers)
    assert not (await socket.connect(timeout=10))[0]


async def test_a_console_that_is_read_only_runs_nothing(
    socket: WebsocketCommunicator, played: Played, settings: Any
) -> None:
    settings.CHANNELSCOPE = {"READ_ONLY": True}
    await socket.send_json_to({"open": '{"type": "telegram"}'})
    closing = await socket.receive_output(timeout=10)
    assert (closing["code"], "read-only" in closing["reason"]) == (FORBIDDEN, True)
    assert not played.scopes


async def test_whoever_loses_the_right_loses_the_run(played: Played) -> None:
    cookie = await session_of("ada", "steer", is_staff=True)
    application = AuthMiddlewareStack(VirtualConsumer.as_asgi(recheck_s=0.05))
    socket = WebsocketCommunicator(application, PATH, headers=[*ORIGIN, cookie])
    assert (await socket.connect(timeout=10))[0]
    await opened(socket, {"type": "telegram"})
    await LogEntry.objects.all().adelete()
    await _make_no_staff("ada")
    while (event := await socket.receive_output(timeout=10))["type"] != "websocket.close":
        pass
    assert event["code"] == FORBIDDEN
    await socket.disconnect(timeout=10)
    async with asyncio.timeout(30):
        await played.has_ended.wait()


async def test_nonsense_ends_the_socket(socket: WebsocketCommunicator) -> None:
    await socket.send_json_to([])
    assert (await socket.receive_output(timeout=10))["code"] == NOT_UNDERSTOOD


@sync_to_async
def _make_no_staff(name: str) -> None:
    get_user_model().objects.filter(username=name).update(is_staff=False)


async def test_it_goes_out_as_another_user_with_a_session_that_ends_with_the_run(
    played: Played,
) -> None:
    await session_of("grace")
    cookie = await session_of("ada", "steer", "impersonate", is_staff=True)
    own = cookie[1].decode().partition("=")[2]
    known = [key async for key in Session.objects.values_list("session_key", flat=True)]
    async with socket_of(cookie) as socket:
        await opened(socket, {"type": "websocket", "path": "/ws/x/"}, "user:grace")
        said = dict(played.scopes[0]["headers"])[b"cookie"].decode()
        assert own not in said
        made = await Session.objects.aget(session_key=said.partition("=")[2])
        grace = await get_user_model().objects.aget(username="grace")
        assert made.get_decoded()["_auth_user_id"] == str(grace.pk)
    left = [key async for key in Session.objects.values_list("session_key", flat=True)]
    assert sorted(left) == sorted(known)


async def test_without_the_right_it_goes_out_as_nobody_else(
    socket: WebsocketCommunicator, played: Played
) -> None:
    await session_of("grace")
    scope = json.dumps({"type": "websocket", "path": "/ws/x/"})
    await socket.send_json_to({"open": scope, "as": "user:grace"})
    assert "impersonate" in (await until(socket, "refused"))["words"]
    assert not played.scopes


async def test_a_recording_is_played_over_the_socket() -> None:
    found, connection = await recorded_chat("ada", "over-the-socket", "hello")
    number = await recordings.begin(None, "Chat", "query", "is:open", "web-1")
    await recordings.add(number, found.records, found.views, 0)
    cookie = await session_of("ada-2", "steer", is_staff=True)
    async with socket_of(cookie) as socket:
        asked = {"replay": number, "connection": connection, "as": "me", "speed": 0}
        await socket.send_json_to(asked)
        while not (said := await until(socket, "progress"))["done"]:
            pass
        verdicts = [one["verdict"] for one in said["verdicts"]]
        assert verdicts == ["equal", "differs", "differs", "differs"]
        assert said["verdicts"][1]["differences"][0] == {
            "path": "you.name",
            "expected": '"ada"',
            "came": '"ada-2"',
        }
        await socket.send_json_to({**asked, "connection": "nobody"})
        assert "not recorded any more" in (await until(socket, "refused"))["words"]
