"""Groups with history on servers: what the contract of all layers cannot see."""

import asyncio
import itertools

import pytest

from runtime.layers.entries import NUMBERS_KEPT, TO_KEPT
from runtime.layers.history import POSITION_KEY, Position, offset_of
from runtime.layers.history_scripts import KEEP_AND_APPEND, KEEP_AND_PUBLISH
from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer
from tests.support.playbook import TIMEOUT_S

prefixes = (f"kept{number}" for number in itertools.count())
LAYERS = {"streams": RedisChannelLayer, "pubsub": RedisPubSubChannelLayer}
SCRIPTS = {"streams": KEEP_AND_APPEND, "pubsub": KEEP_AND_PUBLISH}


@pytest.fixture(params=LAYERS)
def kind(request):
    return request.param


@pytest.fixture
async def make_layer(kind):
    prefix, layers = next(prefixes), []

    def make(*hosts, **options):
        given = {"prefix": prefix, "history": {"room": {"messages": 200}}, **options}
        layers.append(LAYERS[kind](hosts=list(hosts), **given))
        return layers[-1]

    yield make
    for layer in layers:
        await layer.close()


async def take(layer, channel):
    async with asyncio.timeout(TIMEOUT_S):
        return await layer.receive(channel)


def two_servers(redis_server):
    return redis_server.url, redis_server.url.removesuffix("/0") + "/1"


async def senders_at_once(make, *hosts, **options):
    """Let three senders race, and require that all members hear what the log says."""
    layers = [make(*hosts, **options) for _ in range(3)]
    members = [await layer.new_channel() for layer in layers]
    for layer, channel in zip(layers, members, strict=True):
        await layer.group_add("room", channel)
    await asyncio.gather(
        *(
            layer.group_send("room", {"type": "chat", "by": by, "n": n})
            for n in range(25)
            for by, layer in enumerate(layers)
        )
    )
    log = await layers[0].replay("room")
    assert log.is_complete
    assert [offset_of(message) for message in log.messages] == list(range(1, 76))
    for layer, channel in zip(layers, members, strict=True):
        assert [await take(layer, channel) for _ in range(75)] == log.messages


async def test_members_hear_the_log_in_its_order(make_layer, redis_server):
    await senders_at_once(make_layer, redis_server.url)


async def test_members_on_several_servers_hear_the_log_in_its_order(make_layer, redis_server):
    await senders_at_once(make_layer, *two_servers(redis_server))


async def test_members_on_a_cluster_hear_the_log_in_its_order(make_layer, redis_cluster):
    await senders_at_once(make_layer, *redis_cluster.addresses, cluster=True)


async def test_a_message_that_was_overtaken_and_never_comes_is_fetched(redis_server):
    """A sender that dies between the two servers has kept what it has not sent on."""
    options = {"prefix": next(prefixes), "history": ["room"]}
    layer = RedisChannelLayer(hosts=two_servers(redis_server), **options)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    node = layer._nodes.here()

    async def not_sent(*arguments):
        return None

    sending, node._append_to_members = node._append_to_members, not_sent
    await layer.group_send("room", {"type": "chat", "n": 0})
    node._append_to_members = sending
    await layer.group_send("room", {"type": "chat", "n": 1})
    assert [(await take(layer, channel))["n"] for _ in range(2)] == [0, 1]
    await layer.close()


async def test_a_message_that_was_overtaken_and_is_kept_no_more_is_given_up(redis_server):
    options = {"prefix": next(prefixes), "history": {"room": {"messages": 2}}}
    layer = RedisChannelLayer(hosts=two_servers(redis_server), **options)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    node = layer._nodes.here()

    async def not_sent(*arguments):
        return None

    sending, node._append_to_members = node._append_to_members, not_sent
    for n in range(4):
        await layer.group_send("room", {"type": "chat", "n": n})
    node._append_to_members = sending
    await layer.group_send("room", {"type": "chat", "n": 4})
    assert [(await take(layer, channel))["n"] for _ in range(2)] == [3, 4]
    await layer.close()


async def test_a_message_that_others_to_its_receiver_overtake_comes_all_the_same(redis_server):
    """Between its place in the log and the receiver's stream, its sender sends on, at length."""
    options = {"prefix": next(prefixes), "history": ["room"]}
    layer = RedisChannelLayer(hosts=two_servers(redis_server), **options)
    channel, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("room", channel)
    node = layer._nodes.here()
    is_kept, may_go = asyncio.Event(), asyncio.Event()

    async def held_up(*arguments):
        is_kept.set()
        await may_go.wait()
        await sending(*arguments)

    sending, node._append_to_members = node._append_to_members, held_up
    kept = asyncio.ensure_future(layer.group_send("room", {"type": "chat", "n": 0}))
    await is_kept.wait()
    node._sequence += NUMBERS_KEPT
    await layer.send(other, {"type": "note", "n": 1})
    assert (await take(layer, other))["n"] == 1
    may_go.set()
    await kept
    assert (await take(layer, channel))["n"] == 0
    await layer.close()


async def test_a_message_whose_answer_was_lost_is_kept_once(make_layer, redis_server, kind):
    layer = make_layer(redis_server.url)
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    node = layer._nodes.here()
    keys = node.options.keys
    for n in range(2):
        payload = node.options.codec.encode({"type": "chat", "n": n})
        head = node._head(TO_KEPT, "room")
        more = (keys.node_prefix, 100) if kind == "streams" else ("PUBLISH", keys.group("room"))
        command = node.kept.keeping(SCRIPTS[kind], "room", head, payload, *more)
        answers = [await node.servers.call(keys.group("room"), *command) for _ in range(2)]
        assert answers[0][0] == answers[1][0] != b""
    assert [(await take(layer, channel))["n"] for _ in range(2)] == [0, 1]
    assert [message["n"] for message in (await layer.replay("room")).messages] == [0, 1]


async def test_a_server_that_came_back_empty_has_another_history(make_layer, own_redis_server):
    layer = make_layer(own_redis_server.url)
    for n in range(2):
        await layer.group_send("room", {"type": "chat", "n": n})
    before = (await layer.replay("room")).position
    await asyncio.to_thread(own_redis_server.restart)
    replay = await layer.replay("room", before)
    assert (replay.messages, replay.is_complete) == ([], False)
    assert replay.position.epoch != before.epoch
    # The new one may count as far as the old one had, and is not mistaken for it.
    for n in range(3):
        await layer.group_send("room", {"type": "chat", "n": n})
    assert not (await layer.replay("room", before)).is_complete
    assert (await layer.replay("room", replay.position)).is_complete


async def test_a_server_that_came_back_with_its_log_gives_it_and_does_not_call_it_complete(
    make_layer, durable_redis_server
):
    """It may have lost the end of it, whose offsets it will give again."""
    layer = make_layer(durable_redis_server.url)
    await layer.group_send("room", {"type": "chat", "n": 0})
    before = (await layer.replay("room")).position
    await asyncio.to_thread(durable_redis_server.restart)
    await layer.group_send("room", {"type": "chat", "n": 1})
    replay = await layer.replay("room", before)
    assert [message["n"] for message in replay.messages] == [0, 1]
    assert not replay.is_complete
    assert replay.position == Position(replay.position.epoch, 2)
    assert replay.position.epoch != before.epoch
    assert (await layer.replay("room", replay.position)).is_complete


async def test_a_named_channel_in_the_group_gets_the_position_too(make_layer, redis_server):
    layer = make_layer(redis_server.url)
    await layer.group_add("room", "jobs")
    await layer.group_send("room", {"type": "chat"})
    (kept,) = (await layer.replay("room")).messages
    assert await take(layer, "jobs") == kept
    assert POSITION_KEY in kept


async def test_what_no_key_opens_is_missing_and_makes_a_replay_incomplete(make_layer, redis_server):
    theirs = make_layer(redis_server.url, symmetric_encryption_keys=["theirs"])
    layer = make_layer(redis_server.url)
    await theirs.group_send("room", {"type": "chat", "n": 0})
    await layer.group_send("room", {"type": "chat", "n": 1})
    replay = await layer.replay("room")
    assert [message["n"] for message in replay.messages] == [1]
    assert not replay.is_complete
