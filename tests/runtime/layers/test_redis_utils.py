import pytest
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.sentinel import SentinelConnectionPool

from runtime.layers.redis_utils import create_pool, decode_hosts


def test_hosts_become_the_arguments_of_pools():
    given = {"address": "redis://one", "db": 1}
    assert decode_hosts(["redis://one", ("two", 7), given]) == [
        {"address": "redis://one"},
        {"host": "two", "port": 7},
        given,
    ]
    assert decode_hosts(None) == decode_hosts([]) == [{"address": "redis://localhost:6379"}]


def test_a_text_in_the_place_of_the_list_is_refused():
    with pytest.raises(ValueError, match="Write \\['redis://one'\\]"):
        decode_hosts("redis://one")


async def test_a_pool_reaches_its_server(redis_server):
    for host in (redis_server.url, (redis_server.host, redis_server.port)):
        (arguments,) = decode_hosts([host])
        pool = create_pool(arguments)
        assert type(pool) is ConnectionPool
        async with Redis(connection_pool=pool) as client:
            assert await client.ping()
        await pool.aclose()
        assert decode_hosts([host]) == [arguments]


def test_a_pool_behind_sentinels_asks_them():
    host = {"sentinels": [("one", 1)], "master_name": "main", "sentinel_kwargs": {"password": "p"}}
    pool = create_pool(host)
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "main"
    assert "sentinels" in host
