"""Slots of a Cluster go to other servers while all servers stay, as when one is added."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis.crc import key_slot

from tests.runtime.layers.faults.conftest import MakeLayer
from tests.runtime.layers.faults.playing import BREATH_S, Heard, Receiver, Sender, join
from tests.support.redis_cluster import RedisCluster

BETWEEN = 50
FIRST = 5_462
"""The first slot of the second master: the one by which a connection finds its server."""

MOVING = {
    "the first slot of a share": range(FIRST, FIRST + 1),
    "a slot within a share": range(FIRST + 1, 10_000),
}
STAYING = range(10_000, 10_900)


async def test_a_group_whose_slot_moves_is_heard_where_it_is(
    redis_cluster: RedisCluster, make_layer: MakeLayer, slots: range
) -> None:
    layers = [make_layer(redis_cluster.addresses[0], "pubsub", **OPTIONS) for _ in range(2)]
    group = group_in(slots)
    members = [await join(layer, group) for layer in layers]
    sender = Sender(group, lambda message: layers[0].group_send(group, message))
    await all_hear_more(members)
    with moved(redis_cluster, group):
        await all_hear_more(members)
        await all_have_said_a_gap(layers, members)
    await all_hear_more(members)
    await sender.stop()
    for heard in members:
        assert in_order(heard, group)


async def test_a_group_beside_one_whose_slot_moves_misses_nothing(
    redis_cluster: RedisCluster, make_layer: MakeLayer
) -> None:
    layers = [make_layer(redis_cluster.addresses[0], "pubsub", **OPTIONS) for _ in range(2)]
    moving, staying = group_in(MOVING["a slot within a share"]), group_in(STAYING)
    gone = [await join(layer, moving) for layer in layers]
    members = [await join(layer, staying) for layer in layers]
    senders = [
        Sender(group, lambda message, group=group: layers[0].group_send(group, message))
        for group in (moving, staying)
    ]
    await all_hear_more(members)
    with moved(redis_cluster, moving):
        await all_hear_more([*gone, *members])
    await all_hear_more([*gone, *members])
    for sender in senders:
        await sender.stop()
    for heard in members:
        await heard.last_of(senders[1])
        assert heard.numbers[staying] == list(range(senders[1].sent))


async def test_who_joins_where_the_map_is_old_is_sent_on(
    redis_cluster: RedisCluster, make_layer: MakeLayer, slots: range
) -> None:
    layer = make_layer(redis_cluster.addresses[0], "pubsub", **OPTIONS)
    await layer.new_channel()
    group = group_in(slots)
    with moved(redis_cluster, group):
        member = await join(layer, group)
        await layer.group_send(group, {"type": "note", "sender": "one", "number": 0})
        await member.until(lambda: member.total == 1, "the first message arrives")


@pytest.mark.parametrize("what", ["a process", "a named channel"])
async def test_streams_whose_slot_moves_with_all_that_is_in_it_lose_nothing(
    redis_cluster: RedisCluster, make_layer: MakeLayer, what: str
) -> None:
    layer, peer = (make_layer(redis_cluster.addresses[0], **OPTIONS) for _ in range(2))
    keys = layer._node_options.keys
    channel, key = "jobs", keys.channel("jobs")
    if what == "a process":
        channel = await layer.new_channel()
        key = keys.node(layer._nodes.here().id)
    receiver = Receiver(layer, channel)
    sender = Sender("sender", lambda message: peer.send(channel, message))
    slot = key_slot(key.encode())
    owner = redis_cluster.owner_of(slot)
    await receiver.heard.more(BETWEEN)
    for to in (next(one for one in redis_cluster.masters if one is not owner), owner):
        await asyncio.to_thread(redis_cluster.move_keys, slot, to)
        await asyncio.sleep(5 * BREATH_S)  # some are sent while the slot is at neither
        await asyncio.to_thread(redis_cluster.move_slot, slot, to)
        await receiver.heard.more(BETWEEN)
    await sender.stop()
    await receiver.heard.last_of(sender)
    await receiver.stop()
    assert receiver.heard.numbers["sender"] == list(range(sender.sent))


OPTIONS = {"cluster": True, "prefix": "moved"}


@pytest.fixture(params=MOVING.values(), ids=MOVING)
def slots(request: pytest.FixtureRequest) -> range:
    """The slots of which one is moved: of each kind in turn."""
    return request.param


def group_in(slots: range) -> str:
    """Return the name of a group whose slot is one of `slots`."""
    names = (f"room{n}" for n in itertools.count())
    return next(name for name in names if slot_of(name) in slots)


def slot_of(group: str) -> int:
    return key_slot(f"{OPTIONS['prefix']}:group:{group}".encode())


@contextmanager
def moved(cluster: RedisCluster, group: str) -> Iterator[None]:
    """Have the slot of a group on the last master instead of the second for a while."""
    cluster.move_slot(slot_of(group), to=cluster.masters[2])
    try:
        yield
    finally:
        cluster.move_slot(slot_of(group), to=cluster.masters[1])


async def all_hear_more(members: list[Heard]) -> None:
    await asyncio.gather(*(heard.more(BETWEEN) for heard in members))


async def all_have_said_a_gap(layers: list, members: list[Heard]) -> None:
    """Return when each layer has said that it may have missed something, while messages come."""
    for layer, heard in zip(layers, members, strict=True):
        node = layer._nodes.here()
        await heard.until(lambda node=node: node.gaps > 0, "a gap is said")


def in_order(heard: Heard, group: str) -> bool:
    numbers = heard.numbers[group]
    return numbers == sorted(set(numbers))
