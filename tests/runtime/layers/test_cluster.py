"""The servers of a Cluster: no command overtakes another one for the same key."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest
from redis.crc import key_slot

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers import slots
from runtime.layers.addresses import Address, Cluster
from runtime.layers.cluster import ClusterShards
from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer
from runtime.testing.layers.harness import until

PATIENCE_S = 30
NODES = Cluster((Address("first", 1), Address("second", 2)))
ONE_MASTER = [[0, 16_383, [b"first", 1]]]
MOVED = ServerRefusal(f"MOVED {key_slot(b'key')} second:2")


class Told:
    """A connection that writes down what it is told to send, and is answered by the test."""

    is_up = True

    def __init__(self, place: Any) -> None:
        self.place = place
        self.address = place if isinstance(place, Address) else place.slots.master_of(place.slot)
        self.sent: list[Any] = []
        self.answers: deque[Any] = deque()
        self.reopened = 0

    @property
    def is_idle(self) -> bool:
        return not self.answers

    def tell(self, answer: Any, *command: Any) -> None:
        self.sent.append(command[-1])
        self.answers.append(answer)

    def reply(self, reply: Any) -> None:
        """Answer the command that waits longest."""
        self.answers.popleft()(reply)

    def reopen(self, error: Exception) -> None:
        self.reopened += 1
        self.address = self.place.slots.master_of(self.place.slot)

    async def close(self) -> None:
        while self.answers:
            self.reply(LayerUnavailable(str(self.place), "closed"))


def nothing(answer: Any) -> None:
    pass


class Servers:
    """What the servers say of the slots, which a test may change."""

    def __init__(self) -> None:
        self.said = ONE_MASTER

    async def ask(self, address: Address) -> Any:
        return self.said


@pytest.fixture
def servers(monkeypatch):
    servers = Servers()
    monkeypatch.setattr(slots, "_ask_slots", servers.ask)
    return servers


@pytest.fixture
async def shards(servers):
    shards = ClusterShards(NODES, Told, PATIENCE_S)
    yield shards
    await shards.close()


async def test_what_is_sent_as_the_map_comes_does_not_overtake_what_waited_for_it(shards):
    shards.tell("key", nothing, "SPUBLISH", 1)
    while not shards.slots.is_known:
        await asyncio.sleep(0)
    shards.tell("key", nothing, "SPUBLISH", 2)
    link = shards.link_for("key")
    await until(lambda: len(link.sent) == 2, PATIENCE_S)
    assert link.sent == [1, 2]


async def test_what_is_sent_as_a_slot_moves_does_not_overtake_what_goes_there_by_the_old_server(
    shards, servers
):
    await shards.find_anew()
    for number in (1, 2):
        shards.tell("key", nothing, "SPUBLISH", number)
    old = shards.link_for("key")
    servers.said = [[0, 16_383, [b"second", 2]]]
    old.reply(MOVED)
    shards.tell("key", nothing, "SPUBLISH", 3)
    new = shards.links[-1]
    assert new.sent == [1]
    assert not shards.is_idle
    old.reply(MOVED)
    assert (old.sent, new.sent) == ([1, 2], [1, 2, 3])


async def test_a_connection_whose_share_has_moved_is_opened_anew_when_nothing_is_under_way(
    shards, servers
):
    await shards.find_anew()
    for number in (1, 2):
        shards.tell("key", nothing, "SPUBLISH", number)
    old = shards.link_for("key")
    servers.said = [[0, 16_383, [b"second", 2]]]
    old.reply(MOVED)
    await until(lambda: shards._strays, PATIENCE_S)
    assert old.reopened == 0
    old.reply(MOVED)
    await until(lambda: not shards._moved, PATIENCE_S)
    new = shards.links[-1]
    new.reply(1)
    new.reply(1)
    shards.tell("key", nothing, "SPUBLISH", 3)
    assert (old.reopened, old.sent, new.sent) == (1, [1, 2, 3], [1, 2])
    assert not shards._strays


async def test_masters_that_send_a_command_to_and_fro_are_named_with_what_mends_them(shards):
    await shards.find_anew()
    answers: list[Any] = []
    shards.tell("key", answers.append, "SPUBLISH", 1)
    await until(lambda: answers or _refuse_all(shards), PATIENCE_S)
    (refusal,) = answers
    assert refusal.code == "MOVED"
    assert "redis-cli --cluster check" in str(refusal)


def _refuse_all(shards: ClusterShards) -> None:
    """Let each server say that the other one has what it is asked for."""
    for link in list(shards.links):
        while link.answers:
            other = "first:1" if str(link.address).endswith("second:2") else "second:2"
            link.reply(ServerRefusal(f"MOVED {key_slot(b'key')} {other}"))


async def test_a_server_that_names_no_host_is_the_one_that_was_asked(shards, servers):
    for nameless in (b"", None):
        servers.said = [[0, 16_383, [nameless, 3]]]
        await shards.slots.refresh()
        assert shards.slots.master_of(7) == Address("first", 3)


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
    known = sender._nodes.here().servers.slots
    while not known.is_known:
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

    monkeypatch.setattr(slots, "_ask_slots", ask_slots)
    shards = ClusterShards(NODES, Told, PATIENCE_S)
    sending = shards.call("key", "SPUBLISH", 1)
    await asked.wait()
    await shards.close()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(LayerUnavailable):
            await sending
