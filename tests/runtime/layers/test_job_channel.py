"""Acknowledged channels on a server: what the contract of all layers cannot see."""

import asyncio
import itertools
import logging
from dataclasses import astuple

import pytest

from runtime.layers.job_scripts import JOB_DONE, JOB_FAIL, JOB_TAKE
from runtime.layers.redis import RedisChannelLayer
from tests.support.playbook import TIMEOUT_S, eventually
from tests.support.tcp_proxy import proxied

prefixes = (f"jobchannel{number}" for number in itertools.count())
POLICY = {"attempts": 2, "backoff_s": 0.05, "abandoned_after_s": 30}


@pytest.fixture
async def make_layer(redis_server):
    prefix, layers = next(prefixes), []

    def make(url=redis_server.url, **options):
        given = {"prefix": prefix, "acknowledged_channels": {"safe": POLICY}, **options}
        layers.append(RedisChannelLayer(hosts=[url], **given))
        return layers[-1]

    yield make
    for layer in layers:
        await layer.close()


async def take(layer):
    async with asyncio.timeout(TIMEOUT_S):
        return await layer.take_job("safe")


def lose_an_answer(layer):
    """Cut the connection behind the server's next answer; return the list that will have it."""
    (link,) = layer._nodes.here().servers.links
    lost = []

    def lose(data):
        del link.take
        lost.append(data)
        link.reopen(ConnectionError("it was cut behind the server's answer"))

    link.take = lose
    return lost


async def test_a_lost_answer_takes_no_second_job(make_layer, redis_server):
    layer = make_layer()
    for n in range(2):
        await layer.send("safe", {"type": "job", "n": n})
    node = layer._nodes.here()
    keys = node.options.keys
    command = JOB_TAKE.command([*keys.jobs("safe"), keys.took("safe", node.id)], 7, 60_000, 30_000)
    first = await node.servers.call(keys.jobs("safe").stream, *command)
    assert await node.servers.call(keys.jobs("safe").stream, *command) == first
    assert (await take(layer)).message["n"] == 1


async def test_a_job_is_done_though_the_answer_to_its_acknowledgement_is_lost(make_layer):
    layer = make_layer()
    await layer.send("safe", {"type": "job"})
    job = await take(layer)
    lost = lose_an_answer(layer)
    assert await layer.acknowledge(job)
    assert lost == [b":1\r\n"]
    assert not any(astuple(await layer.job_counts("safe")))


@pytest.mark.parametrize("what", ["put_back", "discard_dead_letters"])
async def test_dead_letters_are_counted_though_the_answer_is_lost(make_layer, what):
    layer = make_layer(acknowledged_channels={"safe": {"attempts": 1}})
    for _ in range(2):
        await layer.send("safe", {"type": "job"})
        await layer.fail_job(await take(layer), "error")
    ids = [letter.job.id for letter in await layer.dead_letters("safe")]
    lost = lose_an_answer(layer)
    assert await getattr(layer, what)("safe", *ids) == 2
    assert lost == [b":2\r\n"]
    assert await getattr(layer, what)("safe", *ids) == 0


async def test_a_lost_answer_ends_no_job_twice_and_tells_the_same_again(make_layer):
    layer = make_layer()
    node = layer._nodes.here()
    keys = node.options.keys
    for verb, rest in (
        (JOB_DONE, []),
        (JOB_FAIL, [0, 1, "", "error", 10]),
    ):
        await layer.send("safe", {"type": "job"})
        job = await take(layer)
        given = [*keys.jobs("safe"), keys.ended("safe", node.id)]
        said = (job.id, job.receipt, *rest)
        for ticket, answer in (("one", 1), ("one", 1), ("other", 0)):
            command = verb.command(given, *said, f"{verb.sha}.{ticket}", 60_000)
            assert await node.servers.call(keys.jobs("safe").stream, *command) == answer
    assert len(await layer.dead_letters("safe")) == 1


async def test_a_job_that_another_worker_got_is_not_ended_by_the_one_before(make_layer):
    layer, other = make_layer(), make_layer()
    await layer.send("safe", {"type": "job"})
    mine = await take(layer)
    # The same process gives it up as that of a silent worker, which is no ending by its worker.
    await layer._nodes.here().jobs_of("safe").fail(mine, "silent")
    theirs = await take(other)
    assert not await layer.acknowledge(mine)
    assert await other.acknowledge(theirs)
    assert not await layer.acknowledge(mine)


async def test_jobs_that_come_through_a_wire_that_is_cut_are_taken_once(make_layer, redis_server):
    with proxied((redis_server.host, redis_server.port)) as proxy:
        sending, taking = make_layer(), make_layer(f"redis://{proxy.host}:{proxy.port}/0")
        taken = []

        async def work():
            while len(taken) < 60:
                taken.append(await taking.take_job("safe"))

        working = asyncio.ensure_future(work())
        for n in range(60):
            await sending.send("safe", {"type": "job", "n": n})
            if n % 10 == 5:
                proxy.cut()
        async with asyncio.timeout(4 * TIMEOUT_S):
            await working
        assert [(job.message["n"], job.attempt) for job in taken] == [(n, 1) for n in range(60)]


async def test_a_job_wakes_one_of_many_workers_and_several_jobs_wake_as_many(make_layer):
    layers = [make_layer() for _ in range(3)]
    waiting = [asyncio.ensure_future(layer.take_job("safe")) for layer in layers * 2]
    await eventually(lambda: all(layer._nodes.here()._jobs for layer in layers))
    for n in range(6):
        await layers[0].send("safe", {"type": "job", "n": n})
    async with asyncio.timeout(TIMEOUT_S):
        jobs = await asyncio.gather(*waiting)
    assert sorted(job.message["n"] for job in jobs) == list(range(6))


async def test_a_worker_elsewhere_takes_a_delayed_job_when_its_time_has_come(make_layer):
    failing, other = make_layer(), make_layer(lease=3_600)
    await failing.send("safe", {"type": "job"})
    job = await take(failing)
    waiting = asyncio.ensure_future(take(other))
    await eventually(lambda: other._nodes.here() and other._nodes.here()._jobs)
    assert await failing.fail_job(job, "error") == POLICY["backoff_s"]
    assert (await waiting).attempt == 2


async def test_a_worker_that_waits_asks_the_server_nothing(make_layer, own_redis_server):
    layer = make_layer(own_redis_server.url, lease=3_600, acknowledged_channels=["safe"])
    waiting = asyncio.ensure_future(layer.take_job("safe"))
    with own_redis_server.client() as client:

        async def commands_within(seconds):
            before = client.info("stats")["total_commands_processed"]
            await asyncio.sleep(seconds)  # what does not happen can only be waited for
            return client.info("stats")["total_commands_processed"] - before - 1

        await eventually(lambda: client.info("clients")["blocked_clients"] == 1)
        while await commands_within(0.05):
            pass
        assert await commands_within(1) == 0
    waiting.cancel()
    await asyncio.wait({waiting})


async def test_a_job_that_nobody_can_read_is_a_dead_letter_and_not_in_the_way(make_layer, caplog):
    sending = make_layer(symmetric_encryption_keys=["theirs"])
    layer = make_layer(symmetric_encryption_keys=["ours"])
    await sending.send("safe", {"type": "job", "n": 0})
    await layer.send("safe", {"type": "job", "n": 1})
    with caplog.at_level(logging.ERROR):
        assert (await take(layer)).message["n"] == 1
        waiting = asyncio.ensure_future(layer.take_job("safe"))
        while not (letters := await layer.dead_letters("safe")):
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait({waiting})
    (letter,) = letters
    assert "none of the symmetric_encryption_keys opens it" in letter.error
    assert letter.job.message == {}
    assert "is a dead letter now" in caplog.text
    assert await layer.put_back("safe") == 1
    assert (await take(sending)).message["n"] == 0


async def test_more_dead_letters_than_are_kept_forget_the_oldest(make_layer, monkeypatch):
    monkeypatch.setattr("runtime.layers.job_channel.MOST_DEAD_LETTERS", 3)
    monkeypatch.setattr("runtime.layers.job_channel.LETTERS_AT_ONCE", 2)
    layer = make_layer(acknowledged_channels={"safe": {"attempts": 1}}, capacity=2)
    for n in range(5):
        await layer.send("safe", {"type": "job", "n": n})
        await layer.fail_job(await take(layer), f"error {n}")
    letters = await layer.dead_letters("safe")
    assert [(one.job.message["n"], one.error) for one in letters] == [
        (n, f"error {n}") for n in (2, 3, 4)
    ]
    assert sorted(letters, key=lambda one: one.died_at) == letters
    assert await layer.channel_depths() == {}
    assert await layer.discard_dead_letters("safe") == 3


async def test_a_channel_whose_jobs_are_done_leaves_no_data_behind(make_layer, redis_server):
    layer = make_layer()
    for n in range(3):
        await layer.send("safe", {"type": "job", "n": n})
    await layer.fail_job(await take(layer), "error")
    await layer.give_back(await take(layer))
    for _ in range(3):
        await layer.acknowledge(await take(layer))
    keys = layer._nodes.here().options.keys.jobs("safe")
    with redis_server.client() as client:
        assert client.xlen(keys.stream) == 0
        assert not client.exists(keys.again, keys.delayed, keys.dead, keys.errors, keys.tries)


async def test_flush_forgets_jobs_and_dead_letters(make_layer):
    layer = make_layer(acknowledged_channels={"safe": {"attempts": 1}})
    for _ in range(2):
        await layer.send("safe", {"type": "job"})
    await layer.fail_job(await take(layer), "error")
    held = await take(layer)
    await layer.flush()
    assert not await layer.acknowledge(held)
    assert await layer.dead_letters("safe") == []
    await layer.send("safe", {"type": "job", "n": 1})
    assert (await take(layer)).message["n"] == 1


async def test_a_job_that_is_held_is_not_given_again_when_the_pools_are_closed(make_layer):
    layer = make_layer()
    await layer.send("safe", {"type": "job", "n": 0})
    held = await take(layer)
    await layer.close_pools()
    await layer.send("safe", {"type": "job", "n": 1})
    assert (await take(layer)).message["n"] == 1
    assert await layer.acknowledge(held)
