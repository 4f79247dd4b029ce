from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from console.sends import MOST_SENDS, Collection
from runtime.exceptions import ChannelFull
from runtime.layers import InMemoryChannelLayer
from runtime.taps import taps

LIMIT = 1_000


@pytest.fixture
def layer():
    return InMemoryChannelLayer(capacity=2)


async def test_what_is_sent_is_kept_with_how_long_it_took(layer):
    collection = Collection(LIMIT)
    collection.begin()
    await layer.group_add("room", "a")
    await layer.send("a", {"type": "one"})
    await layer.group_send("room", {"type": "two"})
    collection.end()
    await layer.group_send("room", {"type": "too late"})
    first, second = collection.sent
    assert (first.entry.kind, first.entry.channel, first.entry.type) == ("send", "a", "one")
    assert (second.entry.kind, second.entry.group, second.receivers) == ("group_send", "room", 1)
    assert None not in (first.took_s, second.took_s)
    assert collection.took_s == pytest.approx(first.took_s + second.took_s)
    assert collection.count == 2


async def test_a_message_that_failed_has_its_time_too(layer):
    collection = Collection(LIMIT)
    collection.begin()
    for _ in range(2):
        await layer.send("a", {"type": "x"})
    with pytest.raises(ChannelFull):
        await layer.send("a", {"type": "x"})
    collection.end()
    last = collection.sent[-1]
    assert last.took_s is not None
    assert (collection.delivered(last), collection.dropped(last)) == (0, 1)


async def test_deliveries_are_counted_for_the_message_that_they_are_effects_of(layer):
    arrived: list[Any] = []

    def take(message: Any, cause: Any) -> bool:
        taps.message_delivered(None, "", message, cause)
        arrived.append(message)
        return True

    collection = Collection(LIMIT)
    for channel in ("a", "b"):
        layer.attach(channel, take)
        await layer.group_add("room", channel)
    collection.begin()
    await layer.group_send("room", {"type": "x"})
    await layer.send("a", {"type": "x"})
    collection.end()
    assert [collection.delivered(sent) for sent in collection.sent] == [2, 1]
    assert collection.trace == collection.sent[0].cause[0]
    assert len(arrived) == 3


async def test_each_collects_what_its_own_code_sends(layer):
    async def collect(channel: str) -> list[str]:
        collection = Collection(LIMIT)
        collection.begin()
        await asyncio.sleep(0)
        await layer.send(channel, {"type": "x"})
        await sync_to_async(async_to_sync(layer.send))(channel, {"type": "y"})
        collection.end()
        return [f"{sent.entry.channel} {sent.entry.type}" for sent in collection.sent]

    got = await asyncio.gather(collect("a"), collect("b"))
    assert got == [["a x", "a y"], ["b x", "b y"]]


async def test_more_than_can_be_shown_is_counted(layer):
    layer.attach("a", lambda message, cause: True)
    collection = Collection(LIMIT)
    collection.begin()
    for _ in range(MOST_SENDS + 5):
        await layer.send("a", {"type": "x"})
    collection.end()
    assert (collection.count, len(collection.sent)) == (MOST_SENDS + 5, MOST_SENDS)


async def test_what_is_kept_of_a_message_does_not_change_with_it(layer):
    layer.attach("a", lambda message, cause: True)
    collection = Collection(LIMIT)
    collection.begin()
    message = {"type": "x", "values": [1]}
    await layer.send("a", message)
    before = collection.sent[0].entry.payload
    message["values"].append(2)
    collection.end()
    assert collection.sent[0].entry.payload == before
    assert collection.sent[0].message is None


def test_nobody_listens_once_the_last_has_ended():
    heard_before = taps.observers
    one, two = Collection(LIMIT), Collection(LIMIT)
    one.begin()
    two.begin()
    one.end()
    assert taps.send_finished is not None
    two.end()
    two.end()
    assert taps.send_finished is None
    assert taps.observers == heard_before
