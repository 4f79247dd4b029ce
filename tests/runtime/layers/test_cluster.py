"""The servers of a Cluster: no command overtakes another one for the same key."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.exceptions import LayerUnavailable
from runtime.layers import cluster as clusters
from runtime.layers.addresses import Address, Cluster
from runtime.layers.cluster import ClusterShards
from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer
from runtime.testing.layers.harness import until

PATIENCE_S = 10
NODES = Cluster((Address("first", 1), Address("second", 2)))
ONE_MASTER = [[0, 16_383, [b"first", 1]]]


class Told:
    """A connection that writes down what it is told to send."""

    def __init__(self, place: Any) -> None:
        self.place = place
        self.sent: list[Any] = []

    def tell(self, answer: Any, *command: Any) -> None:
        self.sent.append(command[-1])

    async def close(self) -> None:
        pass


def nothing(answer: Any) -> None:
    pass


async def test_what_is_sent_as_the_map_comes_does_not_overtake_what_waited_for_it(monkeypatch):
    async def ask_slots(address: Address) -> Any:
        return ONE_MASTER

    monkeypatch.setattr(clusters, "_ask_slots", ask_slots)
    shards = ClusterShards(NODES, Told, PATIENCE_S)
    shards.tell("key", nothing, "SPUBLISH", 1)
    while not shards.slots.is_known:
        await asyncio.sleep(0)
    shards.tell("key", nothing, "SPUBLISH", 2)
    link = shards.link_for("key")
    await until(lambda: len(link.sent) == 2, PATIENCE_S)
    assert link.sent == [1, 2]
    await shards.close()


@pytest.mark.parametrize("layer_class", [RedisChannelLayer, RedisPubSubChannelLayer])
async def test_a_message_sent_as_the_map_comes_takes_none_from_those_that_waited(
    redis_cluster, layer_class
):
    """A receiver leaves out what comes with a lower number than the last: it has seen it."""
    options = {"hosts": redis_cluster.addresses, "cluster": True, "prefix": "overtaken"}
    layer, sender = layer_class(**options), layer_class(**options)
    channel = await layer.new_channel()
    first = asyncio.ensure_future(sender.send(channel, {"type": "note", "n": 1}))
    await asyncio.sleep(0)
    slots = sender._nodes.here().servers.slots
    while not slots.is_known:
        await asyncio.sleep(0)
    await asyncio.gather(first, sender.send(channel, {"type": "note", "n": 2}))
    async with asyncio.timeout(PATIENCE_S):
        assert [(await layer.receive(channel))["n"] for _ in range(2)] == [1, 2]
    await sender.close()
    await layer.close()


async def test_what_waits_for_the_map_fails_when_nobody_waits_for_it_any_more(monkeypatch):
    asked = asyncio.Event()

    async def ask_slots(address: Address) -> Any:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(clusters, "_ask_slots", ask_slots)
    shards = ClusterShards(NODES, Told, PATIENCE_S)
    sending = shards.call("key", "SPUBLISH", 1)
    await asked.wait()
    await shards.close()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(LayerUnavailable):
            await sending
