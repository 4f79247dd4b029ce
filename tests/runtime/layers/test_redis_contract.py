"""The contract of channel layers, kept by the layers on Redis, wherever their servers are."""

import asyncio
import itertools
from typing import Any, ClassVar

import pytest

from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer
from runtime.taps import is_muted, muted
from runtime.testing.layers import (
    AcknowledgementContract,
    ChannelLayerContract,
    HistoryContract,
    IntrospectionContract,
    PresenceContract,
    PresentPeersContract,
    PushContract,
    with_layer,
)
from runtime.testing.layers.harness import until
from tests.support.redis_sentinel import running_sentinel

prefixes = (f"contract{number}" for number in itertools.count())


class RedisContract(
    ChannelLayerContract,
    PushContract,
    IntrospectionContract,
    PresenceContract,
    PresentPeersContract,
    AcknowledgementContract,
    HistoryContract,
):
    layer_class = RedisChannelLayer
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _hosts(self, redis_server):
        self.hosts = [redis_server.url]
        self.prefix = next(prefixes)

    def make_layer(self, **options):
        return self.layer_class(hosts=self.hosts, prefix=self.prefix, **{**self.options, **options})

    def make_peer(self, layer):
        return self.make_layer()

    @with_layer()
    async def test_a_layer_that_was_first_used_unobserved_delivers_in_sight(
        self, layer: Any
    ) -> None:
        with muted():
            channel = await layer.new_channel()
            await layer.group_add("room", channel)
        seen: list[bool] = []

        def sink(message: Any, cause: Any) -> bool:
            seen.append(is_muted())
            return True

        layer.attach(channel, sink)
        peer = self.make_peer(layer)
        await peer.group_send("room", {"type": "chat"})
        await peer.send(channel, {"type": "chat"})
        with muted():
            await peer.send(channel, {"type": "unobserved"})
        await until(lambda: len(seen) == 3, self.patience_s)
        assert seen == [False, False, True]
        await peer.close()


class TestRedis(RedisContract):
    pass


class TestRedisWithEncryption(RedisContract):
    options: ClassVar[dict[str, Any]] = {"symmetric_encryption_keys": ["new", "old"]}


class SeveralServersContract(RedisContract):
    @with_layer()
    async def test_all_members_see_one_order(self, layer: Any) -> None:
        """Members whose streams are on different servers see one order for each sender."""
        peer = self.make_peer(layer)
        members = [(at, await at.new_channel()) for at in (layer, peer)]
        for at, channel in members:
            await at.group_add("room", channel)
        senders = {"layer": layer, "peer": peer}
        await asyncio.gather(
            *(
                sender.group_send("room", {"type": "chat", "by": by, "n": n})
                for n in range(25)
                for by, sender in senders.items()
            )
        )
        for at, channel in members:
            got = [await self.take(at, channel) for _ in range(50)]
            for by in senders:
                assert [message["n"] for message in got if message["by"] == by] == list(range(25))
        await peer.close()


class TestRedisOnTwoShards(SeveralServersContract):
    @pytest.fixture(autouse=True)
    def _hosts(self, redis_server, tmp_path):
        # Two databases of one server are two servers to the layer: what is on one is not on both.
        self.hosts = [redis_server.url, redis_server.url.removesuffix("/0") + "/1"]
        self.prefix = next(prefixes)


class TestRedisCluster(SeveralServersContract):
    options: ClassVar[dict[str, Any]] = {"cluster": True}

    @pytest.fixture(autouse=True)
    def _hosts(self, redis_cluster):
        self.hosts = redis_cluster.addresses
        self.prefix = next(prefixes)


class TestRedisBehindSentinels(RedisContract):
    @pytest.fixture(autouse=True)
    def _hosts(self, session_sentinel):
        self.hosts = [
            {"sentinels": session_sentinel.addresses, "master_name": session_sentinel.name}
        ]
        self.prefix = next(prefixes)


class TestPubSub(RedisContract):
    layer_class = RedisPubSubChannelLayer


class TestPubSubWithEncryption(TestRedisWithEncryption):
    layer_class = RedisPubSubChannelLayer


class TestPubSubOnTwoShards(TestRedisOnTwoShards):
    layer_class = RedisPubSubChannelLayer


class TestPubSubCluster(TestRedisCluster):
    layer_class = RedisPubSubChannelLayer


class TestPubSubBehindSentinels(TestRedisBehindSentinels):
    layer_class = RedisPubSubChannelLayer


@pytest.fixture(scope="module")
def session_sentinel(tmp_path_factory):
    with running_sentinel(tmp_path_factory.mktemp("sentinel")) as watched:
        watched.fail_over()  # the master is not the one that it was at the start
        yield watched
