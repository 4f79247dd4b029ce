"""Code without a loop of its own uses a layer: views, threads, workers that fork.

Each test is a real process, with all warnings as errors: what it writes to its error output, at
its exit too, fails the test.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import redis

from runtime.layers.base import BaseChannelLayer
from tests.runtime.layers.faults.conftest import LAYERS, path_of
from tests.support.redis_server import RedisServer

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60

PREPARE = """
import asyncio, json, os, sys, threading
import django
from asgiref.sync import async_to_sync
from django.conf import settings

url, path, group = sys.argv[1:]
settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": path, "CONFIG": {"hosts": [url], "prefix": group}}}
)
django.setup()

from runtime.layers import get_channel_layer

layer = get_channel_layer()


def broadcast(sender, number):
    message = {"type": "note", "sender": sender, "number": number}
    async_to_sync(layer.group_send)(group, message)

"""


@pytest.fixture(params=LAYERS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of layer: each in turn."""
    return request.param


def run(server: RedisServer, kind: str, group: str, program: str) -> Any:
    """Run a program to its end, silent but for what it returns as JSON."""
    ended = subprocess.run(
        [
            *(sys.executable, "-W", "error"),
            # Forking beside threads is what this is about.
            *("-W", "ignore:This process:DeprecationWarning"),
            *("-c", PREPARE + textwrap.dedent(program), server.url, path_of(kind), group),
        ],
        cwd=ROOT,
        # Not in asyncio's debug mode, which complains of a machine that is slow.
        env={**os.environ, "PYTHONASYNCIODEBUG": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.returncode == 0
    return json.loads(ended.stdout or "null")


async def run_beside(server: RedisServer, kind: str, group: str, program: str) -> Any:
    return await asyncio.to_thread(run, server, kind, group, program)


async def take(layer: BaseChannelLayer, channel: str, count: int) -> list[tuple[str, int]]:
    """Return the next messages of a channel, as (sender, number)."""
    taken = []
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(count):
            message = await layer.receive(channel)
            taken.append((message["sender"], message["number"]))
    return taken


@pytest.fixture
async def member(redis_server: RedisServer, kind: str, request: pytest.FixtureRequest):
    """A layer in this process, one channel of which is in the group of the test's name."""
    group = request.node.originalname
    layer = LAYERS[kind](hosts=[redis_server.url], prefix=group, capacity=10_000)
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    yield layer, channel, group
    await layer.close()


async def test_views_and_threads_share_one_connection(
    redis_server: RedisServer, kind: str, member: Any
) -> None:
    layer, channel, group = member
    with redis.Redis.from_url(redis_server.url) as client:
        before = client.info("stats")["total_connections_received"]
        await run_beside(
            redis_server,
            kind,
            group,
            """
            def view(name):
                for number in range(20):
                    broadcast(name, number)

            view("main")
            threads = [threading.Thread(target=view, args=[f"thread{n}"]) for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            """,
        )
        opened = client.info("stats")["total_connections_received"] - before
    assert opened <= 2  # one to send, and one to receive where a layer has that too
    heard = await take(layer, channel, 9 * 20)
    for name in ("main", *(f"thread{number}" for number in range(8))):
        assert [number for sender, number in heard if sender == name] == list(range(20))


async def test_a_task_under_a_running_loop_uses_the_connection_of_that_loop(
    redis_server: RedisServer, kind: str, member: Any
) -> None:
    layer, channel, group = member
    with redis.Redis.from_url(redis_server.url) as client:
        before = client.info("stats")["total_connections_received"]
        await run_beside(
            redis_server,
            kind,
            group,
            """
            from asgiref.sync import sync_to_async

            async def serve():
                await layer.group_send(group, {"type": "note", "sender": "loop", "number": 0})
                for number in range(20):
                    await sync_to_async(broadcast)("view", number)

            asyncio.run(serve())
            """,
        )
        opened = client.info("stats")["total_connections_received"] - before
    assert opened <= 2
    heard = await take(layer, channel, 21)
    assert heard == [("loop", 0), *(("view", number) for number in range(20))]


async def test_a_worker_that_forks_has_connections_of_its_own_and_leaves_its_parent_s_alone(
    redis_server: RedisServer, kind: str, member: Any
) -> None:
    layer, channel, group = member
    await run_beside(
        redis_server,
        kind,
        group,
        """
        import multiprocessing

        def work(name):
            for number in range(20):
                broadcast(name, number)

        broadcast("parent", 0)
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=work, args=[f"child{n}"]) for n in range(3)]
        for child in children:
            child.start()
        broadcast("parent", 1)
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0, 0]
        broadcast("parent", 2)
        """,
    )
    heard = await take(layer, channel, 3 * 20 + 3)
    assert [number for sender, number in heard if sender == "parent"] == [0, 1, 2]
    for child in ("child0", "child1", "child2"):
        assert [number for sender, number in heard if sender == child] == list(range(20))


async def test_a_fork_within_a_running_loop_does_not_disturb_its_receivers(
    redis_server: RedisServer, kind: str, member: Any
) -> None:
    layer, channel, group = member
    got = await run_beside(
        redis_server,
        kind,
        group,
        """
        async def serve():
            channel = await layer.new_channel()
            await layer.group_add(group, channel)
            receiving = asyncio.ensure_future(layer.receive(channel))
            await asyncio.sleep(0)
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
            await layer.group_send(group, {"type": "note", "sender": "parent", "number": 7})
            return (await receiving)["number"]

        print(json.dumps(asyncio.run(serve())))
        """,
    )
    assert got == 7
    assert await take(layer, channel, 1) == [("parent", 7)]


@pytest.mark.parametrize(
    "use",
    [
        "asyncio.run(layer.group_send(group, {'type': 'note'}))",
        "async_to_sync(layer.group_send)(group, {'type': 'note'})",
        "asyncio.run(layer.new_channel())",
        "async_to_sync(layer.group_add)(group, async_to_sync(layer.new_channel)())",
        "asyncio.run(asyncio.wait_for(layer.receive(asyncio.run(layer.new_channel())), 0.1))",
    ],
    ids=["loop", "sync", "channel", "join", "receive"],
)
def test_a_process_that_closes_nothing_ends_in_silence(
    redis_server: RedisServer, kind: str, use: str, request: pytest.FixtureRequest
) -> None:
    group = request.node.originalname
    program = f"""
    try:
        {use}
    except TimeoutError:
        pass
    """
    run(redis_server, kind, group, program)


def test_loops_that_follow_each_other_do_not_gather_connections(
    redis_server: RedisServer, kind: str, request: pytest.FixtureRequest
) -> None:
    group = request.node.originalname
    program = """
    import gc
    import redis

    async def serve(number):
        channel = await layer.new_channel()
        await layer.group_add(group, channel)
        await layer.group_send(group, {"type": "note", "sender": "loop", "number": number})
        return (await layer.receive(channel))["number"]

    got = [asyncio.run(serve(number)) for number in range(10)]
    gc.collect()
    with redis.Redis.from_url(url) as client:
        # Those of this process alone: the layer names its connections by its prefix.
        mine = [one for one in client.client_list() if one["name"].startswith(group)]
    print(json.dumps([got, len(mine), threading.active_count()]))
    """
    got, connections, threads = run(redis_server, kind, group, program)
    assert got == list(range(10))
    assert connections <= 2
    assert threads == 1
