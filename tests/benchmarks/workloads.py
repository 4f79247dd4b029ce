"""The work on raw ASGI queues: the same code for every flavour.

Each workload is a coroutine function that returns what one operation cost; its docstring
names the operation. Run in a process of its own by `measure`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import path, re_path

from tests.benchmarks.client import Client, cancel_all
from tests.benchmarks.work import Application, Work, workload

MEGA = 1_000_000
BLOCKED_S = 0.020
BROADCASTING_S = 0.5


@workload
async def async_echo(work: Work) -> float:
    """async WebSocket echo, ping-pong"""
    return await measure_echo(work, "async", count=3_000, in_pipe=1)


@workload
async def async_echo_64(work: Work) -> float:
    """async WebSocket echo, 64 in the pipe"""
    return await measure_echo(work, "async", count=6_000, in_pipe=64)


@workload
async def json_echo(work: Work) -> float:
    """JSON echo, ping-pong"""
    return await measure_echo(work, "json", count=3_000, in_pipe=1)


@workload
async def json_echo_64(work: Work) -> float:
    """JSON echo, 64 in the pipe"""
    return await measure_echo(work, "json", count=6_000, in_pipe=64)


@workload
async def sync_echo(work: Work) -> float:
    """sync echo, ping-pong"""
    return await measure_echo(work, "sync", count=2_000, in_pipe=1)


@workload
async def sync_echo_64(work: Work) -> float:
    """sync echo, 64 in the pipe"""
    return await measure_echo(work, "sync", count=2_000, in_pipe=64)


@workload
async def sync_blocked_16(work: Work) -> float:
    """16 sync consumers, each blocked 2 x 20 ms, in all"""
    application = work.flavour.root(work.flavour.blocked(BLOCKED_S * min(work.scale, 1)))
    clients = [await Client(application).connect() for _ in range(16)]
    began = time.perf_counter()
    for client in clients:
        for _ in range(2):
            await client.inbox.put({"type": "websocket.receive", "text": "x"})
    for client in clients:
        for _ in range(2):
            await client.outbox.get()
    took = time.perf_counter() - began
    for client in clients:
        await client.disconnect()
    return took * 1_000


@workload
async def connect_close(work: Work) -> float:
    """connect and close, anonymous"""
    return await measure_connects(work, work.flavour.echo("async"), 500)


@workload
async def connect_close_auth(work: Work) -> float:
    """connect and close, with AuthMiddlewareStack"""
    application = work.flavour.authenticated(work.flavour.echo("async"))
    return await measure_connects(work, application, 300)


@workload
async def idle_memory(work: Work) -> float:
    """an idle connection in memory"""
    application = work.flavour.root(work.flavour.echo("async"))
    await (await Client(application).connect()).disconnect()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    clients = [await Client(application).connect() for _ in range(work.amount(1_000))]
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    for client in clients:
        await client.disconnect()
    return grown / len(clients) / 1_000


@workload
async def broadcast_10(work: Work) -> float:
    """group_send in memory to 10 members, a delivery"""
    return await measure_broadcast(work, 10)


@workload
async def broadcast_1000(work: Work) -> float:
    """group_send in memory to 1,000 members, a delivery"""
    return await measure_broadcast(work, work.amount(1_000))


@workload
async def broadcast_5000(work: Work) -> float:
    """group_send in memory to 5,000 members, a delivery"""
    return await measure_broadcast(work, work.amount(5_000))


@workload
async def broadcast_10_of_100_groups(work: Work) -> float:
    """one group of 10 among 100 groups, a delivery"""
    return await measure_broadcast(work, 10, others=work.amount(99))


@workload
async def route_path(work: Work) -> float:
    """the last of 500 routes, path() with a converter"""
    return await measure_routes(
        work, lambda n, app: path(f"room{n}/<int:page>/", app), "/room499/7/"
    )


@workload
async def route_re_path(work: Work) -> float:
    """the last of 500 routes, re_path()"""
    return await measure_routes(
        work, lambda n, app: re_path(rf"^room{n}/(?P<page>\d+)/$", app), "/room499/7/"
    )


@workload
async def route_static(work: Work) -> float:
    """the last of 500 routes, path() without arguments"""
    return await measure_routes(work, lambda n, app: path(f"room{n}/", app), "/room499/")


async def measure_echo(work: Work, kind: str, *, count: int, in_pipe: int) -> float:
    text = json.dumps({"type": "message", "text": "hello", "n": 1}) if kind == "json" else "hello"
    client = await Client(work.flavour.root(work.flavour.echo(kind))).connect()
    await exchange(client, text, count=work.amount(count // 10), in_pipe=in_pipe)
    cost = await exchange(client, text, count=work.amount(count), in_pipe=in_pipe)
    await client.disconnect()
    return cost


async def exchange(client: Client, text: str, *, count: int, in_pipe: int) -> float:
    """Return microseconds a message, with `in_pipe` messages on the way at any time."""
    message = {"type": "websocket.receive", "text": text}
    for _ in range(in_pipe):
        await client.inbox.put(message)
    began = time.perf_counter()
    for _ in range(count):
        await client.outbox.get()
        await client.inbox.put(message)
    took = time.perf_counter() - began
    for _ in range(in_pipe):
        await client.outbox.get()
    return took / count * MEGA


async def measure_connects(work: Work, application: Application, usual: int) -> float:
    root = work.flavour.root(application)

    async def once() -> None:
        client = await Client(root, path="/ws/").connect()
        await client.disconnect()

    for _ in range(work.amount(usual // 10)):
        await once()
    count = work.amount(usual)
    began = time.perf_counter()
    for _ in range(count):
        await once()
    return (time.perf_counter() - began) / count * MEGA


async def measure_broadcast(work: Work, members: int, *, others: int = 0) -> float:
    """Return microseconds a delivery to a member, from `group_send` to the client's queue."""
    flavour = work.flavour
    bystanders = [
        await Client(flavour.root(flavour.member(f"other.{number}"))).connect()
        for number in range(others)
        for _ in range(members)
    ]
    room = flavour.root(flavour.member("room"))
    listeners = [await Client(room).connect() for _ in range(members)]

    async def broadcast() -> None:
        await flavour.group_send("room", "hello, room")
        for listener in listeners:
            await listener.outbox.get()

    await broadcast()
    took = await take_time(broadcast, at_least_s=BROADCASTING_S * work.scale)
    await cancel_all(listeners + bystanders)
    return took / members * MEGA


async def take_time(act: Callable[[], Awaitable[None]], *, at_least_s: float) -> float:
    """Return the seconds that `act()` takes, on average over as many times as fit.

    One broadcast to 5,000 takes Channels ten seconds and the runtime a twentieth of one: with
    a fixed number, one of them would be measured for too long or too short.
    """
    count = 0
    began = time.perf_counter()
    while (took := time.perf_counter() - began) < at_least_s or not count:
        await act()
        count += 1
    return took / count


async def measure_routes(work: Work, make_route: Callable[[int, Any], Any], url: str) -> float:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        return None

    router = work.flavour.router([make_route(number, application) for number in range(500)])
    scope = {"type": "websocket", "path": url}
    for _ in range(work.amount(200)):
        await router(scope, None, None)
    count = work.amount(2_000)
    began = time.perf_counter()
    for _ in range(count):
        await router(scope, None, None)
    return (time.perf_counter() - began) / count * MEGA
