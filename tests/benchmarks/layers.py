"""The work on a real server: the same code for every flavour and for both kinds of layer.

What is sent to a group is counted when a consumer has passed it on to its client. What is sent to
a channel is received from the layer itself. `pubsub` is compared with the layer of that name in
channels_redis, `streams` with its core layer. The floor under both is a loop on `hiredis`.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import redis

from tests.benchmarks.client import Client
from tests.benchmarks.crowd import Crowd, OtherProcess, open_layer
from tests.benchmarks.work import Work, workload
from tests.benchmarks.workloads import take_time

MEGA = 1_000_000
KINDS = ("pubsub", "streams")
BROADCASTING_S = 1.5
SETTLING_S = 0.5
QUIET_S = 2.0
SENDERS = 32
DELIVERIES_A_SECOND = 5_000
PACED_MEMBERS = 50
GROUP = "room"
TEXT = "x" * 1_000
MESSAGE = {"type": "room.message", "text": TEXT}

Measure = Callable[[Work, str], Awaitable[float]]


def for_both_kinds(measure: Measure) -> Measure:
    """Enter a function that takes the work and a kind of layer into the table, once for each."""
    for kind in KINDS:

        async def run(work: Work, kind: str = kind) -> float:
            return await measure(work, kind)

        run.__name__ = f"{measure.__name__}_{kind}"
        run.__doc__ = f"{measure.__doc__}: {kind}"
        workload(run)
    return measure


@for_both_kinds
async def layer_group_10(work: Work, kind: str) -> float:
    """group_send over a server to 10 members, a delivery"""
    return await measure_group_send(work, kind, here=10)


@for_both_kinds
async def layer_group_1000(work: Work, kind: str) -> float:
    """group_send over a server to 1,000 members, a delivery"""
    return await measure_group_send(work, kind, here=work.amount(1_000))


@for_both_kinds
async def layer_group_1000_in_2(work: Work, kind: str) -> float:
    """group_send over a server to 1,000 members in 2 processes, a delivery"""
    return await measure_group_send(work, kind, here=work.amount(500), there=work.amount(500))


@for_both_kinds
async def layer_send(work: Work, kind: str) -> float:
    """send and receive, one after another"""
    async with open_layer(work, kind) as layer:
        return await send_and_receive(layer, work.amount(1_000), senders=1)


@for_both_kinds
async def layer_send_32(work: Work, kind: str) -> float:
    """send and receive, 32 senders at once"""
    async with open_layer(work, kind) as layer:
        return await send_and_receive(layer, work.amount(100), senders=SENDERS)


@for_both_kinds
async def layer_bytes(work: Work, kind: str) -> float:
    """bytes to and from the server for a group_send to 1,000 members in 2 processes"""
    rounds = work.amount(20)
    async with gathered(work, kind, work.amount(500), work.amount(500)) as crowds:
        with redis.Redis.from_url(work.server_url) as probe:
            # What asking costs is taken off: it is asked once between the two counts.
            before, after_nothing = bytes_moved(probe), bytes_moved(probe)
            for _ in range(rounds):
                await broadcast_to(work, crowds)
            after = bytes_moved(probe)
    asking = after_nothing - before
    return (after - after_nothing - asking) / rounds / 1_000


@for_both_kinds
async def layer_idle_tasks(work: Work, kind: str) -> float:
    """tasks of a layer on which 1,000 tasks receive, beside those"""
    async with open_layer(work, kind) as layer:
        before = len(asyncio.all_tasks())
        async with receivers(layer, work) as count:
            return len(asyncio.all_tasks()) - before - count


@for_both_kinds
async def layer_idle_commands(work: Work, kind: str) -> float:
    """commands to the server in a quiet second, while 1,000 tasks receive"""
    quiet_s = QUIET_S * brevity(work)
    async with open_layer(work, kind) as layer, receivers(layer, work):
        with redis.Redis.from_url(work.server_url) as probe:
            before = commands(probe)
            await asyncio.sleep(quiet_s)
            done = commands(probe) - before - 1  # the last of them is our own question
    return done / quiet_s


@for_both_kinds
async def layer_p99(work: Work, kind: str) -> float:
    """99th percentile of a delivery in 2 processes, at 5,000 deliveries a second"""
    if work.flavour.name == "channels":
        kind = "pubsub"  # the faster of the two: what both kinds are measured by
    half = work.amount(PACED_MEMBERS // 2)
    async with gathered(work, kind, half, half) as (crowd, _):
        hearing = [asyncio.ensure_future(note_delays(client)) for client in crowd.clients]
        interval_s = PACED_MEMBERS / DELIVERIES_A_SECOND
        await send_on_time(work, interval_s, count=max(4, work.amount(400)))
        for task in hearing:
            task.cancel()
    delays = [delay for task in hearing for delay in task.result()]
    return statistics.quantiles(delays, n=100)[98] * 1_000


async def measure_group_send(work: Work, kind: str, *, here: int, there: int = 0) -> float:
    """Return microseconds a delivery, from `group_send` to the client's queue."""
    async with gathered(work, kind, here, there) as crowds:
        broadcast = partial(broadcast_to, work, crowds)
        took = await take_time(broadcast, at_least_s=BROADCASTING_S * work.scale)
    return took / (here + there) * MEGA


@asynccontextmanager
async def gathered(
    work: Work, kind: str, here: int, there: int
) -> AsyncIterator[tuple[Crowd, OtherProcess]]:
    """Join a group in one process or two; yield its members when all have heard a message."""
    async with open_layer(work, kind), OtherProcess(work, kind, GROUP, there) as others:
        crowd = Crowd(work.flavour, GROUP, here)
        await crowd.join()
        await broadcast_to(work, (crowd, others))
        yield crowd, others
        await crowd.leave()


async def broadcast_to(work: Work, crowds: tuple[Crowd, OtherProcess]) -> None:
    """Send once; return when every member here and there has heard it."""
    await work.flavour.group_send(GROUP, TEXT)
    for crowd in crowds:
        await crowd.hear()


@asynccontextmanager
async def receivers(layer: Any, work: Work) -> AsyncIterator[int]:
    """Let tasks receive, each from a channel of its own; yield their number when it is quiet."""
    channels = [await layer.new_channel() for _ in range(work.amount(1_000))]
    tasks = [asyncio.create_task(layer.receive(channel)) for channel in channels]
    await asyncio.sleep(SETTLING_S * brevity(work))
    yield len(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def note_delays(client: Client) -> list[float]:
    """Return in seconds how late each text was, until it is cancelled."""
    delays = []
    with suppress(asyncio.CancelledError):
        while True:
            event = await client.outbox.get()
            delays.append(time.perf_counter() - float(event["text"]))
    return delays


async def send_and_receive(layer: Any, each: int, *, senders: int) -> float:
    """Return microseconds for one message sent and received; every sender has its own channel."""
    channels = [await layer.new_channel() for _ in range(senders)]

    async def play(channel: str, count: int) -> None:
        for _ in range(count):
            await layer.send(channel, MESSAGE)
            await layer.receive(channel)

    await asyncio.gather(*(play(channel, 1) for channel in channels))
    began = time.perf_counter()
    await asyncio.gather(*(play(channel, each) for channel in channels))
    return (time.perf_counter() - began) / each / senders * MEGA


async def send_on_time(work: Work, interval_s: float, *, count: int) -> None:
    """Send at even intervals, and return when the last has had time to arrive.

    A message says when it was due, not when it was sent: a layer that is late with one is late
    with those behind it, and does not gain by it.
    """
    began = time.perf_counter()
    for number in range(count):
        due_at = began + number * interval_s
        if (left := due_at - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        await work.flavour.group_send(GROUP, str(due_at))
    await asyncio.sleep(SETTLING_S)


def brevity(work: Work) -> float:
    """Return by how much to shorten a wait: not at all when it is measured."""
    return min(work.scale * 10, 1)


def bytes_moved(probe: redis.Redis) -> int:
    """Return how many bytes the server has read and written since its start."""
    stats = probe.info("stats")
    return int(stats["total_net_input_bytes"]) + int(stats["total_net_output_bytes"])


def commands(probe: redis.Redis) -> int:
    """Return how many commands the server has taken since its start."""
    return int(probe.info("stats")["total_commands_processed"])
