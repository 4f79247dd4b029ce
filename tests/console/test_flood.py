"""The recorder and the relay when more happens than anybody can read."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from console.reading import Interest
from tests.console.recording import Recording
from tests.console.several import processes, until

FLOOD = 50_000
"""Entries: what the design asks of one process in a second."""


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


async def test_ten_thousand_connections_are_read_while_the_loop_goes_on() -> None:
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
    started_at = time.perf_counter()
    found: Any = await recording.relay.connections()
    took = time.perf_counter() - started_at
    counting.cancel()
    assert len(found) == 10_000
    assert turns > 5, f"in {took:.2f} s"
