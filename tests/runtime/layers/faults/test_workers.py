"""Acknowledged jobs and real workers on a real server: what is killed, and what goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runtime.layers.acknowledged import ABANDONED
from tests.runtime.layers.faults.conftest import MakeLayer, path_of
from tests.runtime.layers.faults.playing import PATIENCE_S
from tests.support.redis_server import RedisServer
from tests.support.redis_worker_settings import worker_environment

ABANDONED_S = 1.0
RESTARTS = 5
PROCESS_S = 60
"""What a process may take to start on a busy machine."""


@asynccontextmanager
async def worker_process(
    kind: str, host: str, **config: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `manage.py runworker jobs` for the body of the `with`, which starts when it serves."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "django", "runworker", "jobs"),
        env=worker_environment(path_of(kind), hosts=[host], **config),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PROCESS_S):
            assert (await process.stdout.readline()).startswith(b"Serving the channels ")
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def reply(layer: Any) -> tuple[str, int]:
    async with asyncio.timeout(PATIENCE_S):
        message = await layer.receive("replies")
    return message["type"], message["n"]


@pytest.fixture
def config(redis_server: RedisServer, kind: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    policy = {"attempts": 2, "abandoned_after_s": ABANDONED_S, "backoff_s": 0.1}
    return {"prefix": f"workers.{request.node.name}", "acknowledged_channels": {"jobs": policy}}


async def test_a_job_whose_worker_is_killed_is_done_by_another(
    redis_server: RedisServer, config: dict[str, Any], make_layer: MakeLayer, kind: str
) -> None:
    layer = make_layer(redis_server.url, kind, **config)
    async with worker_process(kind, redis_server.url, **config) as dying:
        await layer.send("jobs", {"type": "job.wait", "n": 1})
        assert await reply(layer) == ("begun", 1)
        async with worker_process(kind, redis_server.url, **config):
            # As long as its worker lives, the job is its own, however long it takes.
            await asyncio.sleep(2 * ABANDONED_S)
            assert await layer.channel_depths() == {}
            os.killpg(dying.pid, signal.SIGKILL)
            assert await reply(layer) == ("begun", 1)
            await layer.send("go", {"type": "go"})
            assert await reply(layer) == ("ended", 1)
    assert await layer.dead_letters("jobs") == []


async def test_a_job_that_kills_its_workers_ends_as_a_dead_letter_and_can_be_put_back(
    redis_server: RedisServer, config: dict[str, Any], make_layer: MakeLayer, kind: str
) -> None:
    layer = make_layer(redis_server.url, kind, **config)
    await layer.send("jobs", {"type": "job.wait", "n": 1})
    for _ in range(2):
        async with worker_process(kind, redis_server.url, **config) as dying:
            assert await reply(layer) == ("begun", 1)
            os.killpg(dying.pid, signal.SIGKILL)
    async with worker_process(kind, redis_server.url, **config) as living:
        await layer.send("jobs", {"type": "job.wait", "n": 2})
        assert await reply(layer) == ("begun", 2)
        await layer.send("go", {"type": "go"})
        assert await reply(layer) == ("ended", 2)
        async with asyncio.timeout(PATIENCE_S):
            while not (letters := await layer.dead_letters("jobs")):
                await asyncio.sleep(0.05)
        assert [(one.job.message["n"], one.job.attempt, one.error) for one in letters] == [
            (1, 2, ABANDONED)
        ]
        assert await layer.put_back("jobs", letters[0].job.id) == 1
        assert await reply(layer) == ("begun", 1)
        living.send_signal(signal.SIGTERM)
        await layer.send("go", {"type": "go"})
        assert await reply(layer) == ("ended", 1)
        async with asyncio.timeout(PROCESS_S):
            assert await living.wait() == 0


async def test_jobs_outlive_the_deaths_of_a_durable_server(
    durable_redis_server: RedisServer, make_layer: MakeLayer, kind: str
) -> None:
    option = {"jobs": {"abandoned_after_s": ABANDONED_S, "backoff_s": 0.05}}
    url = durable_redis_server.url
    sending, *taking = (make_layer(url, kind, acknowledged_channels=option) for _ in range(3))
    done: list[int] = []
    workers = [asyncio.ensure_future(work(layer, done)) for layer in taking]
    sent = 0
    for _ in range(RESTARTS):
        for _ in range(20):
            await sending.send("jobs", {"type": "job", "n": sent})
            sent += 1
        await asyncio.to_thread(durable_redis_server.restart)
    async with asyncio.timeout(PATIENCE_S):
        while len(set(done)) < sent:
            await asyncio.sleep(0.05)
    assert set(done) == set(range(sent))
    assert not any(worker.done() for worker in workers)
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)


async def work(layer: Any, done: list[int]) -> None:
    while True:
        job = await layer.take_job("jobs")
        done.append(job.message["n"])
        await layer.acknowledge(job)
