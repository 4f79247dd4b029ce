"""The contract of channel layers, kept by the layers on Redis, wherever their servers are."""

import asyncio
import itertools
from collections.abc import Awaitable
from typing import Any, ClassVar

import pytest

from runtime.layers.linked import LOADING
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

    @with_layer()
    async def test_a_message_that_is_refused_for_a_moment_comes_after_the_next(
        self, layer: Any
    ) -> None:
        await layer.send("queue", {"type": "note", "n": 0})
        later = (layer.send("queue", {"type": "note", "n": n}) for n in (1, 2))
        await refuse_first(layer, layer._node_options.keys.channel("queue"), *later)
        assert await self.take_numbers(layer, "queue", 3) == [0, 2, 1]
        await self.require_empty(layer, "queue")

    @with_layer(acknowledged_channels=["safe"])
    async def test_a_job_that_is_refused_for_a_moment_comes_after_the_next(
        self, layer: Any
    ) -> None:
        await layer.send("safe", {"type": "job", "n": 0})
        later = (layer.send("safe", {"type": "job", "n": n}) for n in (1, 2))
        await refuse_first(layer, layer._node_options.keys.jobs("safe").stream, *later)
        assert await self.take_numbers(layer, "safe", 3) == [0, 2, 1]
        assert (await layer.job_counts("safe")).waiting == 0

    @with_layer(history=["room"])
    async def test_what_a_group_keeps_comes_after_the_next_if_it_is_refused_for_a_moment(
        self, layer: Any
    ) -> None:
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        later = (layer.group_send("room", {"type": "chat", "n": n}) for n in (1, 2))
        await refuse_first(layer, layer._node_options.keys.group("room"), *later)
        assert await self.take_numbers(layer, channel, 2) == [2, 1]
        assert [message["n"] for message in (await layer.replay("room")).messages] == [2, 1]


async def refuse_first(layer: Any, key: str, first: Awaitable[None], then: Awaitable[None]) -> None:
    """Do both at once, in this order, while the server refuses the first and takes the other.

    It has forgotten its scripts when the first comes, and knows them again when the other does.
    """
    link = layer._nodes.here().servers.link_for(key)
    answers: list[Any] = []

    async def tell(*commands: tuple[Any, ...]) -> None:
        for command in commands:
            link.tell(answers.append, *command)

    await asyncio.gather(tell(("SCRIPT", "FLUSH")), first, tell(*LOADING), then)
    assert answers[0] == b"OK"


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
