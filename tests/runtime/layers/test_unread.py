"""What expires on a named channel that nobody reads and nobody sends to again."""

import asyncio
import itertools

import pytest

from runtime.drops import drops
from runtime.layers.codec import Codec
from runtime.layers.pubsub import RedisPubSubChannelLayer
from runtime.layers.redis import RedisChannelLayer
from runtime.layers.scripts import NAMED_SWEEP
from runtime.taps import muted
from runtime.testing.layers.harness import heard, until
from tests.support.playbook import TIMEOUT_S

prefixes = (f"unread{number}" for number in itertools.count())
LAYERS = {"streams": RedisChannelLayer, "pubsub": RedisPubSubChannelLayer}
EXPIRY_S = 0.3
LEASE_S = 6.0
CAUSE = ("trace", "entry:1")


@pytest.fixture(params=LAYERS)
async def make_layer(request, redis_server):
    prefix, layers = next(prefixes), []

    def make(**options):
        given = {"prefix": prefix, "expiry": EXPIRY_S, "lease": LEASE_S, **options}
        layers.append(LAYERS[request.param](hosts=[redis_server.url], **given))
        return layers[-1]

    yield make
    for layer in layers:
        await layer.close()


def lost(observer):
    return [(drop[1], drop[2]["n"], *drop[3:]) for drop in observer.of("message_dropped")]


async def until_lost(observer, count=1):
    await until(lambda: len(lost(observer)) >= count, TIMEOUT_S)


async def test_its_sender_reports_it_with_its_cause_and_counts_it(make_layer):
    layer = make_layer()
    with heard() as observer:
        for n in range(3):
            await layer.send("jobs", {"type": "job", "n": n})
        await until_lost(observer, 3)
    assert lost(observer) == [("jobs", n, "expired", CAUSE) for n in range(3)]
    assert drops.counts == {("jobs", "expired"): 3}
    assert await layer.channel_depths() == {}


async def test_nothing_is_left_to_do_once_all_is_reported(make_layer, redis_server):
    layer = make_layer()
    with heard() as observer:
        await layer.send("jobs", {"type": "job", "n": 1})
        await until_lost(observer)
    node = layer._nodes.here()
    with redis_server.client() as client:
        await until(lambda: not client.exists(f"{layer.prefix}:unread"), TIMEOUT_S)
    await until(lambda: node.unread._timer is None, TIMEOUT_S)


async def test_more_than_one_look_takes_is_reported_all_the_same(make_layer):
    layer = make_layer(capacity=300)
    with heard() as observer:
        sending = (layer.send("jobs", {"type": "job", "n": n}) for n in range(250))
        await asyncio.gather(*sending)
        others = (layer.send(f"jobs.{n}", {"type": "job", "n": n}) for n in range(150))
        await asyncio.gather(*others)
        await until_lost(observer, 400)
    assert sorted(n for channel, n, *_ in lost(observer) if channel == "jobs") == [*range(250)]
    assert {channel for channel, *_ in lost(observer)} == {
        "jobs",
        *(f"jobs.{n}" for n in range(150)),
    }


async def test_of_several_processes_that_look_one_reports_it(make_layer):
    layers = [make_layer() for _ in range(4)]
    with heard() as observer:
        for n in range(20):
            for layer in layers:
                await layer.send("jobs", {"type": "job", "n": n})
        await until_lost(observer, 80)
        # All of them have looked at least once more, and found nothing.
        await until(lambda: all(not one._nodes.here().unread._timer for one in layers), TIMEOUT_S)
    assert sorted(n for _, n, *_ in lost(observer)) == sorted([*range(20)] * 4)


@pytest.mark.parametrize("does", ["sends", "receives", "joins"])
async def test_another_process_reports_what_a_dead_one_has_sent(make_layer, does):
    dying, living = make_layer(lease=1.2), make_layer(lease=1.2)
    if does == "receives":
        other = asyncio.ensure_future(living.receive("other"))
    with heard() as observer:
        await dying.send("jobs", {"type": "job", "n": 1})
        dying._nodes.here().unread.close()
        if does == "sends":
            await living.send("other", {"type": "job", "n": 2})
        elif does == "joins":
            await living.group_add("room", await living.new_channel())
        await until(lambda: ("jobs", 1, "expired", CAUSE) in lost(observer), TIMEOUT_S)
    if does == "receives":
        other.cancel()
        await asyncio.wait([other])
    assert lost(observer).count(("jobs", 1, "expired", CAUSE)) == 1


async def test_a_process_that_starts_its_loop_anew_reports_what_it_has_sent(make_layer):
    layer = make_layer()
    with heard() as observer:
        await layer.send("jobs", {"type": "job", "n": 1})
        await layer.close_pools()
        await layer.new_channel()
        await until_lost(observer)
    assert lost(observer) == [("jobs", 1, "expired", CAUSE)]


async def test_what_is_read_in_time_is_not_reported(make_layer):
    layer = make_layer()
    with heard() as observer:
        for n in range(5):
            await layer.send("jobs", {"type": "job", "n": n})
            assert (await layer.receive("jobs"))["n"] == n
        await layer.send("mail", {"type": "mail", "n": 5})  # what the test waits for
        await until_lost(observer)
        await until(lambda: layer._nodes.here().unread._timer is None, TIMEOUT_S)
    assert lost(observer) == [("mail", 5, "expired", CAUSE)]


async def test_what_was_sent_before_a_note_ran_out_is_found_by_it(make_layer):
    """Messages that come more often than notes are renewed, each with its outcome."""
    layer = make_layer()
    with heard() as observer:
        for n in range(30):
            await layer.send("jobs", {"type": "job", "n": n})
            await asyncio.sleep(EXPIRY_S / 20)  # two and a half notes
        await until_lost(observer, 30)
    assert sorted(n for _, n, *_ in lost(observer)) == [*range(30)]


async def test_what_a_worker_took_before_it_died_is_reported_when_it_has_been_silent(
    make_layer, redis_server
):
    layer = make_layer(lease=1.2)
    node = layer._nodes.here()
    key = node.options.keys.channel("jobs")
    with heard() as observer, redis_server.client() as client:
        client.xgroup_create(key, "receivers", "0", mkstream=True)
        await layer.send("jobs", {"type": "job", "n": 1})
        assert client.xreadgroup("receivers", "dead", {key: ">"})
        await until_lost(observer)
        assert client.xpending(key, "receivers")["pending"] == 0
    assert lost(observer) == [("jobs", 1, "expired", CAUSE)]


async def test_a_lost_answer_loses_no_outcome(make_layer):
    layer = make_layer(expiry=0.05)
    node = layer._nodes.here()
    node.unread.sent = lambda channel: None  # nobody looks by himself
    await layer.send("jobs", {"type": "job", "n": 1})
    keys = node.options.keys
    key, kept = keys.channel("jobs"), keys.swept("jobs", node.id)
    command = NAMED_SWEEP.command([key, kept], "ticket", 50, 1_000, 60_000)
    async with asyncio.timeout(TIMEOUT_S):
        while not (first := await node.servers.call(key, *command))[0]:
            await asyncio.sleep(0.01)
    assert first == await node.servers.call(key, *command)
    assert Codec().decode(first[0][1]).message == {"type": "job", "n": 1}
    another = NAMED_SWEEP.command([key, kept], "another", 50, 1_000, 60_000)
    assert await node.servers.call(key, *another) == [[], -1]


async def test_what_nobody_is_to_observe_stays_unobserved(make_layer):
    layer = make_layer()
    with heard() as observer:
        with muted():
            await layer.send("jobs", {"type": "job", "n": 0})
        await layer.send("jobs", {"type": "job", "n": 1})
        await until_lost(observer)
        await until(lambda: layer._nodes.here().unread._timer is None, TIMEOUT_S)
    assert [n for _, n, *_ in lost(observer)] == [1]


async def test_a_server_that_forgot_all_is_told_anew(make_layer, redis_server):
    layer = make_layer()
    with heard() as observer:
        await layer.send("jobs", {"type": "job", "n": 0})
        await layer.flush()
        await layer.send("jobs", {"type": "job", "n": 1})
        await until_lost(observer)
    assert lost(observer) == [("jobs", 1, "expired", CAUSE)]


async def test_sending_on_to_a_channel_costs_one_command_a_message(make_layer, redis_server):
    layer = make_layer(expiry=60, capacity=1_000)
    await layer.send("jobs", {"type": "job", "n": 0})
    with redis_server.client() as client:
        client.config_resetstat()
        for n in range(100):
            await layer.send("jobs", {"type": "job", "n": n})
        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == 100
