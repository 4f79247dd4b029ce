from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from console import recordings
from console.taking import Taking
from tests.console.recording import Layer, Recording
from tests.console.several import processes
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def running(recording: Recording, subject: str, of: str) -> AsyncIterator[Taking]:
    ada = await sync_to_async(user)("ada", is_staff=True)
    number = await recordings.begin(ada, "It", subject, of, "web-1")
    taking = Taking(number, subject, of, source=recording.relay, pause_s=0.02)
    await taking.prepare()
    task = asyncio.create_task(taking.run())
    try:
        yield taking
    finally:
        taking.stop()
        async with asyncio.timeout(30):
            await task


async def kinds(taking: Taking) -> list[tuple[str, str]]:
    found = await recordings.recorded(taking.number)
    return [(one.view.path, one.view.kind) for one in found.records]


async def test_of_a_connection_it_has_what_was_held_before_and_what_came_until_the_end() -> None:
    recording = Recording()
    one, other = recording.open("/ws/one/"), recording.open("/ws/other/")
    recording.receive(one, text="before")
    async with running(recording, "connection", one.id) as taking:
        recording.receive(one, text="while it runs")
        recording.receive(other, text="elsewhere")
    assert await kinds(taking) == [("/ws/one/", "open"), ("/ws/one/", "in"), ("/ws/one/", "in")]
    found = await recordings.recorded(taking.number)
    assert [one.text for one in found.records] == ["", "before", "while it runs"]
    assert list(found.views) == [one.id]
    assert (await recordings.summary(taking.number)).end_reason == "It was stopped."


async def test_of_a_query_it_has_what_matches_from_now_on() -> None:
    recording = Recording()
    one = recording.open("/ws/one/")
    recording.receive(one, text="before")
    async with running(recording, "query", "path:/ws/one/ dir:in") as taking:
        recording.receive(one, text="after")
        recording.send(one, text="answer")
    found = await recordings.recorded(taking.number)
    assert [one.text for one in found.records] == ["after"]


async def test_of_a_group_it_has_its_members_and_those_that_join() -> None:
    recording, layer = Recording(), Layer()
    member, stranger, joiner = (recording.open(f"/ws/{name}/") for name in ("a", "b", "c"))
    for connection, channel in ((member, "ch-a"), (stranger, "ch-b"), (joiner, "ch-c")):
        recording.start(connection, channel=channel)
    recording.recorder.group_joined(layer, "lobby", "ch-a")
    async with running(recording, "group", "lobby") as taking:
        recording.receive(member, text="from a member")
        recording.receive(stranger, text="from a stranger")
        recording.recorder.group_joined(layer, "lobby", "ch-c")
        async with asyncio.timeout(30):
            while ("/ws/c/", "join") not in await kinds(taking):
                await asyncio.sleep(0)
        recording.receive(joiner, text="from who joined")
    found = await recordings.recorded(taking.number)
    said = [one.text for one in found.records if one.view.kind == "in"]
    assert said == ["from a member", "from who joined"]


async def test_it_ends_by_itself_when_there_is_no_more_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recordings, "MOST_STEPS", 2)
    recording = Recording()
    one = recording.open("/ws/one/")
    async with running(recording, "query", "path:/ws/one/") as taking:
        for n in range(5):
            recording.receive(one, text=str(n))
        async with asyncio.timeout(30):
            while (await recordings.summary(taking.number)).state == "running":
                await asyncio.sleep(0)
    found = await recordings.summary(taking.number)
    assert (found.step_count, found.missed, found.end_reason) == (2, 3, "It has 2 steps.")


async def test_another_process_ends_it_through_the_table() -> None:
    recording: Any = Recording()
    async with running(recording, "query", "is:open") as taking:
        await recordings.ask_to_end(taking.number)
        async with asyncio.timeout(30):
            while (await recordings.summary(taking.number)).state == "running":
                await asyncio.sleep(0)


async def test_what_happens_in_another_process_is_in_it_whole() -> None:
    async with processes("one", "two") as (one, two):
        there = two.open("/ws/there/")
        async with running(one, "query", "path:/ws/there/") as taking:
            two.receive(there, text="x" * 1_000)
            two.send(there, bytes=bytes(range(256)) * 32)
            async with asyncio.timeout(20):
                while len((await recordings.recorded(taking.number)).records) < 2:
                    await asyncio.sleep(0.01)
        found = await recordings.recorded(taking.number)
        assert [record.view.process for record in found.records] == ["two", "two"]
        assert found.records[0].text == "x" * 1_000
        assert found.records[1].data == bytes(range(256)) * 32
        assert found.views[there.id].path == "/ws/there/"
