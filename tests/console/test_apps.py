from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.urls import path

from console.query import parse
from console.recorder import Recorder
from console.relay import Relay, relay
from runtime.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
)
from runtime.routing import ProtocolTypeRouter, URLRouter
from runtime.taps import taps
from runtime.testing import WebsocketCommunicator
from tests.console.recording import Recording
from tests.support.observing import observed


class Room(AsyncJsonWebsocketConsumer):
    groups = ["room"]  # noqa: RUF012 - how consumers say it

    async def receive_json(self, content, **kwargs):
        await self.channel_layer.group_send("room", {"type": "room.said", **content})

    async def room_said(self, message):
        await self.send_json({"said": message["text"]})


class SyncRoom(JsonWebsocketConsumer):
    def receive_json(self, content, **kwargs):
        self.send_json(content)


class Closed(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close(4003)


class Failing(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        raise ValueError("this is wrong")


application = ProtocolTypeRouter(
    {
        "websocket": URLRouter(
            [
                path("room/<name>/", Room.as_asgi()),
                path("sync/", SyncRoom.as_asgi()),
                path("closed/", Closed.as_asgi()),
                path("failing/", Failing.as_asgi()),
            ]
        )
    }
)


@pytest.fixture
def seen() -> Iterator[Relay]:
    """A relay of a recorder that alone listens to the runtime."""
    others = taps.observers
    for other in others:
        taps.detach(other)
    recording = Recording()
    with observed(recording.recorder):
        yield recording.relay
    for other in others:
        taps.attach(other)


def test_the_process_is_recorded_by_one_recorder_however_often_it_is_made_ready():
    apps.get_app_config("channelscope_console").ready()
    [recorder] = [one for one in taps.observers if isinstance(one, Recorder)]
    assert relay.recorder is recorder
    assert recorder.process.name.startswith("web-")
    assert int(recorder.process.epoch, 16) >= 0


async def test_a_conversation_is_recorded_from_the_handshake_to_the_close(seen):
    socket = WebsocketCommunicator(application, "/room/lobby/")
    await socket.connect()
    await socket.send_json_to({"text": "hi", "password": "hunter2"})
    assert await socket.receive_json_from() == {"said": "hi"}
    [view] = await seen.connections()
    assert (view.consumer, view.route, view.state) == ("Room", "room/<name>/", "open")
    assert view.groups == (("room", 1),)
    assert (view.in_count, view.out_count, view.layer_count) == (1, 1, 2)
    await socket.disconnect(1001)
    [view] = await seen.connections()
    assert (view.state, view.close_code, view.closed_by, view.groups) == (
        "closed",
        1001,
        "client",
        (),
    )
    assert "hunter2" not in repr(await seen.entries())


async def test_what_a_frame_caused_is_one_trace_to_the_answer(seen):
    socket = WebsocketCommunicator(application, "/room/lobby/")
    await socket.connect()
    await socket.send_json_to({"text": "hi"})
    await socket.receive_json_from()
    [received] = (await seen.entries(parse("type:websocket.receive kind:in"))).entries
    page = await seen.entries(parse(f"trace:{received.trace} -kind:handler"))
    assert [entry.kind for entry in page.entries] == ["in", "group_send", "deliver", "out"]
    causes = [entry.cause for entry in page.entries]
    assert causes == ["", *(entry.position for entry in page.entries[:-1])]
    await socket.disconnect()


async def test_a_sync_consumer_is_recorded_from_its_thread(seen):
    socket = WebsocketCommunicator(application, "/sync/")
    await socket.connect()
    await socket.send_json_to({"text": "hi"})
    await socket.receive_json_from()
    await socket.disconnect()
    [out] = (await seen.entries(parse("type:websocket.send"))).entries
    [received] = (await seen.entries(parse("type:websocket.receive kind:in"))).entries
    assert out.cause == received.position
    assert received.took_ms is not None


async def test_a_refused_connection_stays_visible_with_its_code(seen):
    socket = WebsocketCommunicator(application, "/closed/")
    assert await socket.connect() == (False, 4003)
    await socket.disconnect()
    [view] = await seen.connections()
    assert (view.state, view.close_code, view.closed_by) == ("refused", 4003, "application")


async def test_a_failing_handler_is_seen_with_its_error(seen):
    socket = WebsocketCommunicator(application, "/failing/")
    await socket.connect()
    await socket.send_to(text_data="hi")
    with pytest.raises(ValueError, match="this is wrong"):
        await socket.wait()
    [view] = await seen.connections()
    assert (view.state, view.close_code, view.closed_by) == ("error", 1011, "error")
    assert (view.error_count, view.last_error) == (1, "ValueError: this is wrong")
    [error] = (await seen.entries(parse("dir:error"))).entries
    assert error.type == "websocket.receive"


async def test_a_path_that_no_route_takes_is_a_refusal_that_says_what_was_tried(seen):
    socket = WebsocketCommunicator(application, "/nowhere/")
    assert (await socket.connect())[0] is False
    await socket.disconnect()
    [view] = await seen.connections()
    assert (view.state, view.last_error) == ("refused", "No route takes the path")
    [missed] = (await seen.entries(parse("kind:error"))).entries
    detail = await seen.entry(*missed.position.split(":")[:1], missed.offset)
    assert "room/<name>/" in detail.facts["tried"]


async def test_the_name_of_a_user_is_read_from_the_populated_scope(seen):
    socket = WebsocketCommunicator(application, "/sync/")
    socket.scope["user"] = AnonymousUser()
    await socket.connect()
    [view] = await seen.connections()
    assert view.user == "anonymous"
    await socket.disconnect()
