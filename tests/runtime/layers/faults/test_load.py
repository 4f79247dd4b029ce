from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
import redis

from tests.runtime.layers.faults.conftest import LAYERS, MakeLayer
from tests.runtime.layers.faults.playing import PATIENCE_S, Receiver, join
from tests.support.redis_server import RedisServer, running

IDLE_S = 11
"""Longer than any timeout of a socket or of a command that a client sets by itself."""

JOINS = 500
IDLERS = 1_000
MOST_TASKS = 4
"""Of a layer, for its connections; none for a channel."""


@pytest.fixture(scope="module", autouse=True)
def idlers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idlers]:
    """Receivers that wait while the other tests here run, on a server that is theirs."""
    with running(tmp_path_factory.mktemp("idle")) as server:
        idlers = Idlers(server)
        yield idlers
        idlers.stop()


class Idlers:
    """A thread in which a receiver of each layer waits from the start, and is asked at the end."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="idlers")
        self._thread.start()
        self._ended = {
            kind: asyncio.run_coroutine_threadsafe(self._idle(kind), self._loop) for kind in LAYERS
        }

    def wait(self, kind: str) -> list[int]:
        """Return what the receivers got who waited for IDLE_S; an error of theirs is raised."""
        return self._ended[kind].result(IDLE_S + PATIENCE_S)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel_all(self) -> None:
        # Those that are still under way: somebody has ended the tests early.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _idle(self, kind: str) -> list[int]:
        layer = LAYERS[kind](hosts=[self._server.url], prefix=kind)
        heard = await join(layer, "room")
        channel = await layer.new_channel()
        receiver = Receiver(layer, channel)
        named = Receiver(layer, "jobs") if kind == "streams" else None
        await asyncio.sleep(IDLE_S)
        message = {"type": "note", "sender": "one", "number": 1}
        await layer.group_send("room", message)
        await layer.send(channel, message)
        await heard.until(lambda: heard.total == 1, "the member hears")
        await receiver.heard.until(lambda: receiver.heard.total == 1, "the receiver hears")
        await receiver.stop()
        if named is not None:
            await layer.send("jobs", message)
            await named.heard.until(lambda: named.heard.total == 1, "the worker hears")
            await named.stop()
        await layer.close()
        return [heard.total, receiver.heard.total]


async def test_500_joins_at_once_all_succeed_over_a_handful_of_connections(
    own_redis_server: RedisServer, make_layer: MakeLayer, kind: str
) -> None:
    layer = make_layer(own_redis_server.url, kind)
    heard = await join(layer, "everybody")
    channels = [await layer.new_channel() for _ in range(JOINS)]
    receivers = [Receiver(layer, channel) for channel in channels]
    joins = [
        layer.group_add(group, channel)
        for number, channel in enumerate(channels)
        for group in ("everybody", f"room{number}")
    ]
    with own_redis_server.client() as client:
        before = client.info("stats")["total_connections_received"]
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*joins)
        more = client.info("stats")["total_connections_received"] - before
        assert more <= 2  # of the layer's own, one may still be on its way
    outsider = make_layer(own_redis_server.url, kind)
    await outsider.group_send("everybody", {"type": "note", "sender": "out", "number": 0})
    for number, receiver in enumerate(receivers):
        message = {"type": "note", "sender": "out", "number": number + 1}
        await outsider.group_send(f"room{number}", message)
        await receiver.heard.until(lambda heard=receiver.heard: heard.total == 2, "both arrive")
        assert receiver.heard.numbers["out"] == [0, number + 1]
    await heard.until(lambda: heard.total == 1, "the first member hears")
    for receiver in receivers:
        await receiver.stop()


async def test_1000_idle_receivers_cost_no_task_and_no_command(
    own_redis_server: RedisServer, make_layer: MakeLayer, kind: str
) -> None:
    # Renewed so seldom that no second here is one in which the lease is.
    layer = make_layer(own_redis_server.url, kind, lease=3_600)
    tasks = len(asyncio.all_tasks())
    members = [await join(layer, "room") for _ in range(IDLERS)]
    assert len(asyncio.all_tasks()) - tasks <= MOST_TASKS
    channels = [await layer.new_channel() for _ in range(IDLERS)]
    receivers = [Receiver(layer, channel) for channel in channels]
    await layer.group_send("room", {"type": "note", "sender": "one", "number": 0})
    await members[-1].until(lambda: members[-1].total == 1, "the last member hears")
    assert len(asyncio.all_tasks()) - tasks <= MOST_TASKS + IDLERS  # those of the test itself
    with own_redis_server.client() as client:
        while await commands_within(client, 0.05):
            pass  # what the last message has caused
        assert await commands_within(client, 1) == 0
    for receiver in receivers:
        await receiver.stop()


def test_receivers_that_were_idle_for_longer_than_any_timeout_still_receive(
    idlers: Idlers, kind: str
) -> None:
    assert idlers.wait(kind) == [1, 1]


async def commands_within(client: redis.Redis, seconds: float) -> int:
    """Return how many commands the server is given in that time, without those that ask."""
    before = client.info("stats")["total_commands_processed"]
    await asyncio.sleep(seconds)  # what does not happen can only be waited for
    after = client.info("stats")["total_commands_processed"]
    return int(after - before - 1)
