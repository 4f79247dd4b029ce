from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from console import live
from console.live import FORBIDDEN, NOT_UNDERSTOOD, LiveConsumer
from console.pages.page import Page
from runtime.auth import AuthMiddlewareStack
from runtime.testing import WebsocketCommunicator
from tests.console.recording import EPOCH, Recording
from tests.console.watching import user

ORIGIN = [(b"origin", b"http://testserver"), (b"host", b"testserver")]
STAFF = SimpleNamespace(is_active=True, is_staff=True, pk=1, has_perm=lambda permission: False)


def communicator(viewer: Any, application: Any = None) -> WebsocketCommunicator:
    socket = WebsocketCommunicator(application or LiveConsumer.as_asgi(), "/console/live/")
    socket.scope["user"] = viewer
    return socket


@asynccontextmanager
async def watching(page: str, query: str = "", **said: Any) -> AsyncIterator[WebsocketCommunicator]:
    """A staff viewer of a page, who has been told the measurements."""
    socket = communicator(STAFF)
    assert (await socket.connect())[0]
    await socket.send_json_to({"page": page, "subject": "", "query": query, "position": "", **said})
    yield socket
    await socket.disconnect()


async def until(socket: WebsocketCommunicator, key: str) -> dict[str, Any]:
    """Return the next batch that says something of `key`, acknowledging those before it."""
    while True:
        batch: dict[str, Any] = await socket.receive_json_from(timeout=30)
        if batch.get(key):
            return batch
        await socket.send_json_to({"seen": batch["position"]})


@pytest.mark.parametrize(
    "viewer",
    [
        AnonymousUser(),
        SimpleNamespace(is_active=True, is_staff=False),
        SimpleNamespace(is_active=False, is_staff=True),
    ],
    ids=["anonymous", "not staff", "not active"],
)
async def test_whoever_may_not_watch_is_refused_before_the_handshake(viewer: Any) -> None:
    connected, _ = await communicator(viewer).connect()
    assert not connected


async def test_a_page_of_another_site_is_refused(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    headers = [(b"origin", b"http://evil.example"), (b"host", b"testserver")]
    socket = WebsocketCommunicator(live.application, "/console/live/", headers=headers)
    connected, _ = await socket.connect()
    assert not connected


@pytest.mark.django_db(transaction=True)
async def test_staff_are_let_in_by_their_session() -> None:
    socket = WebsocketCommunicator(
        live.application, "/console/live/", headers=[*ORIGIN, await cookie_of_staff()]
    )
    connected, _ = await socket.connect()
    assert connected
    await socket.disconnect()


async def test_a_new_connection_arrives_as_a_row_that_htmx_swaps_in(recording: Recording) -> None:
    async with watching("connections") as socket:
        await until(socket, "content")
        await socket.send_json_to({"seen": ""})
        connection = recording.open("/ws/chat/<b>/")
        batch = await until(socket, "fresh")
        assert batch["fresh"] == 1
        assert '<hx-partial hx-target="#connections" hx-swap="rows">' in batch["content"]
        assert f'id="c-{connection.id}"' in batch["content"]
        assert "&lt;b&gt;" in batch["content"]
        assert batch["position"] == f"{EPOCH}:1"


async def test_a_page_that_comes_late_is_told_what_it_missed(recording: Recording) -> None:
    connection = recording.open()
    recording.receive(connection, text="while you were away")
    async with watching("traffic", "?q=dir:in", position=f"{EPOCH}:0") as socket:
        batch = await until(socket, "entries")
        assert [row["preview"] for row in batch["entries"]] == ["while you were away"]


async def test_a_page_from_before_a_restart_is_asked_to_load_anew(recording: Recording) -> None:
    async with watching("traffic", position="ffffffffffff:9") as socket:
        await until(socket, "reload")


async def test_a_page_that_lacks_a_process_is_asked_to_load_anew(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks = iter([True])
    monkeypatch.setattr(Page, "is_outdated", lambda page: next(lacks, False))
    async with watching("connections", position=f"{EPOCH}:0") as socket:
        await until(socket, "reload")


async def test_a_connection_that_is_gone_is_asked_to_load_anew(recording: Recording) -> None:
    async with watching("connection", subject="0123456789ab") as socket:
        assert await socket.receive_json_from() == {"reload": True}


async def test_nothing_is_sent_to_a_viewer_who_has_not_shown_the_last_batch(
    recording: Recording,
) -> None:
    async with watching("traffic", "?q=dir:in") as socket:
        await until(socket, "content")
        connection = recording.open()
        recording.receive(connection, text="one")
        assert await socket.receive_nothing(timeout=0.5)
        recording.receive(connection, text="two")
        await socket.send_json_to({"seen": ""})
        batch = await until(socket, "entries")
        assert [row["preview"] for row in batch["entries"]] == ["one", "two"]


async def test_another_state_of_the_page_replaces_the_one_before(recording: Recording) -> None:
    async with watching("traffic", "?q=dir:in") as socket:
        await until(socket, "content")
        position = f"{EPOCH}:0"
        await socket.send_json_to(
            {"page": "traffic", "subject": "", "query": "?q=dir:out", "position": position}
        )
        connection = recording.open()
        recording.receive(connection, text="in")
        recording.send(connection, text="out")
        batch = await until(socket, "entries")
        assert [row["preview"] for row in batch["entries"]] == ["out"]


async def test_a_page_that_does_not_exist_ends_the_socket(recording: Recording) -> None:
    async with watching("nonsense") as socket:
        closing = await socket.receive_output()
        assert (closing["type"], closing["code"]) == ("websocket.close", NOT_UNDERSTOOD)


@pytest.mark.parametrize("said", [[], "connections", 7, {}, {"page": 7}])
async def test_what_is_no_message_of_a_page_ends_the_socket(
    recording: Recording, said: Any
) -> None:
    socket = communicator(STAFF)
    await socket.connect()
    await socket.send_json_to(said)
    closing = await socket.receive_output()
    assert (closing["type"], closing["code"]) == ("websocket.close", NOT_UNDERSTOOD)


async def test_a_viewer_who_leaves_is_watched_for_no_more(recording: Recording) -> None:
    async with watching("traffic") as socket:
        await until(socket, "content")
        assert recording.recorder.on_change is not None
    assert recording.recorder.on_change is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [{"is_staff": False}, {"is_active": False}])
async def test_a_right_that_is_taken_away_ends_the_socket(
    recording: Recording, change: dict[str, bool]
) -> None:
    header = await cookie_of_staff()
    application = AuthMiddlewareStack(LiveConsumer.as_asgi(recheck_s=0))
    socket = WebsocketCommunicator(application, "/console/live/", headers=[header])
    assert (await socket.connect())[0]
    await socket.send_json_to({"page": "traffic", "subject": "", "query": "", "position": ""})
    await until(socket, "content")
    await sync_to_async(take_away)(**change)
    await socket.send_json_to({"seen": ""})
    closing = await socket.receive_output(timeout=30)
    assert (closing["type"], closing["code"]) == ("websocket.close", FORBIDDEN)


def take_away(**change: bool) -> None:
    from django.contrib.auth import get_user_model

    get_user_model().objects.filter(username="ada").update(**change)


async def cookie_of_staff() -> tuple[bytes, bytes]:
    def sign_in() -> str:
        client = Client()
        client.force_login(user("ada", is_staff=True))
        return client.cookies["sessionid"].value

    return b"cookie", f"sessionid={await sync_to_async(sign_in)()}".encode()
