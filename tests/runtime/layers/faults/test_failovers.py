from __future__ import annotations

import asyncio

from tests.runtime.layers.faults.conftest import MakeLayer
from tests.runtime.layers.faults.playing import Sender, join
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
