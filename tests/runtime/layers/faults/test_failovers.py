from __future__ import annotations

import asyncio
from pathlib import Path

from redis.crc import key_slot

from tests.runtime.layers.faults.conftest import MakeLayer
from tests.runtime.layers.faults.playing import Sender, join
from tests.support.redis_cluster import SLOTS, running_cluster
from tests.support.redis_sentinel import RedisSentinel

BETWEEN = 50
ELECTION_S = 30
"""How long Sentinels may take to agree on a new master, and a command waits for it."""


async def test_a_master_s_death_under_load_ends_nothing_doubles_nothing_reorders_nothing(
    redis_sentinel: RedisSentinel, make_layer: MakeLayer, kind: str
) -> None:
    hosts = {"sentinels": redis_sentinel.addresses, "master_name": redis_sentinel.name}
    layers = [make_layer(hosts, kind, timeout=ELECTION_S) for _ in range(2)]
    members = [await join(layer, "room") for layer in layers]
    sender = Sender("sender", lambda message: layers[0].group_send("room", message))
    await members[1].more(BETWEEN)
    await asyncio.to_thread(redis_sentinel.kill_master)
    await asyncio.gather(*(heard.more(BETWEEN) for heard in members))
    await sender.stop()
    for heard in members:
        await heard.last_of(sender)
        # What the old master had not yet passed on to the new one is lost with it, and no more.
        numbers = heard.numbers["sender"]
        assert numbers == sorted(set(numbers))


async def test_the_death_of_a_master_of_a_cluster_under_load_ends_nothing(
    tmp_path: Path, make_layer: MakeLayer, kind: str
) -> None:
    """Groups and nodes on the server that dies go on at its replica; others never notice."""
    with running_cluster(tmp_path, replicas=1) as cluster:
        options = {"cluster": True, "timeout": ELECTION_S}
        hosts = cluster.addresses
        layers = [make_layer(hosts[-1], kind, **options) for _ in range(2)]
        groups = {name: share_of(name) for name in (f"room{n}" for n in range(9))}
        assert set(groups.values()) == {0, 1, 2}
        members = {
            (group, number): await join(layer, group)
            for group in groups
            for number, layer in enumerate(layers)
        }
        senders = {
            group: Sender(group, lambda message, group=group: layers[0].group_send(group, message))
            for group in groups
        }
        await asyncio.gather(*(heard.more(BETWEEN) for heard in members.values()))
        await asyncio.to_thread(cluster.kill_master, 0)
        await asyncio.gather(*(heard.more(BETWEEN) for heard in members.values()))
        for sender in senders.values():
            await sender.stop()
        for (group, _), heard in members.items():
            await heard.last_of(senders[group])
            numbers = heard.numbers[group]
            assert numbers == sorted(set(numbers))
        for layer in layers:
            await layer.close()


def share_of(group: str) -> int:
    """Return the number of the master that has a group."""
    return key_slot(f"asgi:group:{group}".encode()) * 3 // SLOTS
