from __future__ import annotations

from pathlib import Path

import redis

from tests.support.redis_cluster import RedisCluster, is_complete, running_cluster, serves


def test_every_master_sees_the_whole_cluster(redis_cluster: RedisCluster) -> None:
    assert len(redis_cluster.masters) == 3
    for master in redis_cluster.masters:
        with master.client() as client:
            assert is_complete(client)


def test_a_client_that_knows_one_master_reaches_all(redis_cluster: RedisCluster) -> None:
    host, port = redis_cluster.addresses[0]
    with redis.RedisCluster(host=host, port=port) as client:
        for number in range(50):
            client.set(f"word{number}", number)
        assert [client.get(f"word{number}") for number in range(50)] == [
            str(number).encode() for number in range(50)
        ]
    sizes = []
    for master in redis_cluster.masters:
        with master.client() as one:
            sizes.append(len(one.keys("word*")))  # others use this Cluster too
    assert all(sizes)
    assert sum(sizes) == 50


def test_a_slot_can_be_moved(redis_cluster: RedisCluster) -> None:
    first, last = redis_cluster.masters[0], redis_cluster.masters[-1]
    redis_cluster.move_slot(0, to=last)
    try:
        with first.client() as client:
            ranges = client.execute_command("CLUSTER", "SLOTS")
        assert next((end, owner[1]) for begin, end, owner, *_ in ranges if begin == 0) == (
            0,
            last.port,
        )
    finally:
        redis_cluster.move_slot(0, to=first)


def test_a_replica_takes_the_place_of_its_master(tmp_path: Path) -> None:
    with running_cluster(tmp_path, replicas=1) as cluster:
        first, heir = cluster.masters[0], cluster.replicas[0]
        with heir.client() as client:
            assert not serves(client, heir)
        cluster.kill_master(0)
        with cluster.masters[1].client() as client:
            assert serves(client, heir)
            assert not serves(client, first)
