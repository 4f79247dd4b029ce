from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console import relay_answers
from console.entry_view import EntryView
from console.exports.record import Record
from console.gathering import Gathered, Missing, scopes
from console.query import parse
from tests.console.several import processes, until

CANARY = "hunter2hunter2"


class Told:
    """A source that says what it was given, piece by piece."""

    def __init__(self, *pieces: list[Record]) -> None:
        self.pieces = list(pieces)

    async def next(self) -> list[Record] | None:
        await asyncio.sleep(0)
        return self.pieces.pop(0) if self.pieces else None


def record(at: float, process: str = "") -> Record:
    fields = {name: "" for name in EntryView.__dataclass_fields__}
    return Record(EntryView(**{**fields, "at": at, "process": process}))  # type: ignore[arg-type]


async def times(*sources: Told) -> list[list[float]]:
    gathered = Gathered(sources, Missing())
    return [[one.view.at for one in piece] async for piece in gathered.pieces()]


async def test_the_entries_of_all_are_in_the_order_of_their_times_though_they_come_in_pieces():
    one = Told([record(1), record(4)], [], [record(5), record(9)])
    two = Told([record(2), record(3)], [record(6)])
    found = await times(one, two, Told())
    assert [at for piece in found for at in piece] == [1, 2, 3, 4, 5, 6, 9]


async def test_nothing_is_said_before_it_is_known_that_nothing_older_comes():
    slow = Told([record(1)], [record(2)], [record(8)])
    found = await times(slow, Told([record(3), record(7)]))
    assert found[0] == [1]
    assert sorted(at for piece in found for at in piece) == [1, 2, 3, 7, 8]


async def test_whole_entries_of_all_processes_are_gathered_redacted() -> None:
    async with processes("web-1", "web-2") as (one, two):
        mine, other = one.open("/a/"), two.open("/b/")
        one.receive(mine, text=f'{{"password":"{CANARY}","n":1}}')
        two.receive(other, bytes=b"\x00\xff" * 1_000)
        gathered = await Gathered.of(one.relay, parse("dir:in"))
        first, second = await gathered.all()
        assert (first.view.process, second.view.process) == ("web-1", "web-2")
        assert CANARY not in first.text
        assert second.data == b"\x00\xff" * 1_000
        assert gathered.missing.sentences() == []
        narrowed = await Gathered.of(one.relay, None, [other.id])
        assert {record.view.connection for record in await narrowed.all()} == {other.id}


async def test_a_ring_that_does_not_fit_one_answer_comes_in_pieces(monkeypatch: Any) -> None:
    monkeypatch.setattr(relay_answers, "MOST_RECORD_CHARS", 50_000)
    async with processes("web-1", "web-2") as (one, two):
        connection = two.open()
        for number in range(450):
            two.receive(connection, text=f"{number:04}" + "x" * 2_000)
        gathered = await Gathered.of(one.relay, parse("dir:in"))
        texts = [record.text[:4] for record in await gathered.all()]
        assert texts == [f"{number:04}" for number in range(450)]


async def test_what_is_pushed_out_while_it_is_read_is_said() -> None:
    async with processes("web-1", "web-2", RING_ENTRIES=1_000) as (one, two):
        connection = two.open()
        for _ in range(900):
            two.receive(connection, text="old")
        gathered = await Gathered.of(one.relay, parse("dir:in"))
        pieces = gathered.pieces()
        found = await anext(pieces)
        for _ in range(1_000):
            two.receive(connection, text="new")
        found += [one async for piece in pieces for one in piece]
        (sentence,) = gathered.missing.sentences()
        assert sentence.startswith("web-2 pushed ")
        assert len(found) + gathered.missing.pushed_out["web-2"] == 900
        assert {record.text for record in found} == {"old"}


async def test_who_does_not_answer_is_named(monkeypatch: Any) -> None:
    async with processes("web-1", "web-2") as (one, two):
        await one.relay.listing()
        await until(lambda: len(one.relay.processes()) == 2)
        await two.layer.release_channel(two.node.channel)
        gathered = await Gathered.of(one.relay, None)
        assert await gathered.all() == []
        assert gathered.missing.sentences() == ["web-2 did not answer: its part is not here."]


async def test_the_scopes_of_connections_come_from_whoever_lists_them() -> None:
    async with processes("web-1", "web-2") as (one, two):
        mine, other = one.open("/a/"), two.open("/b/", query_string=f"token={CANARY}".encode())
        found = await scopes(one.relay, [other.id, "0123456789ab", mine.id])
        assert [(view.id, view.process) for view in found] == [
            (other.id, "web-2"),
            (mine.id, "web-1"),
        ]
        assert all(view.scope for view in found)
        assert CANARY not in str(found)


@pytest.mark.parametrize("offset", [-1, 2**60])
async def test_an_offset_that_is_none_is_answered_with_nothing(offset: int) -> None:
    async with processes("web-1", "web-2") as (one, two):
        await one.relay.listing()
        asked = {"query": "", "connections": None, "offset": offset, "until": 0}
        replies = await one.relay.ask("records", asked, only=two.epoch, timeout_s=0.3)
        assert replies.texts.get(two.epoch, "{}").count("\n") == 0
