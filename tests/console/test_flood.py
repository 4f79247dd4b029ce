"""The recorder and the relay when more happens than anybody can read."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from console import slices
from console.ordering import KEYS, Order
from console.query import parse
from console.reading import Interest
from tests.console.recording import Recording
from tests.console.several import processes, until

FLOOD = 50_000
"""Entries: what the design asks of one process in a second."""

LONGEST_SLICE_S = 0.010
SNAPSHOT_S = 0.300


def test_a_flood_stays_within_the_bounds_of_the_ring() -> None:
    recording = Recording(RING_BYTES=2_000_000)
    connection = recording.open()
    for number in range(FLOOD):
        recording.receive(connection, text=f"{number:>1000}")
    journal = recording.recorder.journal
    assert len(journal) <= 5_000
    assert journal.held_bytes <= 2_000_000
    assert journal.position[1] == FLOOD + 1
    assert len(recording.state(connection).pending) == 0


async def test_whoever_watches_a_flood_is_told_how_much_was_left_out() -> None:
    async with processes("web-1", "web-2") as (one, two):
        since = (await one.relay.entries()).since
        watched = one.relay.subscribe(Interest("tail"), since, lambda: None)
        connection = two.open()
        accounted, sizes = 0, []

        def told() -> int:
            nonlocal accounted
            for _, batch in watched.drain():
                sizes.append(len(batch.entries))
                accounted += len(batch.entries) + batch.missed + batch.sampled_out
            return accounted

        for _ in range(20):
            for _ in range(500):
                two.receive(connection, text="x")
            await asyncio.sleep(0)
            told()
        await until(lambda: told() == 10_001)
        assert max(sizes) <= 101
        assert sum(sizes) < 10_001


@pytest.fixture(scope="module")
def crowded() -> Iterator[Recording]:
    """Ten thousand open connections, which the garbage collector leaves alone meanwhile."""
    recording = Recording()
    for number in range(10_000):
        scope = {"client": ["10.0.0.1", number], "query_string": b"page=1"}
        connection = recording.open(f"/ws/chat/{number}/", **scope)
        recording.start(connection, channel=f"a!{number}")
        if number % 3 == 0:
            recording.receive(connection, text="x" * (number % 7))
    gc.collect()
    gc.disable()
    yield recording
    gc.enable()


@pytest.mark.parametrize("sort", ["", *KEYS, "-path", "-in"])
async def test_a_list_of_ten_thousand_never_holds_up_the_loop_for_long(
    crowded: Recording, sort: str
) -> None:
    # Of the processor's time, which nobody else who is busy here takes from us.
    slices: list[float] = []

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            slices.append(time.thread_time() - before)

    asyncio.get_running_loop().set_debug(False)
    reader, order = crowded.relay.reader, Order.read(sort)
    await reader.listing(None, order, (), 200)  # what a path shows is worked out once
    watching = asyncio.ensure_future(watch())
    longest, whole = [], []
    for _ in range(3):  # a machine that is shared takes a moment from everybody now and then
        await asyncio.sleep(0)
        slices.clear()
        found = await reader.listing(None, order, (), 200)
        longest.append(max(slices))
        whole.append(sum(slices))
    watching.cancel()
    assert len(found.rows) == 200
    assert min(longest) < LONGEST_SLICE_S
    assert min(whole) < SNAPSHOT_S


@pytest.mark.parametrize("sort", ["path", "-path", "in", "-in", "state"])
async def test_sorting_in_slices_gives_what_sorting_at_once_gives(
    crowded: Recording, sort: str
) -> None:
    order, reader = Order.read(sort), crowded.relay.reader
    found = await reader.listing(None, order, (), 700)
    expected = order.sort(await reader.connections())[:700]
    assert [one.id for one in found.rows] == [one.id for one in expected]


@pytest.fixture
def items_in_a_slice(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let a slice be as long on every machine; returns how many items it takes."""
    milliseconds = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(milliseconds) / 1_000)
    monkeypatch.setattr(slices, "time", clock)
    return round(slices.SLICE_S * 1_000)


async def test_ten_thousand_connections_are_read_while_the_loop_goes_on(
    items_in_a_slice: int,
) -> None:
    recording = Recording()
    for number in range(10_000):
        recording.start(recording.open(f"/{number}/"), channel=f"a!{number}")
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    found: Any = await recording.relay.connections()
    counting.cancel()
    assert len(found) == 10_000
    assert turns > 0.9 * 10_000 / items_in_a_slice


@pytest.mark.parametrize("frame", ["x" * 1_000_000, "x" * 60_000 + "\U0001f600" + "y" * 940_000])
def test_frames_of_a_megabyte_from_ten_thousand_clients_stay_within_the_bound(frame: str) -> None:
    recording = Recording(RING_BYTES=10_000_000)
    for number in range(10_000):
        connection = recording.open(f"/{number}/")
        if number % 10 == 0:
            recording.receive(connection, text=frame)
    journal = recording.recorder.journal
    weighed = sum(sys.getsizeof(entry) + sys.getsizeof(entry.payload) for entry in journal)
    assert journal.held_bytes <= 10_000_000
    assert weighed <= 10_000_000
    assert {entry.size_bytes for entry in journal if entry.payload} == {len(frame.encode())}


def test_failures_and_types_that_a_client_makes_long_stay_within_the_bound() -> None:
    recording = Recording(RING_BYTES=1_000_000)
    long = "\U0001f600" + "x" * 100_000
    for _ in range(200):
        connection = recording.open()
        recording.start(connection, channel="a")
        event = recording.receive(connection, text="x")
        recording.begin(connection, event)
        recording.recorder.handler_finished(connection, event, ValueError(long))
        recording.recorder.message_delivered(connection, "a", {"type": long}, None)
        recording.recorder.message_sent(connection, None, "a", {"type": long})
    journal = recording.recorder.journal
    weighed = sum(
        sys.getsizeof(part)
        for entry in journal
        for part in (entry, entry.payload, entry.type, entry.note, *(entry.facts or {}).values())
    )
    assert journal.held_bytes <= 1_000_000
    assert weighed <= 1_000_000
    failed = next(entry for entry in journal if entry.kind == "error")
    assert failed.facts["traceback"].endswith("xxx\n")


async def test_of_what_nobody_wants_no_entry_is_made() -> None:
    recording = Recording()
    connection = recording.open()
    since = recording.relay.reader.position
    for _ in range(3_000):
        recording.receive(connection, text="x")
    journal = recording.recorder.journal
    errors = await recording.relay.changes(since, parse("dir:error"))
    rows = await recording.relay.rows(since, shown=[connection.id], listed=[connection.id])
    assert (errors.entries, len(rows.rows), journal.made) == ([], 1, 1)  # that of the opening
    sampled = await recording.relay.changes(since, limit=100)
    assert len(sampled.entries) == 100
    assert len(sampled.entries) + sampled.sampled_out == 3_000
    assert journal.made == 101


async def test_a_full_ring_is_read_in_slices(items_in_a_slice: int) -> None:
    recording = Recording()
    connection = recording.open()
    for _ in range(6_000):
        recording.receive(connection, text="x")
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    page = await recording.relay.reader.journal_reader.entries(limit=10)
    counting.cancel()
    assert (page.matched, len(page.entries)) == (5_000, 10)
    assert turns > 0.9 * 5_000 / items_in_a_slice
