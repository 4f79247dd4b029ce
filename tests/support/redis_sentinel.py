"""One master, one replica, and the Sentinels that watch them and make the replica a master."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.support.redis_server import RedisServer, until

DOWN_AFTER_MS = 1_000
# How often Sentinels look and talk: ten times as often as usual, for a failover in a second or two.
# A Sentinel undoes a promotion that it has seen for four publish periods and not been told of: the
# leader has to see it sooner, in its info period. And it promotes no replica of which it has not
# heard for five ping periods, which on a busy machine must not be too short.
HASTE = {
    "ping-period": 300,
    "ask-period": 100,
    "info-period": 100,
    "publish-period": 250,
    "election-timeout": 1_000,
}


class SentinelServer(RedisServer):
    """A Sentinel: the same binary, with a configuration that it rewrites itself."""

    def _arguments(self) -> list[str]:
        return [str(self.directory / "sentinel.conf"), "--sentinel"]


@dataclass(frozen=True, slots=True)
class RedisSentinel:
    """The servers under watch, and who watches them.

    Attributes:
        name: by which the Sentinels know the master.
        servers: both; which of them is the master changes.
    """

    name: str
    servers: tuple[RedisServer, RedisServer]
    sentinels: tuple[SentinelServer, ...]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Of the Sentinels."""
        return [(sentinel.host, sentinel.port) for sentinel in self.sentinels]

    @property
    def master(self) -> RedisServer:
        """The one that the first Sentinel names."""
        with self.sentinels[0].client() as client:
            _, port = client.sentinel_get_master_addr_by_name(self.name)
        return next(server for server in self.servers if server.port == port)

    def fail_over(self) -> RedisServer:
        """Let the servers change their parts while both live; return the new master."""
        old = self.master
        self.wait_until_ready()
        return self._wait_for_the_other_than(old, ask=self._ask_for_failover)

    def kill_master(self) -> RedisServer:
        """Kill the master; return the new one when all Sentinels name it."""
        old = self.master
        self.wait_until_ready()
        old.kill()
        return self._wait_for_the_other_than(old)

    def wait_until_ready(self) -> None:
        """Return when a failover is possible: every Sentinel knows the others and a replica."""
        until(self._is_ready, "the Sentinels know each other and a replica", told=self._told)

    def _is_ready(self) -> bool:
        return all(self._is_informed(sentinel) for sentinel in self.sentinels)

    def _is_informed(self, sentinel: SentinelServer) -> bool:
        with sentinel.client() as client:
            known = client.sentinel_master(self.name)
            replicas = client.sentinel_slaves(self.name)
        others = len(self.sentinels) - 1
        return known["num-other-sentinels"] == others and any(
            replica["master-link-status"] == "ok" and not replica["is_odown"]
            for replica in replicas
        )

    def _ask_for_failover(self) -> None:
        """Ask; again and again, because Sentinels give up where a machine is slow for a moment."""
        with self.sentinels[0].client() as client, suppress(redis.ResponseError):
            client.execute_command("SENTINEL", "FAILOVER", self.name)

    def _wait_for_the_other_than(
        self, old: RedisServer, *, ask: Callable[[], None] = lambda: None
    ) -> RedisServer:
        new = next(server for server in self.servers if server is not old)

        def is_replaced() -> bool:
            if set(self._named_ports()) == {old.port}:
                ask()
            return set(self._named_ports()) == {new.port} and is_master(new)

        until(
            is_replaced,
            "the other server is the master for all",
            told=self._told,
        )
        return new

    def _named_ports(self) -> Iterator[int]:
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                yield client.sentinel_get_master_addr_by_name(self.name)[1]

    def _told(self) -> str:
        return "\n".join(sentinel.log() for sentinel in self.sentinels)


@contextmanager
def running_sentinel(
    directory: Path, *, name: str = "principal", sentinels: int = 3
) -> Iterator[RedisSentinel]:
    """Run a master, a replica and their Sentinels in `directory` while the context lasts."""
    with ExitStack() as stack:
        master = RedisServer(_new(directory / "first"), repl_diskless_sync_delay="0")
        stack.callback(master.stop)
        master.start()
        replica = RedisServer(
            _new(directory / "second"),
            replicaof=f"{master.host} {master.port}",
            repl_diskless_sync_delay="0",
        )
        stack.callback(replica.stop)
        replica.start()
        with replica.client() as client:
            until(
                lambda: client.info("replication")["master_link_status"] == "up",
                "the replica follows the master",
                told=replica.log,
            )
        watching = []
        for number in range(sentinels):
            sentinel = _sentinel(_new(directory / f"sentinel{number}"), name, master, sentinels)
            stack.callback(sentinel.stop)
            sentinel.start()
            with sentinel.client() as client:
                for setting, value in HASTE.items():
                    client.execute_command("SENTINEL", "DEBUG", setting, value)
            watching.append(sentinel)
        watched = RedisSentinel(name, (master, replica), tuple(watching))
        watched.wait_until_ready()
        yield watched


def is_master(server: RedisServer) -> bool:
    """Return whether a server takes writes itself."""
    with server.client() as client:
        return bool(client.info("replication")["role"] == "master")


def _sentinel(home: Path, name: str, master: RedisServer, count: int) -> SentinelServer:
    configuration = (
        f"sentinel monitor {name} {master.host} {master.port} {count // 2 + 1}\n"
        f"sentinel down-after-milliseconds {name} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {name} 2000\n"
    )
    (home / "sentinel.conf").write_text(configuration)
    return SentinelServer(home)


def _new(directory: Path) -> Path:
    directory.mkdir()
    return directory
