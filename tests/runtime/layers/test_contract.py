"""The contract of channel layers, kept by each layer of this package."""

import itertools
from typing import Any, ClassVar

import pytest

from runtime.layers import InMemoryChannelLayer
from runtime.layers.redis import RedisChannelLayer
from runtime.testing.layers import ChannelLayerContract, PeersContract, PushContract

prefixes = (f"contract{number}" for number in itertools.count())


class TestMemory(ChannelLayerContract, PushContract, PeersContract):
    def make_layer(self, **options):
        return InMemoryChannelLayer(**options)

    def make_peer(self, layer):
        return layer  # nobody else can reach it, so it is its own peer


class RedisContract(ChannelLayerContract, PushContract, PeersContract):
    layer_class = RedisChannelLayer
    options: ClassVar[dict[str, Any]] = {}

    @pytest.fixture(autouse=True)
    def _hosts(self, redis_server):
        self.hosts = [redis_server.url]
        self.prefix = next(prefixes)

    def make_layer(self, **options):
        return self.layer_class(hosts=self.hosts, prefix=self.prefix, **{**self.options, **options})

    def make_peer(self, layer):
        return self.layer_class(hosts=self.hosts, prefix=self.prefix, **self.options)


class TestRedis(RedisContract):
    pass


class TestRedisWithEncryption(RedisContract):
    options: ClassVar[dict[str, Any]] = {"symmetric_encryption_keys": ["new", "old"]}
