"""The bell of a channel, against a real server."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from runtime.layers.addresses import parse_hosts
from runtime.layers.bell import Bell
from runtime.layers.connection import Link
from runtime.layers.shards import Shards
from tests.support.playbook import TIMEOUT_S

keys = (f"bell{number}" for number in itertools.count())
LONG_S = 60


@pytest.fixture
def key():
    return next(keys)


@pytest.fixture
async def listening(redis_server, key):
    """A function that makes a bell; all hear the same."""
    (place,) = parse_hosts([redis_server.url])
    made = []

    def make():
        servers, reader = Shards([place], Link), Link(place)
        made.append((Bell(key, key, servers, reader, block_s=LONG_S), servers))
        return made[-1][0]

    yield make
    for bell, servers in made:
        await bell.close()
        await servers.close()


@asynccontextmanager
async def patience():
    async with asyncio.timeout(TIMEOUT_S):
        yield


async def blocked(client, count):
    """Return when that many wait at the server."""
    async with patience():
        while client.info("clients")["blocked_clients"] != count:
            await asyncio.sleep(0.01)


async def test_a_ring_wakes_one_of_all_who_wait(listening, own_redis_server, key):
    (place,) = parse_hosts([own_redis_server.url])
    bells = []
    for _ in range(2):
        servers, reader = Shards([place], Link), Link(place)
        bells.append((Bell(key, key, servers, reader, block_s=LONG_S), servers))
    waiting = {asyncio.ensure_future(bell.wait(LONG_S)) for bell, _ in bells for _ in range(2)}
    with own_redis_server.client() as client:
        await blocked(client, 2)
        for _ in range(4):
            client.rpush(key, 1)
            async with patience():
                woken, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert len(woken) == 1
            if waiting:
                await asyncio.sleep(0.05)  # for another one who is woken too, and must not be
                assert not any(one.done() for one in waiting)
    for bell, servers in bells:
        await bell.close()
        await servers.close()


async def test_a_ring_that_nobody_heard_is_there_for_who_comes(listening, redis_server, key):
    with redis_server.client() as client:
        client.rpush(key, 1)
    async with patience():
        await listening().wait(LONG_S)


async def test_who_waits_long_enough_looks_without_a_ring(listening):
    async with patience():
        await listening().wait(0.01)


async def test_a_ring_for_one_who_has_gone_is_passed_on(listening, key, redis_server):
    gone, other = listening(), listening()
    leaving = asyncio.ensure_future(gone.wait(LONG_S))
    await asyncio.sleep(0.1)  # until it listens, or not: it is passed on either way
    leaving.cancel()
    await asyncio.wait({leaving})
    waiting = asyncio.ensure_future(other.wait(LONG_S))
    with redis_server.client() as client:
        client.rpush(key, 1)
    async with patience():
        await waiting


async def test_who_waits_looks_when_the_connection_was_cut(listening, redis_server, key):
    bell = listening()
    waiting = asyncio.ensure_future(bell.wait(LONG_S))
    with redis_server.client() as client:
        async with patience():
            while not waiting.done():
                for one in client.client_list(_type="normal"):
                    if one["cmd"] == "blpop":
                        client.client_kill_filter(_id=one["id"])
                await asyncio.sleep(0.01)
