import asyncio
import contextlib

import pytest
from asgiref.sync import async_to_sync

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.exceptions import JobsCutOff
from runtime.layers import InMemoryChannelLayer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter
from runtime.worker import ServedChannel, Worker, workers
from tests.support.observing import observed
from tests.support.playbook import TIMEOUT_S, eventually

pytestmark = pytest.mark.usefixtures("layer")


class Doubler(AsyncConsumer):
    async def job_double(self, message):
        await self.channel_layer.send(message["reply"], {"type": "done", "n": 2 * message["n"]})

    async def job_fail(self, message):
        raise RuntimeError("the job failed")

    async def job_say(self, message):
        await self.send({"type": "websocket.send", "text": "nobody is there"})


class SyncTripler(SyncConsumer):
    def job_triple(self, message):
        async_to_sync(self.channel_layer.send)(message["reply"], {"type": "done", "n": 3})


APPLICATION = ProtocolTypeRouter(
    {"channel": ChannelNameRouter({"double": Doubler.as_asgi(), "triple": SyncTripler.as_asgi()})}
)


@pytest.fixture
async def worker(layer):
    running = asyncio.ensure_future(Worker(APPLICATION, ["double", "triple"], layer).handle())
    yield running
    running.cancel()
    await asyncio.wait({running})


async def reply(layer):
    async with asyncio.timeout(TIMEOUT_S):
        return (await layer.receive("replies"))["n"]


async def test_each_channel_is_served_in_order(worker, layer):
    for n in range(3):
        await layer.send("double", {"type": "job.double", "n": n, "reply": "replies"})
    assert [await reply(layer) for _ in range(3)] == [0, 2, 4]
    await layer.send("triple", {"type": "job.triple", "reply": "replies"})
    assert await reply(layer) == 3


@pytest.mark.parametrize("kind", ["job.fail", "job.say"])
async def test_a_job_that_fails_is_logged_and_the_next_one_is_done(worker, layer, kind, caplog):
    await layer.send("double", {"type": kind})
    await layer.send("double", {"type": "job.double", "n": 1, "reply": "replies"})
    assert await reply(layer) == 2
    assert "A job of channel 'double' failed" in caplog.text


async def test_a_listener_that_dies_ends_the_worker_with_its_error_and_names_its_channel(caplog):
    class Broken(InMemoryChannelLayer):
        async def receive(self, channel):
            if channel == "triple":
                raise ConnectionError("the layer has gone")
            return await super().receive(channel)

    running = Worker(APPLICATION, ["double", "triple"], Broken())
    with pytest.raises(ConnectionError, match="the layer has gone") as raised:
        async with asyncio.timeout(TIMEOUT_S):
            await running.handle()
    assert "channel 'triple'" in raised.value.__notes__[0]
    assert "The listener of channel 'triple' failed" in caplog.text
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_observers_see_a_channel_as_a_connection(layer):
    with observed() as notebook:
        running = asyncio.ensure_future(Worker(APPLICATION, ["double"], layer).handle())
        await layer.send("double", {"type": "job.double", "n": 1, "reply": "replies"})
        await reply(layer)
        running.cancel()
        await asyncio.wait({running})
    (connection,) = notebook.of("scope_opened")[0]
    assert connection.scope["channel"] == "double"
    assert [message["type"] for _, message, _ in notebook.of("event_received")] == ["job.double"]


async def test_a_message_without_a_type_ends_the_worker_and_what_it_says_is_not_logged(
    layer, caplog
):
    await layer.send("double", {"n": 1, "password": "c4n4ry"})
    with pytest.raises(ValueError, match="Worker received message with no type"):
        async with asyncio.timeout(TIMEOUT_S):
            await Worker(APPLICATION, ["double"], layer).handle()
    assert "it has the keys ['n', 'password']" in caplog.text
    assert "c4n4ry" not in caplog.text


def test_a_worker_needs_a_layer():
    with pytest.raises(ValueError, match="Channel layer is not valid"):
        Worker(APPLICATION, ["double"], None)


class Gated:
    """An application whose jobs wait until they are let go."""

    def __init__(self):
        self.begun = []
        self.gate = asyncio.Event()

    async def __call__(self, scope, receive, send):
        while True:
            self.begun.append((await receive())["n"])
            await self.gate.wait()


@pytest.fixture
async def gated(layer):
    """A worker of one channel, with one job running and one waiting."""
    application = Gated()
    worker = Worker(application, ["jobs"], layer, deadline_s=TIMEOUT_S)
    application.working = asyncio.ensure_future(worker.handle())
    application.worker = worker
    for n in range(2):
        await layer.send("jobs", {"type": "job", "n": n})
    await eventually(lambda: application.begun == [0] and "jobs" not in waiting(layer))
    yield application
    application.working.cancel()
    await asyncio.wait({application.working})


def waiting(layer):
    return {channel for channel, buffer in layer.channels.items() if len(buffer)}


async def test_a_worker_that_stops_finishes_what_runs_and_hands_back_what_waits(gated, layer):
    gated.worker.stop()
    await eventually(lambda: "jobs" in waiting(layer))
    assert not gated.working.done()
    gated.gate.set()
    async with asyncio.timeout(TIMEOUT_S):
        await gated.working
    assert gated.begun == [0]
    assert (await layer.receive("jobs"))["n"] == 1


async def test_a_job_that_found_no_room_in_the_worker_is_handed_back_too(layer):
    application = Gated()
    worker = Worker(application, ["jobs"], layer, max_applications=1)
    working = asyncio.ensure_future(worker.handle())
    for n in range(4):
        await layer.send("jobs", {"type": "job", "n": n})
    # One runs, one waits in the worker, the third is in its hand; the fourth stays in the layer.
    await eventually(lambda: application.begun == [0] and len(layer.channels["jobs"]) == 1)
    worker.stop()
    await eventually(lambda: len(layer.channels["jobs"]) == 3)
    application.gate.set()
    async with asyncio.timeout(TIMEOUT_S):
        await working
    assert [(await layer.receive("jobs"))["n"] for _ in range(3)] == [3, 1, 2]


async def test_a_job_that_runs_at_the_deadline_is_cut_off_with_an_error(gated):
    gated.worker.deadline_s = 0
    gated.worker.stop()
    with pytest.raises(JobsCutOff, match="Jobs of 'jobs' still ran 0 s after"):
        await gated.working


async def test_with_concurrency_several_jobs_of_a_channel_run_at_once(layer):
    application = Gated()
    worker = Worker(application, ["jobs"], layer, concurrency=3)
    working = asyncio.ensure_future(worker.handle())
    for n in range(4):
        await layer.send("jobs", {"type": "job", "n": n})
    await eventually(lambda: len(application.begun) == 3)
    application.gate.set()
    await eventually(lambda: sorted(application.begun) == [0, 1, 2, 3])
    working.cancel()
    await asyncio.wait({working})


async def test_an_application_that_keeps_a_cancellation_quiet_does_not_keep_the_worker(layer):
    begun = asyncio.Event()

    async def stubborn(scope, receive, send):
        await receive()
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    working = asyncio.ensure_future(Worker(stubborn, ["jobs"], layer).handle())
    await layer.send("jobs", {"type": "job"})
    async with asyncio.timeout(TIMEOUT_S):
        await begun.wait()
        working.cancel()
        await asyncio.wait({working})
    assert working.cancelled()


async def test_an_application_that_ignores_its_job_is_reported_and_takes_no_other_with_it(
    layer, caplog
):
    calls = []

    async def careless(scope, receive, send):
        calls.append(scope["channel"])

    working = asyncio.ensure_future(Worker(careless, ["jobs"], layer).handle())
    for _ in range(2):
        await layer.send("jobs", {"type": "job"})
    await eventually(lambda: caplog.text.count("ended without a look at its job") == 2)
    assert calls == ["jobs", "jobs"]
    working.cancel()
    await asyncio.wait({working})


async def test_a_worker_says_what_it_does_on_each_channel_while_it_serves(layer):
    begun, may_end = asyncio.Event(), asyncio.Event()

    class Slow(AsyncConsumer):
        async def job_wait(self, message):
            begun.set()
            await may_end.wait()

    router = ChannelNameRouter({"slow": Slow.as_asgi(), "idle": Slow.as_asgi()})
    one = Worker(ProtocolTypeRouter({"channel": router}), ["slow", "idle"], layer)
    assert one.served() == [
        ServedChannel("slow", 1, 0, 0, False),
        ServedChannel("idle", 1, 0, 0, False),
    ]
    assert one not in workers()
    running = asyncio.ensure_future(one.handle())
    for _ in range(3):
        await layer.send("slow", {"type": "job.wait"})
    async with asyncio.timeout(TIMEOUT_S):
        await begun.wait()
    assert one in workers()
    await eventually(lambda: one.served()[0] == ServedChannel("slow", 1, 1, 2, False))
    may_end.set()
    await eventually(lambda: one.served()[0].running == 0)
    one.stop()
    async with asyncio.timeout(TIMEOUT_S):
        await running
    assert one not in workers()
