from __future__ import annotations

import itertools
from typing import Any

from console.reading import Interest
from console.relay_batches import Batches
from console.relay_leases import Told
from console.relay_protocol import MOST_BYTES, encode
from tests.console.recording import Recording


def told(interest: Interest, at: int = 0, **fields: Any) -> Told:
    return Told("console", "s", interest, at, at, at, **fields)


def sizes(batches: list[Any]) -> list[int]:
    return [len(encode(batch, "web-1", lambda body: "")["body"]) for batch in batches]


async def test_batches_lie_one_after_the_other_and_fit_into_messages() -> None:
    recording = Recording()
    for number in range(300):
        recording.open(f"/{number}/" + "p" * 3_000)
    subscription = told(Interest("tail", limit=300))
    batches = await Batches(recording.relay.reader).next(subscription)
    assert len(batches) > 2
    assert max(sizes(batches)) < MOST_BYTES
    assert batches[0].start == 0
    assert batches[-1].end == 300
    assert all(one.end == other.start for one, other in itertools.pairwise(batches))
    offsets = [entry.offset for batch in batches for entry in batch.entries]
    assert offsets == list(range(300))
    assert await Batches(recording.relay.reader).next(subscription) == []


async def test_rows_come_in_turns_and_the_counts_with_the_first() -> None:
    recording = Recording()
    batches = Batches(recording.relay.reader)
    subscription = told(Interest("rows"))
    assert (await batches.next(subscription))[0].counts == {}
    opened = [recording.open("/" + "p" * 3_000).id for _ in range(150)]
    first = await batches.next(subscription)
    assert first[0].counts == {"websocket": 100}
    assert max(sizes(first)) < MOST_BYTES
    second = await batches.next(subscription)
    came = [one for batch in (*first, *second) for one in batch.came]
    assert sorted(came) == sorted(opened)


async def test_what_was_not_sent_is_told_by_the_next_look() -> None:
    recording = Recording()
    batches = Batches(recording.relay.reader)
    subscription = told(Interest("rows"))
    await batches.next(subscription)
    connection = recording.open()
    lost = await batches.next(subscription)
    batches.not_sent(subscription, lost)
    again = await batches.next(subscription)
    assert [batch.came for batch in again] == [(connection.id,)]


async def test_an_entry_that_fits_no_message_is_counted_as_left_out() -> None:
    recording = Recording()
    connection = recording.open()
    recording.open("/" + "t" * 200_000)
    recording.receive(connection, text="y")
    [batch] = await Batches(recording.relay.reader).next(told(Interest("tail")))
    assert [entry.offset for entry in batch.entries] == [0, 2]
    assert batch.sampled_out == 1


async def test_a_filter_that_nobody_can_read_asks_for_nothing() -> None:
    recording = Recording()
    recording.open()
    assert await Batches(recording.relay.reader).next(told(Interest("tail", "size:big"))) == []
