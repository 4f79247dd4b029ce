"""Actions across processes: carried out where the connection is, once, by who may ask."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import pytest

from console.action import Action, Outcome
from console.query import parse
from console.relay_joining import seals
from console.relay_once import FRESH_S
from console.relay_protocol import Act, RefusedMessage, decode, encode
from tests.console.several import Process, processes, until


class Wire:
    """Stands for the client of a connection."""

    def __init__(self, connection: Any) -> None:
        self.events: list[Any] = []
        connection.loop = asyncio.get_running_loop()
        connection.send = self.send

    async def send(self, event: Any) -> None:
        self.events.append(event)


async def known(one: Process, two: Process) -> None:
    await one.relay.listing()
    await until(lambda: two.name in [view.name for view in one.relay.processes()])


def act(two: Process, action: Action, *, at: float = 0.0, act_id: str = "a1") -> dict[str, Any]:
    frame = Act(act_id, "specific!nobody", two.epoch, time.time() + at, action)
    return encode(frame, "web-1", seals()[0])


async def test_it_is_carried_out_in_the_process_that_has_the_connection() -> None:
    async with processes("web-1", "web-2") as (one, two):
        theirs = two.open()
        wire = Wire(theirs)
        await known(one, two)
        action = Action("send", connections=(theirs.id, "gone"), text="hi")
        assert await one.relay.act(action, two.epoch) == Outcome(done=1, gone=1)
        assert wire.events == [{"type": "websocket.send", "text": "hi"}]


async def test_it_is_carried_out_here_without_a_relay() -> None:
    async with processes("web-1") as (one,):
        mine = one.open()
        wire = Wire(mine)
        action = Action("send", connections=(mine.id,), text="hi")
        assert await one.relay.act(action, one.epoch) == Outcome(done=1)
        assert len(wire.events) == 1


async def test_a_copy_of_a_sealed_action_does_nothing() -> None:
    async with processes("web-1", "web-2") as (_, two):
        theirs = two.open()
        wire = Wire(theirs)
        message = act(two, Action("send", connections=(theirs.id,), text="hi"))
        for _ in range(3):
            two.node._transport.push(dict(message), None)
        marker = act(two, Action("send", connections=(theirs.id,), text="last"), act_id="a2")
        two.node._transport.push(marker, None)
        await until(lambda: wire.events and wire.events[-1]["text"] == "last")
        assert [event["text"] for event in wire.events] == ["hi", "last"]


async def test_an_action_without_the_projects_seal_does_nothing() -> None:
    async with processes("web-1", "web-2") as (_, two):
        theirs = two.open()
        wire = Wire(theirs)
        action = Action("send", connections=(theirs.id,), text="forged")
        two.node._transport.push({**act(two, action), "seal": "0" * 64}, None)
        two.node._transport.push(act(two, dataclasses.replace(action, text="real")), None)
        await until(lambda: wire.events)
        assert [event["text"] for event in wire.events] == ["real"]


async def test_an_action_of_another_time_is_answered_and_not_carried_out(monkeypatch) -> None:
    async with processes("web-1", "web-2") as (one, two):
        theirs = two.open()
        wire = Wire(theirs)
        await known(one, two)
        now = time.time()
        monkeypatch.setattr("console.relay_node.time.time", lambda: next(times))
        times = iter([now, now + FRESH_S + 5])
        action = Action("send", connections=(theirs.id,), text="hi")
        outcome = await one.relay.act(action, two.epoch)
        assert (outcome.done, outcome.failed) == (0, 1)
        assert "set the clocks" in outcome.reasons[0]
        assert wire.events == []


async def test_a_process_that_does_not_answer_is_said() -> None:
    async with processes("web-1", "web-2") as (one, two):
        await known(one, two)
        await two.layer.release_channel(two.node.channel)  # it hears nothing any more
        action = Action("close", connections=("c1", "c2"))
        replies = await one.node.act(action, two.epoch, timeout_s=0.1)
        assert replies.silent == [two.epoch]
        ask = one.node.act

        async def briefly(*arguments: Any) -> Any:
            return await ask(*arguments, timeout_s=0.1)

        one.node.act = briefly
        outcome = await one.relay.act(action, two.epoch)
        assert outcome.failed == 2
        assert "web-2 did not answer" in outcome.reasons[0]


async def test_a_process_that_has_ended_took_its_connections_with_it() -> None:
    async with processes("web-1") as (one,):
        outcome = await one.relay.act(Action("close", connections=("c1", "c2")), "5f00c2")
        assert outcome == Outcome(gone=2)


async def test_a_query_finds_the_open_connections_of_all_processes() -> None:
    async with processes("web-1", "web-2") as (one, two):
        mine, theirs, closed = one.open("/a/"), two.open("/a/"), two.open("/a/")
        two.open("/b/")
        two.recorder.scope_closed(closed, None)
        await known(one, two)
        found, silent = await one.relay.matching(parse("path:/a/"))
        assert found == {one.epoch: [mine.id], two.epoch: [theirs.id]}
        assert silent == []


@pytest.mark.parametrize(
    "action",
    [
        Action("close", code=1),
        Action("close", connections=("<script>",)),
        Action("close", connections=("a" * 65,)),
        Action("join"),
    ],
)
async def test_an_action_that_is_out_of_bounds_is_refused_as_it_comes_in(action: Action) -> None:
    frame = Act("a1", "specific!x", "e0c4", 0.0, action)
    with pytest.raises(RefusedMessage):
        decode(encode(frame, "web-1", seals()[0]), seals())
