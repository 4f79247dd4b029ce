"""A node's stream, from which entries can go before they are read: that is said."""

import asyncio
import itertools
import time

import pytest

from runtime.layers import node as nodes
from runtime.layers import post as posts
from runtime.layers.codec import Codec
from runtime.layers.entries import NUMBERS_KEPT, TO_CHANNEL, write_head
from runtime.layers.post import BEHIND_MS, MOST_ENTRIES
from runtime.layers.redis import RedisChannelLayer
from runtime.layers.scripts import HOLD
from runtime.testing.layers.harness import until
from runtime.throttle import ThrottledWarnings
from tests.support.playbook import TIMEOUT_S

prefixes = (f"post{number}" for number in itertools.count())
SENDER = "0123456789ab"
KEPT = 200


@pytest.fixture
async def receiver(redis_server, monkeypatch):
    """A layer, a channel of it, what has come there, and its stream."""
    for module in (nodes, posts):  # what another test was warned of does not count
        monkeypatch.setattr(module, "warnings", ThrottledWarnings(module.logger))
    layer = RedisChannelLayer(hosts=[redis_server.url], prefix=next(prefixes), capacity=10_000)
    channel, got = await layer.new_channel(), []

    def sink(message, cause):
        got.append(message["n"])
        return True

    layer.attach(channel, sink)
    yield layer, channel, got, layer._nodes.here().post
    await layer.close()


def append(client, post, channel, numbers, **limits):
    """Append messages while the loop stands still, as a process does that hangs."""
    for n in numbers:
        head = write_head(SENDER, n + 1, TO_CHANNEL, False, channel)
        client.xadd(post.key, {head: Codec().encode({"type": "note", "n": n})}, **limits)


def hang(seconds):
    time.sleep(seconds)


async def test_a_process_for_which_more_waited_than_is_kept_says_so(receiver, redis_server, caplog):
    _, channel, got, post = receiver
    with redis_server.client() as client:
        append(client, post, channel, range(2_000), maxlen=KEPT)
    await until(lambda: got and got[-1] == 1_999, TIMEOUT_S)
    await until(lambda: post.gaps == 1, TIMEOUT_S)
    assert len(got) < 2_000
    assert "more waited for it than `stream_length`" in caplog.text


async def test_a_process_that_hangs_before_it_asks_again_says_what_it_lost(
    receiver, redis_server, caplog
):
    layer, channel, got, post = receiver
    own = await layer.new_channel()
    await layer.send(own, {"type": "note"})
    await layer.receive(own)
    with redis_server.client() as client:  # in the turn in which the answer came
        append(client, post, channel, range(2_000), maxlen=KEPT)
    hang(2 * BEHIND_MS / 1_000)
    await until(lambda: got and got[-1] == 1_999, TIMEOUT_S)
    await until(lambda: post.gaps == 1, TIMEOUT_S)
    assert "more waited for it than `stream_length`" in caplog.text


async def test_a_process_that_was_far_behind_and_lost_nothing_says_nothing(receiver, redis_server):
    _, channel, got, post = receiver
    with redis_server.client() as client:
        append(client, post, channel, range(5 * MOST_ENTRIES))
    await until(lambda: len(got) == 5 * MOST_ENTRIES, TIMEOUT_S)
    post.hold()  # cuts off what has been read
    with redis_server.client() as client:
        append(client, post, channel, range(5 * MOST_ENTRIES, 10 * MOST_ENTRIES))
    await until(lambda: len(got) == 10 * MOST_ENTRIES, TIMEOUT_S)
    assert got == list(range(10 * MOST_ENTRIES))
    assert post.gaps == 0


async def test_what_comes_too_far_behind_to_be_known_is_said_to_be_left_out(
    receiver, redis_server, caplog
):
    _, channel, got, post = receiver
    with redis_server.client() as client:
        append(client, post, channel, [NUMBERS_KEPT + 5, 7, 5, 6])
    await until(lambda: got == [NUMBERS_KEPT + 5, 7, 6], TIMEOUT_S)
    assert caplog.messages == [
        f"Message 6 of {SENDER} came behind too many others: if it was not here before, it is lost."
    ]


async def test_a_process_whose_stream_is_gone_says_so(receiver, redis_server, caplog):
    _, channel, got, post = receiver
    with redis_server.client() as client:
        client.delete(post.key)
    post.hold()
    async with asyncio.timeout(TIMEOUT_S):
        while not post.gaps:
            await asyncio.sleep(0.01)
    assert "the server lost its stream" in caplog.text
    with redis_server.client() as client:
        append(client, post, channel, range(1))
    await until(lambda: got == [0], TIMEOUT_S)
    assert post.gaps == 1


def lose_unheard(redis_server, post):
    """Let the stream go, and come back by a question to hold it whose answer nobody hears."""
    with redis_server.client() as client:
        client.delete(post.key)
        client.eval(HOLD.text, 1, post.key, 60_000, post.last_id)


def hold(layer):
    layer._nodes.here().post.hold()


def reconnect(layer):
    for link in layer._nodes.here().servers.links:
        link.reopen(ConnectionError("it was cut"))


def read(layer):
    """Leave it to what comes."""


@pytest.mark.parametrize("learn", [hold, reconnect, read])
async def test_a_stream_that_was_lost_though_it_is_there_again_is_told_once_and_reached_again(
    receiver, redis_server, caplog, learn
):
    layer, channel, got, post = receiver
    await layer.group_add("room", channel)
    other = RedisChannelLayer(hosts=[redis_server.url], prefix=layer.prefix)
    async with asyncio.timeout(TIMEOUT_S):
        await other.group_send("room", {"type": "note", "n": 0})
        await until(lambda: got == [0], TIMEOUT_S)
        with redis_server.client() as client:
            client.delete(post.key)
        await other.group_send("room", {"type": "note", "n": -1})  # finds the node gone
        lose_unheard(redis_server, post)
        learn(layer)
        while got[-1] <= 0:
            await other.group_send("room", {"type": "note", "n": 1})
            await asyncio.sleep(0.01)
    post.hold()
    with redis_server.client() as client:
        append(client, post, channel, [2])
    await until(lambda: got[-1] == 2, TIMEOUT_S)
    assert -1 not in got
    assert post.gaps == 1
    assert caplog.text.count("the server lost its stream") == 1
    await other.close()


async def test_who_forgets_a_process_just_after_it_is_back_is_told_of_it_again(
    receiver, redis_server
):
    layer, channel, got, post = receiver
    await layer.group_add("room", channel)
    node = layer._nodes.here()
    with redis_server.client() as client:
        client.delete(post.key)
        node._beat_once()
        await until(lambda: post.gaps == 1, TIMEOUT_S)
        await until(lambda: client.smembers(node.options.keys.group("room")), TIMEOUT_S)
        client.srem(node.options.keys.group("room"), node.id)  # of the stream that was gone
    node._beat_once()
    await layer.group_send("room", {"type": "note", "n": 1})
    await until(lambda: got == [1], TIMEOUT_S)


def test_another_loop_goes_on_with_the_same_stream(redis_server, caplog):
    layer = RedisChannelLayer(hosts=[redis_server.url], prefix=next(prefixes))
    posts_seen = []

    async def use():
        channel = await layer.new_channel()
        await play(layer, channel, range(3))
        posts_seen.append(layer._nodes.here().post)

    for _ in range(2):
        asyncio.run(use())
    assert posts_seen[0] is not posts_seen[1]
    assert [post.gaps for post in posts_seen] == [0, 0]


@pytest.fixture
async def layer(redis_server, monkeypatch):
    """A layer whose reading no slow machine takes for late."""
    monkeypatch.setattr(posts, "BEHIND_MS", float("inf"))
    layer = RedisChannelLayer(hosts=[redis_server.url], prefix=next(prefixes))
    yield layer
    await layer.close()


def questions_of(post, monkeypatch):
    """Return the list that has each command with which the post waits for entries."""
    asked, tell = [], post.reader.tell

    def note(answer, *command, is_kept):
        asked.append(command)
        tell(answer, *command, is_kept=is_kept)

    monkeypatch.setattr(post.reader, "tell", note)
    return asked


async def play(layer, channel, numbers):
    for n in numbers:
        await layer.send(channel, {"type": "note", "n": n})
        assert (await layer.receive(channel))["n"] == n


async def test_what_a_process_sends_itself_is_read_behind_it(layer, monkeypatch):
    channel = await layer.new_channel()
    await play(layer, channel, range(1))
    asked = questions_of(layer._nodes.here().post, monkeypatch)
    async with asyncio.timeout(TIMEOUT_S):
        await play(layer, channel, range(100))
    assert len(asked) <= 2  # the one that waited when it began, and the one behind it


async def test_what_a_process_sends_to_its_own_group_is_read_behind_it(layer, monkeypatch):
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.group_send("room", {"type": "note", "n": -1})
    assert (await layer.receive(channel))["n"] == -1
    asked = questions_of(layer._nodes.here().post, monkeypatch)
    async with asyncio.timeout(TIMEOUT_S):
        for n in range(100):
            await layer.group_send("room", {"type": "note", "n": n})
            assert (await layer.receive(channel))["n"] == n
    assert len(asked) <= 2


async def test_who_has_read_behind_what_he_sent_waits_for_others_again(layer, redis_server):
    channel = await layer.new_channel()
    post = layer._nodes.here().post
    with redis_server.client() as client:
        async with asyncio.timeout(TIMEOUT_S):
            for begin in range(0, 100, 10):
                await play(layer, channel, range(begin))
                append(client, post, channel, range(begin, begin + 10))
                got = [(await layer.receive(channel))["n"] for _ in range(10)]
                assert got == list(range(begin, begin + 10))


async def test_nothing_is_lost_with_a_connection_over_which_it_was_to_be_read(layer):
    channel = await layer.new_channel()
    await play(layer, channel, range(10))
    (link,) = layer._nodes.here().servers.links
    for n in range(6):
        sending = asyncio.ensure_future(layer.send(channel, {"type": "note", "n": n}))
        await asyncio.sleep(0)
        assert not link.is_idle
        link.reopen(ConnectionError("it was cut before the server's answer"))
        async with asyncio.timeout(TIMEOUT_S):
            await sending
            assert (await layer.receive(channel))["n"] == n
            await play(layer, channel, range(3))
