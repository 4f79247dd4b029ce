"""What the layers on Redis share, beyond the contract of all layers."""

import asyncio
import itertools

import pytest
from asgiref.sync import async_to_sync

from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer
from tests.support.playbook import TIMEOUT_S

prefixes = (f"networked{number}" for number in itertools.count())
LAYERS = {"streams": RedisChannelLayer, "pubsub": RedisPubSubChannelLayer}


@pytest.fixture(params=LAYERS)
def layer(request, redis_server):
    made = LAYERS[request.param](hosts=[redis_server.url], prefix=next(prefixes))
    yield made
    async_to_sync(made.close)()


async def take(layer, channel):
    async with asyncio.timeout(TIMEOUT_S):
        return await layer.receive(channel)


def test_channels_groups_and_messages_outlive_closed_pools(layer):
    """As in channels_redis, where a call closes what another loop could not use."""

    async def send_and_close(channel, message):
        await layer.send(channel, message)
        await layer.close_pools()

    one, other = (async_to_sync(layer.new_channel)() for _ in range(2))
    async_to_sync(layer.group_add)("room", one)
    async_to_sync(send_and_close)(other, {"type": "one"})
    async_to_sync(send_and_close)(other, {"type": "other"})
    async_to_sync(layer.group_send)("room", {"type": "group"})
    assert async_to_sync(take)(layer, one) == {"type": "group"}
    if isinstance(layer, RedisPubSubChannelLayer):  # what is on its way as it ends, is lost
        async_to_sync(layer.send)(other, {"type": "last"})
        assert async_to_sync(take)(layer, other)["type"] in ("one", "other", "last")
    else:
        assert async_to_sync(take)(layer, other) == {"type": "one"}
        assert async_to_sync(take)(layer, other) == {"type": "other"}


@pytest.mark.parametrize("name", ["specific!one", "specific.0123456789ab!one"])
async def test_nobody_waits_on_the_channel_of_another_process(layer, name):
    with pytest.raises(RuntimeError, match="belongs to another process"):
        await take(layer, name)
    await layer.close()


async def test_two_kinds_of_layers_with_one_prefix_do_not_fail(redis_server):
    prefix = next(prefixes)
    layers = [made(hosts=[redis_server.url], prefix=prefix) for made in LAYERS.values()]
    for layer in layers:
        await layer.new_channel()
        await layer.send("jobs", {"type": "job"})
    for layer in layers:
        assert await layer.channel_depths() == {"jobs": 2}
    for layer in layers:
        await layer.flush()
        assert await layer.channel_depths() == {}
        await layer.close()
