from __future__ import annotations

from redis.sentinel import Sentinel

from tests.support.redis_sentinel import RedisSentinel


def test_the_sentinels_name_the_master_before_and_after_a_failover(
    redis_sentinel: RedisSentinel,
) -> None:
    old = redis_sentinel.master
    with old.client() as client:
        client.set("word", "tap")
        client.wait(1, 5_000)
    new = redis_sentinel.fail_over()
    assert new is not old
    asked = Sentinel(redis_sentinel.addresses)
    try:
        assert asked.discover_master(redis_sentinel.name) == (new.host, new.port)
    finally:
        for sentinel in asked.sentinels:
            sentinel.close()
    with new.client() as client:
        assert client.get("word") == b"tap"
        assert client.info("replication")["role"] == "master"


def test_a_master_that_is_killed_is_replaced(redis_sentinel: RedisSentinel) -> None:
    old = redis_sentinel.master
    new = redis_sentinel.kill_master()
    assert new is not old
    with new.client() as client:
        assert client.set("word", "tap")
