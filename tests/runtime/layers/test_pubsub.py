"""Pub/sub: what it says of an outage, in each way that its hooks are given, and its order."""

import asyncio
import itertools

import pytest

from runtime.layers import connection
from runtime.layers import node as nodes
from runtime.layers.codec import Codec
from runtime.layers.entries import NUMBERS_KEPT, TO_CHANNEL, write_head
from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.testing.layers.harness import until
from runtime.throttle import ThrottledWarnings

PATIENCE_S = 60


@pytest.fixture
async def made(own_redis_server, monkeypatch):
    """A function that makes a layer which has listened once."""
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.1)
    layers = []

    async def make(**hooks):
        layers.append(RedisPubSubChannelLayer(hosts=[own_redis_server.url], **hooks))
        return layers[-1], await layers[-1].new_channel()

    yield make
    for layer in layers:
        await layer.close()


async def test_a_type_is_that_of_a_message_which_each_channel_gets(made, own_redis_server):
    layer, receiving = await made(on_disconnect="layer.gone", on_reconnect="layer.back")
    attached, got = await layer.new_channel(), []

    def sink(message, cause):
        got.append(message["type"])
        return True

    layer.attach(attached, sink)
    waiting = [asyncio.ensure_future(layer.receive(receiving)) for _ in range(2)]
    await asyncio.sleep(0)
    await asyncio.to_thread(own_redis_server.restart)
    async with asyncio.timeout(PATIENCE_S):
        assert [(await one)["type"] for one in waiting] == ["layer.gone", "layer.back"]
        while len(got) < 2:
            await asyncio.sleep(0.01)
    assert got == ["layer.gone", "layer.back"]


async def test_a_function_is_called_and_a_coroutine_function_is_awaited(made, own_redis_server):
    told, is_back = [], asyncio.Event()

    async def back():
        await asyncio.sleep(0)
        told.append("back")
        is_back.set()

    await made(on_disconnect=lambda: told.append("gone"), on_reconnect=back)
    await asyncio.to_thread(own_redis_server.restart)
    async with asyncio.timeout(PATIENCE_S):
        await is_back.wait()
    assert told == ["gone", "back"]


async def test_a_hook_that_fails_is_logged_and_harms_nothing(made, own_redis_server, caplog):
    layer, channel = await made(on_disconnect=lambda: 1 / 0)
    await asyncio.to_thread(own_redis_server.restart)
    async with asyncio.timeout(PATIENCE_S):
        while "ZeroDivisionError" not in caplog.text:
            await asyncio.sleep(0.01)
        receiving = asyncio.ensure_future(layer.receive(channel))
        while not receiving.done():  # what is sent before it listens again is lost
            await layer.send(channel, {"type": "after"})
            await asyncio.sleep(0.01)
    assert await receiving == {"type": "after"}


async def test_members_share_one_subscription_until_the_last_has_left(made, own_redis_server):
    layer, first = await made()
    second = await layer.new_channel()
    key = layer._node_options.keys.group("room")
    with own_redis_server.client() as client:
        for channel in (first, second):
            await layer.group_add("room", channel)
            assert client.pubsub_numsub(key) == [(key.encode(), 1)]
        before = client.info("commandstats")["cmdstat_subscribe"]["calls"]
        await layer.group_discard("room", first)
        await layer.group_add("room", first)
        await layer.group_discard("room", second)
        await layer.group_send("room", {"type": "still"})
        async with asyncio.timeout(PATIENCE_S):
            assert await layer.receive(first) == {"type": "still"}
        assert client.info("commandstats")["cmdstat_subscribe"]["calls"] == before
        await layer.group_discard("room", first)
        async with asyncio.timeout(PATIENCE_S):
            while client.pubsub_numsub(key) != [(key.encode(), 0)]:
                await asyncio.sleep(0.01)


async def test_what_is_sent_to_one_member_waits_for_what_its_group_gets_from_another_server(
    redis_server,
):
    hosts = [redis_server.url, redis_server.url.removesuffix("/0") + "/1"]
    layer = RedisPubSubChannelLayer(hosts=hosts, prefix="two-ways")
    channel = await layer.new_channel()
    node = layer._nodes.here()
    servers, keys = node.servers, node.options.keys
    here = servers.link_for(keys.node(node.id))
    names = (f"room{n}" for n in itertools.count())
    group = next(name for name in names if servers.link_for(keys.group(name)) is not here)
    await layer.group_add(group, channel)
    ear = node._subscriptions.ears[servers.link_for(keys.group(group))].link
    late: list[bytes] = []
    ear.take = lambda data: late.append(bytes(data))
    await layer.group_send(group, {"type": "note", "n": 0})
    sending = asyncio.ensure_future(layer.send(channel, {"type": "note", "n": 1}))
    await asyncio.wait([sending], timeout=0.2)  # time enough to overtake
    del ear.take
    for data in late:
        ear.take(data)
    await sending
    async with asyncio.timeout(PATIENCE_S):
        assert [(await layer.receive(channel))["n"] for _ in range(2)] == [0, 1]
    await layer.close()


async def test_what_comes_too_far_behind_to_be_known_is_said_to_be_left_out(
    made, own_redis_server, monkeypatch, caplog
):
    monkeypatch.setattr(nodes, "warnings", ThrottledWarnings(nodes.logger))
    layer, channel = await made()
    node, got = layer._nodes.here(), []

    def sink(message, cause):
        got.append(message["n"])
        return True

    layer.attach(channel, sink)
    where = node.options.keys.node(node.id)
    with own_redis_server.client() as client:
        for number in (NUMBERS_KEPT + 5, 6, 5, 7):
            head = write_head("0123456789ab", number, TO_CHANNEL, False, channel)
            payload = Codec().encode({"type": "note", "n": number})
            assert client.publish(where, head.encode() + b"\n" + payload) == 1
    await until(lambda: got == [NUMBERS_KEPT + 5, 6, 7], PATIENCE_S)
    assert [record.message for record in caplog.records if "came behind" in record.message] == [
        "Message 5 of 0123456789ab came behind too many others:"
        " if it was not here before, it is lost."
    ]
