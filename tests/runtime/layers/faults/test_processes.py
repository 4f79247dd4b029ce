from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack

import pytest
import redis

from runtime.testing.layers.harness import heard, until
from tests.runtime.layers.faults.conftest import MakeLayer, path_of
from tests.runtime.layers.faults.playing import PATIENCE_S, Sender, join
from tests.support.layer_player import playing
from tests.support.redis_server import RedisServer

LEASE_S = 1.5


async def test_the_death_of_one_process_in_three_costs_the_others_nothing(
    redis_server: RedisServer, kind: str, request: pytest.FixtureRequest
) -> None:
    config = {"hosts": [redis_server.url], "prefix": request.node.name}
    async with AsyncExitStack() as stack:
        first, second, dying = await asyncio.gather(
            *(
                stack.enter_async_context(
                    playing(path_of(kind), "room", name, members=10, floods=True, **config)
                )
                for name in ("first", "second", "dying")
            )
        )
        await asyncio.gather(*(one.more(60) for one in (first, second, dying)))
        await dying.kill()
        # All that the survivors sent from here on still reaches both of them.
        await asyncio.gather(first.more(120), second.more(120))
        last = first.sent + 10
        await asyncio.gather(first.hears("first", last), second.hears("first", last))
        for survivor in (first, second):
            for sender in ("first", "second", "dying"):
                numbers = survivor.numbers_of(sender)
                # From when it joined to its end or ours, every one of them, once and in order.
                assert numbers == list(range(numbers[0], numbers[-1] + 1))
            assert survivor.numbers_of("dying")[-1] >= dying.sent - 1


async def test_the_members_of_a_dead_process_are_gone_within_its_lease(
    redis_server: RedisServer, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    prefix = request.node.name
    layer = make_layer(redis_server.url, prefix=prefix, lease=LEASE_S)
    heard = await join(layer, "room")
    config = {"hosts": [redis_server.url], "prefix": prefix, "lease": LEASE_S}
    async with playing(path_of("streams"), "room", "dying", members=10, **config) as dying:
        await layer.group_send("room", {"type": "note", "sender": "here", "number": 0})
        await dying.hears("here", 0)
        node = dying.channels[0].partition(".")[2].partition("!")[0]
        assert is_known(redis_server, prefix, node)
        await dying.kill()
    assert 0 < longest_known_ms(redis_server, prefix, node) <= LEASE_S * 1_000
    number = 1
    while is_known(redis_server, prefix, node):
        # A group forgets a node that is gone when the next message is sent to it.
        await layer.group_send("room", {"type": "note", "sender": "here", "number": number})
        number += 1
        await asyncio.sleep(0.01)
    await heard.until(lambda: heard.total == number, "the member that lives heard all")


def is_known(server: RedisServer, prefix: str, node: str) -> bool:
    """Return whether anything on the server, by name or by content, speaks of a node."""
    with server.client() as client:
        keys = list(client.scan_iter(match=f"{prefix}:*"))
        sets = [key for key in keys if client.type(key) == b"set"]
        named = b" ".join(keys) + b" ".join(one for key in sets for one in client.smembers(key))
    return node.encode() in named


def longest_known_ms(server: RedisServer, prefix: str, node: str) -> int:
    """Return when the server forgets the last key that has the name of a node."""
    with server.client() as client:
        return max(client.pttl(key) for key in client.scan_iter(match=f"{prefix}:*{node}*"))


SEND_AND_DIE = """
import asyncio, json, os, signal, sys
from django.utils.module_loading import import_string

async def send_and_die(path, config):
    layer = import_string(path)(**config)
    for number in range(3):
        await layer.send("jobs", {"type": "note", "number": number})
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(send_and_die(*json.loads(sys.argv[1])))
"""


async def test_what_a_killed_process_has_sent_and_nobody_reads_is_reported_once_by_the_living(
    redis_server: RedisServer, kind: str, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    config = {"prefix": request.node.name, "expiry": 0.3, "lease": LEASE_S}
    living = [make_layer(redis_server.url, kind, **config) for _ in range(2)]
    for layer in living:
        await join(layer, "room")
    said = json.dumps([path_of(kind), {"hosts": [redis_server.url], **config}])
    with heard() as observer:
        dying = await asyncio.create_subprocess_exec(sys.executable, "-c", SEND_AND_DIE, said)
        assert await dying.wait() == -signal.SIGKILL
        await until(lambda: len(observer.of("message_dropped")) >= 3, PATIENCE_S)
        with redis_server.client() as client:
            await until(lambda: not client.exists(f"{config['prefix']}:unread"), PATIENCE_S)
    lost = [(drop[1], drop[2]["number"], drop[3]) for drop in observer.of("message_dropped")]
    # Each of the living may have found some of them.
    assert sorted(lost) == [("jobs", number, "expired") for number in range(3)]


async def test_wrong_clocks_of_senders_neither_reorder_nor_expire_anything(
    redis_server: RedisServer,
    make_layer: MakeLayer,
    kind: str,
    request: pytest.FixtureRequest,
) -> None:
    prefix = request.node.name
    layer = make_layer(redis_server.url, kind, prefix=prefix, expiry=5)
    heard = await join(layer, "room")
    config = {"hosts": [redis_server.url], "prefix": prefix, "expiry": 5}
    path = path_of(kind)
    async with (
        playing(path, "room", "early", clock_shift_s=-3600, **config) as early,
        playing(path, "room", "late", clock_shift_s=3600, **config) as late,
    ):
        for number in range(20):
            await early.send(number)
            await late.send(number)
        await heard.until(lambda: heard.total == 40, "all have arrived")
        await early.hears("late", 19)
        await late.hears("late", 19)
    in_turn = [(sender, number) for number in range(20) for sender in ("early", "late")]
    assert heard.order == early.heard == late.heard == in_turn


async def test_a_message_expires_by_the_server_s_clock_and_not_by_its_sender_s(
    redis_server: RedisServer, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    prefix = request.node.name
    layer = make_layer(redis_server.url, prefix=prefix, expiry=0.2)
    await layer.send("jobs", {"type": "note", "number": 0})
    with redis.Redis.from_url(redis_server.url) as client:
        began = client.time()
        while (now := client.time()) and now[0] + now[1] / 1e6 < began[0] + began[1] / 1e6 + 0.3:
            await asyncio.sleep(0.01)
    await layer.send("jobs", {"type": "note", "number": 1})
    async with asyncio.timeout(PATIENCE_S):
        assert (await layer.receive("jobs"))["number"] == 1


async def test_a_stopped_process_gets_what_was_sent_meanwhile(
    redis_server: RedisServer, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    prefix = request.node.name
    layer = make_layer(redis_server.url, prefix=prefix)
    config = {"hosts": [redis_server.url], "prefix": prefix}
    async with playing(path_of("streams"), "room", "sleeper", **config) as sleeper:
        with sleeper.stopped():
            sender = Sender("here", lambda message: layer.group_send("room", message))
            while sender.sent < 200:
                await asyncio.sleep(0)
            await sender.stop()
            assert sleeper.heard == []
        await sleeper.hears("here", sender.sent - 1)
        assert sleeper.numbers_of("here") == list(range(sender.sent))
