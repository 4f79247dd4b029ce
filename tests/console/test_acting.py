"""Actions are carried out on real consumers, over a real layer, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from console.acting import NOT_IN_TIME, Acting
from console.action import Action, Outcome
from console.query import parse
from runtime.boundary import Boundary
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.layers import get_channel_layer
from runtime.taps import muted
from tests.console.recording import Recording
from tests.support.observing import observed
from tests.support.playbook import Playbook, play

MESSAGE = {"type": "chat.message", "text": "hi"}


class Chat(AsyncWebsocketConsumer):
    async def chat_message(self, message: Any) -> None:
        await self.send(text_data=message["text"])


class SyncChat(WebsocketConsumer):
    def chat_message(self, message: Any) -> None:
        self.send(text_data=message["text"])


@pytest.fixture(params=[Chat, SyncChat])
def consumer(request: Any) -> Any:
    return request.param


class Room:
    """Open sockets of one application, recorded."""

    def __init__(self, recording: Recording, sockets: list[Playbook]) -> None:
        self.recording = recording
        self.acting = Acting(recording.recorder)
        self.sockets = sockets

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(known.id for known in self.recording.recorder.state)[::-1]

    async def do(self, kind: Any, **fields: Any) -> Outcome:
        fields.setdefault("connections", self.ids)
        return await self.acting.carry_out(Action(kind, by="ada", **fields))


@asynccontextmanager
async def room(application: Any, count: int = 1) -> AsyncIterator[Room]:
    recording = Recording()
    sockets: list[Playbook] = []
    scope = {"type": "websocket", "path": "/ws/", "headers": []}

    async def nest(left: int) -> AsyncIterator[Room]:
        if not left:
            yield Room(recording, sockets)
            return
        async with play(Boundary(application), dict(scope)) as socket:
            await socket.put("websocket.connect")
            await socket.expect("websocket.accept")
            sockets.append(socket)
            async for opened in nest(left - 1):
                yield opened

    with observed(recording.recorder):
        async for opened in nest(count):
            yield opened


async def test_a_frame_goes_to_every_client(consumer):
    async with room(consumer.as_asgi(), 2) as here:
        assert await here.do("send", text="hello") == Outcome(done=2)
        for socket in here.sockets:
            await socket.expect("websocket.send", text="hello")
        assert await here.do("send", data="AP8=") == Outcome(done=2)
        await here.sockets[0].expect("websocket.send", bytes=b"\x00\xff")


async def test_a_message_is_handled_as_one_of_the_layer(consumer):
    async with room(consumer.as_asgi()) as here:
        assert await here.do("deliver", message=MESSAGE) == Outcome(done=1)
        await here.sockets[0].expect("websocket.send", text="hi")


async def test_a_connection_is_closed_with_code_and_reason_and_is_gone_after_it(consumer):
    async with room(consumer.as_asgi()) as here:
        assert await here.do("close", code=4001, reason="by hand") == Outcome(done=1)
        await here.sockets[0].expect("websocket.close", code=4001, reason="by hand")
        await here.sockets[0].put("websocket.disconnect", code=4001)
        await here.sockets[0].end()
        [known] = here.recording.recorder.state
        assert (known.close_code, known.closed_by) == (4001, "application")
        assert known.connection is None
        assert await here.do("close") == Outcome(gone=1)
        assert await here.do("send", connections=("nobody",), text="x") == Outcome(gone=1)


async def test_members_join_hear_a_broadcast_and_leave(consumer):
    async with room(consumer.as_asgi(), 2) as here:
        assert await here.do("join", group="lobby") == Outcome(done=2)
        state = here.recording.recorder.state
        assert state.memberships.groups() == {"lobby": 2}
        broadcast = await here.do("broadcast", group="lobby", message=MESSAGE, connections=())
        assert broadcast == Outcome(done=1)
        for socket in here.sockets:
            await socket.expect("websocket.send", text="hi")
        assert await here.do("leave", group="lobby") == Outcome(done=2)
        assert state.memberships.groups() == {}


async def test_a_message_is_posted_on_a_channel():
    async with room(Chat.as_asgi()) as here:
        posted = await here.do("post", channel="jobs", message=MESSAGE, connections=())
        assert posted == Outcome(done=1)
        assert (await get_channel_layer().receive("jobs"))["text"] == "hi"


async def test_what_comes_of_an_action_is_marked_and_linked_to_it(consumer):
    async with room(consumer.as_asgi()) as here:
        with muted():  # the relay's own context, from which actions are asked for
            await here.do("deliver", message=MESSAGE)
        await here.sockets[0].expect("websocket.send", text="hi")
        await here.do("close")
        await here.sockets[0].expect("websocket.close")
        page = await here.recording.relay.entries(parse("is:console"))
        actions = [entry for entry in page.entries if entry.kind == "action"]
        assert [(one.type, one.preview) for one in actions] == [
            ("console.deliver", 'by ada {"type":"chat.message","text":"hi"}'),
            ("console.close", "by ada"),
        ]
        delivered, closed = (one.trace for one in actions)
        by_trace = {
            trace: [one.type for one in page.entries if one.trace == trace and one.kind == "out"]
            for trace in (delivered, closed)
        }
        assert by_trace == {delivered: ["websocket.send"], closed: ["websocket.close"]}
        [handed] = [entry for entry in page.entries if entry.kind == "deliver"]
        assert handed.cause == actions[0].position


async def test_a_client_that_takes_nothing_does_not_hold_up_the_others():
    async def deaf(event: Any) -> None:
        await asyncio.Event().wait()

    async with room(Chat.as_asgi(), 2) as here:
        here.acting = Acting(here.recording.recorder, step_s=0.05)
        [first, *_] = here.recording.recorder.state
        first.connection.send = deaf
        outcome = await here.do("send", text="hello")
        assert outcome == Outcome(done=1, failed=1, reasons=(NOT_IN_TIME,))


async def test_all_together_have_a_limit_too():
    async with room(Chat.as_asgi()) as here:
        here.acting = Acting(here.recording.recorder, all_s=0.0)
        outcome = await here.do("send", text="hello")
        assert outcome == Outcome(failed=1, reasons=(NOT_IN_TIME,))


async def test_what_a_server_or_a_layer_fails_with_is_said():
    async def broken(event: Any) -> None:
        raise RuntimeError("no such event")

    async with room(Chat.as_asgi()) as here:
        [known] = here.recording.recorder.state
        known.connection.send = broken
        outcome = await here.do("send", message={"type": "nonsense"})
        assert outcome == Outcome(failed=1, reasons=("RuntimeError: no such event",))
        outcome = await here.do("broadcast", group="not a name", message=MESSAGE)
        assert "Group name" in outcome.reasons[0]
        outcome = await here.do("broadcast", group="lobby", layer="other", message=MESSAGE)
        assert "no channel layer 'other'" in outcome.reasons[0]


async def test_what_cannot_be_carried_out_is_not_begun():
    async with room(Chat.as_asgi()) as here:
        outcome = await here.do("close", code=1006)
        assert outcome.failed == 1
        assert "3000 to 4999" in outcome.reasons[0]
        assert here.sockets[0].is_silent


async def test_a_process_that_is_read_only_does_nothing_whoever_asks():
    async with room(Chat.as_asgi()) as here:
        here.acting = Acting(Recording(READ_ONLY=True).recorder)
        outcome = await here.do("send", text="hello")
        assert outcome == Outcome(failed=1, reasons=("web-1 is read-only.",))
        assert here.sockets[0].is_silent


async def test_an_application_without_a_channel_is_in_no_group():
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()

    async with room(bare) as here:
        for kind, fields in (("join", {"group": "g"}), ("deliver", {"message": MESSAGE})):
            outcome = await here.do(kind, **fields)
            assert (outcome.failed, "channel" in outcome.reasons[0]) == (1, True)
