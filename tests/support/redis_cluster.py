"""A Cluster of three masters, joined and given their slots without any command-line tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path

import redis

from tests.support.redis_server import RedisServer, free_port, until

SLOTS = 16_384


@dataclass(frozen=True, slots=True)
class RedisCluster:
    """Servers that share the slots between them, in the order of their slots.

    Attributes:
        masters: those that had them at the start.
        replicas: each follows the master of its number.
    """

    masters: tuple[RedisServer, ...]
    replicas: tuple[RedisServer, ...] = ()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Of every master; a client needs one of them."""
        return [(master.host, master.port) for master in self.masters]

    def wait_until_ready(self) -> None:
        """Return when every master sees every slot served."""
        for master in self.masters:
            with master.client() as client:
                until(lambda client=client: is_complete(client), f"{master} sees the whole Cluster")

    def kill_master(self, number: int) -> None:
        """Kill a master that has a replica; return when all that are left see that in its place."""
        self.masters[number].kill()
        heir = self.replicas[number]
        for server in {*self.masters, *self.replicas} - {self.masters[number]}:
            with server.client() as client:
                until(
                    lambda client=client: is_complete(client) and serves(client, heir),
                    f"{server} sees {heir} in the place of the master",
                    told=heir.log,
                )

    def owner_of(self, slot: int) -> RedisServer:
        """Return the master that has `slot` now."""
        with self.masters[0].client() as client:
            ranges = client.execute_command("CLUSTER", "SLOTS")
        port = next(owner[1] for first, last, owner, *_ in ranges if first <= slot <= last)
        return next(master for master in self.masters if master.port == port)

    def move_keys(self, slot: int, to: RedisServer) -> None:
        """Let `slot` go to another master, key by key, up to where `move_slot()` ends it."""
        owner = self.owner_of(slot)
        with owner.client() as source, to.client() as target:
            told = [client.execute_command("CLUSTER", "MYID") for client in (source, target)]
            target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", told[0])
            source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", told[1])
            while keys := source.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
                where = (to.host, to.port, "", 0, 5_000, "KEYS")
                source.execute_command("MIGRATE", *where, *keys)

    def move_slot(self, slot: int, to: RedisServer) -> None:
        """Give `slot` to another master, with the keys that it has."""
        owner = self.owner_of(slot)
        if owner is to:
            return
        self.move_keys(slot, to)
        with to.client() as client:
            identity = client.execute_command("CLUSTER", "MYID")
        # The heir first: it has been importing, so that it claims the slot with an epoch of its
        # own. Else what the old owner said last would be believed again.
        for master in sorted(self.masters, key=lambda one: (one is not to, one is not owner)):
            with master.client() as client:
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", identity)


@contextmanager
def running_cluster(
    directory: Path, *, masters: int = 3, replicas: int = 0
) -> Iterator[RedisCluster]:
    """Run a Cluster in `directory` while the context lasts.

    Args:
        replicas: how many of the masters have one, from the first on.
    """
    with ExitStack() as stack:
        servers = []
        for number in range(masters + replicas):
            home = directory / f"server{number}"
            home.mkdir()
            server = RedisServer(
                home,
                cluster_enabled="yes",
                # Of the tests' choice: the usual one is the port plus 10,000, which may be none.
                cluster_port=str(free_port()),
                cluster_node_timeout="2000",
                repl_diskless_sync_delay="0",
            )
            stack.callback(server.stop)
            server.launch()
            servers.append(server)
        for server in servers:
            server.wait_until_ready()
        cluster = RedisCluster(tuple(servers[:masters]), tuple(servers[masters:]))
        _share_slots(cluster)
        _introduce(cluster)
        cluster.wait_until_ready()
        _follow(cluster)
        yield cluster


def is_complete(client: redis.Redis) -> bool:
    """Return whether this master takes commands, and knows who serves each slot."""
    said = client.execute_command("CLUSTER", "INFO").decode().split()
    return "cluster_state:ok" in said and f"cluster_slots_ok:{SLOTS}" in said


def serves(client: redis.Redis, server: RedisServer) -> bool:
    """Return whether a server of the Cluster takes `server` for a master."""
    ranges = client.execute_command("CLUSTER", "SLOTS")
    return any(master[1] == server.port for _, _, master, *_ in ranges)


def _share_slots(cluster: RedisCluster) -> None:
    share = -(-SLOTS // len(cluster.masters))
    for number, master in enumerate(cluster.masters):
        first = number * share
        last = min(first + share, SLOTS) - 1
        with master.client() as client:
            # Of its own for each: two masters with the same epoch would have to settle it.
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)


def _introduce(cluster: RedisCluster) -> None:
    # Each to each: what gossip would find out takes it a second.
    for one, other in permutations((*cluster.masters, *cluster.replicas), 2):
        with one.client() as client:
            bus = other.setting("cluster_port")
            client.execute_command("CLUSTER", "MEET", other.host, other.port, bus)


def _follow(cluster: RedisCluster) -> None:
    for master, replica in zip(cluster.masters, cluster.replicas, strict=False):
        with master.client() as client, replica.client() as follower:
            identity = client.execute_command("CLUSTER", "MYID")
            until(partial(_does_follow, follower, identity), f"{replica} follows {master}")


def _does_follow(follower: redis.Redis, master: bytes) -> bool:
    """Let a server follow a master as soon as it knows it; return whether it does so."""
    try:
        follower.execute_command("CLUSTER", "REPLICATE", master)
    except redis.ResponseError:  # it has not heard of it yet
        return False
    return bool(follower.info("replication")["master_link_status"] == "up")
