"""What the layers on Redis share, beyond the contract of all layers."""

import asyncio
import dataclasses
import itertools
import re

import pytest
from asgiref.sync import async_to_sync

from runtime.exceptions import UnknownLayerOption
from runtime.layers import node as nodes
from runtime.layers.codec import VERSION
from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer
from runtime.testing.layers.harness import heard, until
from runtime.throttle import ThrottledWarnings
from tests.support.playbook import TIMEOUT_S
from tests.support.tcp_proxy import proxied

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


async def test_a_server_knows_what_it_has_taken_for_longer_than_that_is_sent_again(redis_server):
    layer = RedisChannelLayer(hosts=[redis_server.url], prefix=next(prefixes), timeout=1_000)
    await layer.send("queue", {"type": "note"})
    node = layer._nodes.here()
    mark = node.options.keys.sent("queue", node.id, node._sequence)
    with redis_server.client() as client:
        assert client.getbit(mark.key, mark.bit) == 1
        assert client.pttl(mark.key) > 1_000_000
    await layer.close()


@pytest.mark.parametrize("kind", LAYERS)
async def test_a_prefix_may_have_spaces_and_letters_of_any_language(redis_server, kind):
    layer = LAYERS[kind](hosts=[redis_server.url], prefix="my café", timeout=TIMEOUT_S)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "chat"})
    assert await take(layer, channel) == {"type": "chat"}
    await layer.send("named", {"type": "chat"})
    assert await take(layer, "named") == {"type": "chat"}
    await layer.close()


@pytest.mark.parametrize("name", ["specific!one", "specific.0123456789ab!one"])
async def test_nobody_waits_on_the_channel_of_another_process(layer, name):
    with pytest.raises(RuntimeError, match="belongs to another process"):
        await take(layer, name)
    await layer.close()


async def test_a_message_to_a_channel_whose_process_has_ended_is_reported_by_its_sender(
    layer, redis_server
):
    other = type(layer)(hosts=[redis_server.url], prefix=layer.prefix)
    channel = await other.new_channel()
    with heard() as observer:
        await layer.send(channel, {"type": "there"})
        assert await take(other, channel) == {"type": "there"}
        await other.close()
        await layer.send(channel, {"type": "gone"})
    assert [drop[1:] for drop in observer.of("message_dropped")] == [
        (channel, {"type": "gone"}, "undelivered", ("trace", "entry:1"))
    ]
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


@pytest.fixture
def pubsub(redis_server):
    made = RedisPubSubChannelLayer(hosts=[redis_server.url], prefix=next(prefixes))
    yield made
    async_to_sync(made.close)()


async def test_what_is_for_this_loop_takes_no_way_over_the_server(pubsub):
    channel = await pubsub.new_channel()
    servers = pubsub._nodes.here().servers
    while not servers.is_idle:
        await asyncio.sleep(0.01)
    sending = pubsub.send(channel, {"type": "here"})
    with pytest.raises(StopIteration):
        sending.send(None)  # it ends without having waited for anything
    assert await take(pubsub, channel) == {"type": "here"}
    await pubsub.close()


async def test_what_is_for_this_loop_does_not_overtake_what_is_on_its_way(pubsub):
    """A message to the group, whose answer nobody awaits yet, and direct ones after it."""
    channel, got = await pubsub.new_channel(), []

    def sink(message, cause):
        got.append(message["n"])
        return True

    pubsub.attach(channel, sink)
    await pubsub.group_add("room", channel)
    sending = []
    for n in range(0, 60, 3):
        sending.append(asyncio.ensure_future(pubsub.group_send("room", {"type": "a", "n": n})))
        await asyncio.sleep(0)
        sending.append(asyncio.ensure_future(pubsub.send(channel, {"type": "a", "n": n + 1})))
        await asyncio.sleep(0)
        await pubsub.send(channel, {"type": "a", "n": n + 2})
    await asyncio.gather(*sending)
    async with asyncio.timeout(TIMEOUT_S):
        while len(got) < 60:
            await asyncio.sleep(0.01)
    assert got == list(range(60))
    await pubsub.close()


CHANNELS_REDIS = {
    "streams": {
        "expiry": 60,
        "group_expiry": 86_400,
        "capacity": 100,
        "channel_capacity": {"http.request": 200, re.compile(r"^websocket.send!"): 20},
        "symmetric_encryption_keys": ["key"],
        "random_prefix_length": 12,
        "serializer_format": "msgpack",
    },
    "pubsub": {
        "on_disconnect": "layer.gone",
        "on_reconnect": "layer.back",
        "serializer_format": "msgpack",
        "symmetric_encryption_keys": ["key"],
    },
}
"""The options that the layers of channels_redis have beside `hosts` and `prefix`."""


@pytest.mark.parametrize("kind", LAYERS)
def test_the_options_of_channels_redis_are_accepted_and_others_refused_by_name(kind, redis_server):
    made = LAYERS[kind](hosts=[redis_server.url], prefix="options", **CHANNELS_REDIS[kind])
    assert made.prefix == "options"
    with pytest.raises(UnknownLayerOption, match=r"'expire'\. Did you mean 'expiry'"):
        LAYERS[kind](hosts=[redis_server.url], expire=60)


async def test_a_message_to_a_group_is_decoded_once_and_costs_one_round_trip(layer, redis_server):
    channels = [await layer.new_channel() for _ in range(50)]
    for channel in channels:
        await layer.group_add("room", channel)
    codec, decoded = layer._node_options.codec, []

    class Counting:
        encode = codec.encode

        def decode(self, data):
            decoded.append(data)
            return codec.decode(data)

    node = layer._nodes.here()
    node.options = dataclasses.replace(node.options, codec=Counting())
    asked = []
    for link in node.servers.links:

        def note(command, *rest, put=link._put, **options):
            asked.append(command)
            put(command, *rest, **options)

        link._put = note
    await layer.group_send("room", {"type": "chat"})
    assert len(asked) == 1
    for channel in channels:
        assert await take(layer, channel) == {"type": "chat"}
    assert len(decoded) == 1
    await layer.close()


async def test_bytes_grow_with_the_processes_and_not_with_the_members(layer, redis_server):
    payload = "x" * 10_000
    with proxied((redis_server.host, redis_server.port)) as proxy:
        url, got = f"redis://{proxy.host}:{proxy.port}/0", []
        both = [type(layer)(hosts=[url], prefix=layer.prefix) for _ in range(2)]

        def sink(message, cause):
            got.append(message)
            return True

        for one in both:
            for _ in range(500):
                channel = await one.new_channel()
                one.attach(channel, sink)
                await one.group_add("room", channel)
        before = proxy.sent_bytes + proxy.received_bytes
        await both[0].group_send("room", {"type": "chat", "text": payload})
        await until(lambda: len(got) == 1_000, TIMEOUT_S)
        spent = proxy.sent_bytes + proxy.received_bytes - before
        for one in both:
            await one.close()
    assert spent <= 3 * len(payload) + 1_000
    await layer.close()


async def test_what_an_unknown_version_wrote_is_one_clear_line_and_ends_nothing(
    layer, caplog, monkeypatch
):
    monkeypatch.setattr(nodes, "warnings", ThrottledWarnings(nodes.logger))
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    node, encode = layer._nodes.here(), layer._codec.encode
    newer = bytearray(encode({"type": "newer"}))
    newer[1] = VERSION + 1
    receiving = asyncio.ensure_future(layer.receive("jobs"))
    for message in (bytes(newer), encode({"type": "ours"})):
        await node.group_send("room", {}, message)
        await node.send("jobs", {}, message)
    assert await take(layer, channel) == {"type": "ours"}
    async with asyncio.timeout(TIMEOUT_S):
        assert await receiving == {"type": "ours"}
    assert node.undecodable == 2
    assert f"it has the version {VERSION + 1}, and this process reads" in caplog.text
    await layer.close()
