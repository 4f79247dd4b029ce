"""A worker of acknowledged channels: what ends well is done, and nothing else is."""

import asyncio
import logging

import pytest

from runtime.acknowledging import policy_of
from runtime.consumer import AsyncConsumer
from runtime.exceptions import JobsCutOff
from runtime.layers import InMemoryChannelLayer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter
from runtime.worker import Worker
from tests.support.minimal_layer import MinimalChannelLayer
from tests.support.playbook import TIMEOUT_S, eventually

ABANDONED_S = 60.0


class Jobs(AsyncConsumer):
    """Notes what begins; a job waits for `go` if it has to, and fails as often as it is told."""

    def __init__(self):
        self.notes = Jobs.notes

    async def job_note(self, message):
        self.notes.append(message["n"])

    async def job_wait(self, message):
        self.notes.append(message["n"])
        await Jobs.go.wait()

    async def job_fail(self, message):
        self.notes.append(message["n"])
        if self.notes.count(message["n"]) <= message["times"]:
            raise RuntimeError(f"failure {self.notes.count(message['n'])}")


APPLICATION = ProtocolTypeRouter({"channel": ChannelNameRouter({"safe": Jobs.as_asgi()})})


@pytest.fixture
async def layer(monkeypatch):
    monkeypatch.setattr(Jobs, "notes", [], raising=False)
    monkeypatch.setattr(Jobs, "go", asyncio.Event(), raising=False)
    policy = {"attempts": 3, "backoff_s": 0.01, "abandoned_after_s": ABANDONED_S}
    return InMemoryChannelLayer(acknowledged_channels={"safe": policy})


@pytest.fixture
async def work(layer):
    """A function that starts a worker; all of them are stopped at the end."""
    started = []

    def start(**options):
        worker = Worker(APPLICATION, ["safe"], layer, **options)
        started.append((worker, asyncio.ensure_future(worker.handle())))
        return started[-1]

    yield start
    for _, task in started:
        task.cancel()
        await asyncio.wait({task})


def left(layer):
    """How many jobs are still to be done, those that are being done among them."""
    return sum(len(shelf.book) for shelf in layer._shelves.values())


async def dead(layer):
    return [letter.error for letter in await layer.dead_letters("safe")]


async def test_jobs_are_done_in_order_and_acknowledged(layer, work):
    for n in range(5):
        await layer.send("safe", {"type": "job.note", "n": n})
    assert left(layer) == 5
    work()
    await eventually(lambda: left(layer) == 0)
    assert Jobs.notes == [0, 1, 2, 3, 4]


async def test_a_job_is_not_done_before_its_handler_has_returned(layer, work):
    await layer.send("safe", {"type": "job.wait", "n": 0})
    work()
    await eventually(lambda: Jobs.notes == [0])
    assert left(layer) == 1
    Jobs.go.set()
    await eventually(lambda: left(layer) == 0)


async def test_a_consumer_that_handles_several_at_once_has_done_no_job_too_early(
    layer, work, monkeypatch, caplog
):
    monkeypatch.setattr(Jobs, "max_concurrency", 3)
    for n in range(3):
        await layer.send("safe", {"type": "job.wait", "n": n})
    await layer.send("safe", {"type": "job.fail", "n": 3, "times": 1})
    work()
    await eventually(lambda: Jobs.notes == [0] and layer._shelves["safe"].book.depth < 3)
    assert left(layer) == 4
    assert "one at a time, whatever its max_concurrency" in caplog.text
    Jobs.go.set()
    await eventually(lambda: left(layer) == 0)
    assert Jobs.notes == [0, 1, 2, 3, 3]


async def test_a_job_that_fails_is_tried_again(layer, work):
    work()
    await layer.send("safe", {"type": "job.fail", "n": 0, "times": 2})
    await eventually(lambda: left(layer) == 0)
    assert Jobs.notes == [0, 0, 0]
    assert await dead(layer) == []


async def test_one_that_always_fails_is_a_dead_letter_and_can_be_put_back(layer, work, caplog):
    work()
    await layer.send("safe", {"type": "job.fail", "n": 0, "times": 3})
    await eventually(lambda: left(layer) == 0)
    assert await dead(layer) == ["RuntimeError: failure 3"]
    assert "has failed 3 times and is a dead letter now: RuntimeError: failure 3" in caplog.text
    assert await layer.put_back("safe") == 1
    await eventually(lambda: left(layer) == 0)
    assert Jobs.notes == [0] * 4
    assert await dead(layer) == []


async def test_a_job_without_a_type_is_a_dead_letter_and_the_others_are_done(layer, work):
    work()
    await layer.send("safe", {"n": 0, "token": "c4n4ry"})
    await layer.send("safe", {"type": "job.note", "n": 1})
    await eventually(lambda: left(layer) == 0)
    assert Jobs.notes == [1]
    (error,) = await dead(layer)
    assert "no type: it has the keys ['n', 'token']" in error
    assert "c4n4ry" not in error


@pytest.mark.usefixtures("leaping_clock")
async def test_a_long_job_stays_with_its_worker(layer, work):
    work()
    work()
    await layer.send("safe", {"type": "job.wait", "n": 0})
    await asyncio.sleep(100 * ABANDONED_S)  # of a worker that says nothing of it all the while
    assert Jobs.notes == [0]
    Jobs.go.set()
    await eventually(lambda: left(layer) == 0)


async def test_workers_take_no_more_than_they_do_soon(layer, work):
    for n in range(10):
        await layer.send("safe", {"type": "job.wait", "n": n})
    work(concurrency=2)
    await eventually(lambda: len(Jobs.notes) == 2)
    assert (await layer.channel_depths())["safe"] >= 6
    work(concurrency=2)
    await eventually(lambda: len(Jobs.notes) == 4)


async def test_a_worker_that_stops_finishes_what_runs_and_gives_back_the_rest(layer, work):
    for n in range(4):
        await layer.send("safe", {"type": "job.wait", "n": n})
    worker, task = work()
    await eventually(lambda: Jobs.notes == [0])
    worker.stop()
    await eventually(lambda: layer._shelves["safe"].book.depth == 3)
    Jobs.go.set()
    async with asyncio.timeout(TIMEOUT_S):
        await task
    assert await layer.channel_depths() == {"safe": 3}
    job = await layer.take_job("safe")
    assert (job.message["n"], job.attempt) == (1, 1)


async def test_a_job_that_is_cut_off_is_tried_again_by_the_next_worker(layer, work):
    await layer.send("safe", {"type": "job.wait", "n": 0})
    worker, task = work(deadline_s=0.01)
    await eventually(lambda: Jobs.notes == [0])
    worker.stop()
    with pytest.raises(JobsCutOff):
        await task
    job = await layer.take_job("safe")
    assert (job.message["n"], job.attempt) == (0, 2)


async def test_a_worker_that_is_cancelled_loses_nothing(layer, work):
    for n in range(4):
        await layer.send("safe", {"type": "job.wait", "n": n})
    _, task = work()
    await eventually(lambda: Jobs.notes == [0])
    task.cancel()
    await asyncio.wait({task})
    jobs = [await layer.take_job("safe") for _ in range(4)]
    attempts = {job.message["n"]: job.attempt for job in jobs}
    assert attempts == {0: 2, 1: 1, 2: 1, 3: 1}


async def test_a_layer_that_cannot_be_told_does_not_stop_the_worker(
    layer, work, caplog, monkeypatch
):
    async def broken(job):
        raise ConnectionError("no server")

    monkeypatch.setattr(layer, "acknowledge", broken)
    work()
    for n in range(2):
        await layer.send("safe", {"type": "job.note", "n": n})
    await eventually(lambda: Jobs.notes == [0, 1])
    await eventually(lambda: caplog.text.count("It will be done again") == 2)


async def test_a_worker_that_was_given_up_is_told(layer, work, caplog):
    caplog.set_level(logging.WARNING)
    await layer.send("safe", {"type": "job.wait", "n": 0})
    work()
    await eventually(lambda: Jobs.notes == [0])
    shelf = layer._shelves["safe"]
    ((job, _),) = shelf.book._taken.values()
    shelf.fail(job, "given up")
    Jobs.go.set()
    await eventually(lambda: "has been given to another worker as well" in caplog.text)
    await eventually(lambda: left(layer) == 0)


async def test_other_layers_and_channels_are_not_acknowledged(layer):
    assert policy_of(MinimalChannelLayer(), "safe") is None
    assert policy_of(layer, "other") is None
    assert policy_of(layer, "safe").attempts == 3
