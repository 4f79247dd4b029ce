"""The work through a real server: Daphne or Uvicorn in a process of its own, sockets in this one.

The server gets its socket from here, so a client that comes too early waits in the socket's
queue and nothing has to poll.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.flavours import VARIABLE
from tests.benchmarks.socket_client import SocketClient
from tests.benchmarks.work import Flavour, Work, workload

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = "tests.benchmarks.site:application"
READY_S = 60
STOP_S = 10
MEGA = 1_000_000

# Nobody pings while it is measured, and no line is logged for each connection.
DAPHNE = ("daphne", "--fd", "{fd}", "-v", "0", "--ping-interval", "600", APPLICATION)
UVICORN = (
    *("uvicorn", "--fd", "{fd}", "--log-level", "error", "--lifespan", "off"),
    *("--ws-ping-interval", "600", APPLICATION),
)


@workload
async def echo_daphne(work: Work) -> float:
    """echo through Daphne, 50 connections"""
    return await measure_served_echo(work, DAPHNE)


@workload
async def echo_uvicorn(work: Work) -> float:
    """echo through Uvicorn, 50 connections"""
    return await measure_served_echo(work, UVICORN)


@workload
async def room_daphne(work: Work) -> float:
    """room of 500 through Daphne, a delivery"""
    return await measure_served_room(work, DAPHNE)


@workload
async def room_uvicorn(work: Work) -> float:
    """room of 500 through Uvicorn, a delivery"""
    return await measure_served_room(work, UVICORN)


async def measure_served_echo(work: Work, server: tuple[str, ...]) -> float:
    with running(server, work.flavour) as address:
        clients = await connect(address, "/echo/", work.amount(50))
        await play_ping_pong(clients, work.amount(500))
        count = work.amount(5_000)
        began = time.perf_counter()
        await play_ping_pong(clients, count)
        took = time.perf_counter() - began
        close(clients)
    return took / count * MEGA


async def measure_served_room(work: Work, server: tuple[str, ...]) -> float:
    with running(server, work.flavour) as address:
        clients = await connect(address, "/room/", work.amount(500))
        await broadcast(clients)
        rounds = work.amount(6)
        began = time.perf_counter()
        for _ in range(rounds):
            await broadcast(clients)
        took = time.perf_counter() - began
        close(clients)
    return took / rounds / len(clients) * MEGA


async def play_ping_pong(clients: list[SocketClient], count: int) -> None:
    """Return after `count` answers; each client sends again when it is answered."""
    finished = asyncio.get_running_loop().create_future()
    to_send, to_come = count, count

    def send_next(client: SocketClient) -> None:
        nonlocal to_send
        if to_send > 0:
            to_send -= 1
            client.send()

    def answered(client: SocketClient) -> None:
        nonlocal to_come
        to_come -= 1
        if to_come == 0:
            finished.set_result(None)
        send_next(client)

    for client in clients:
        client.on_text = lambda client=client: answered(client)
        send_next(client)
    await finished


async def broadcast(clients: list[SocketClient]) -> None:
    """Let the first client send one text, and return when all have heard it."""
    finished = asyncio.get_running_loop().create_future()
    to_come = len(clients)

    def heard() -> None:
        nonlocal to_come
        to_come -= 1
        if to_come == 0:
            finished.set_result(None)

    for client in clients:
        client.on_text = heard
    clients[0].send()
    await finished


async def connect(address: tuple[str, int], path: str, count: int) -> list[SocketClient]:
    loop = asyncio.get_running_loop()
    clients = []
    async with asyncio.timeout(READY_S):
        for _ in range(count):
            _, client = await loop.create_connection(
                lambda: SocketClient(path, "hello, room"), *address
            )
            clients.append(await client.opened())
    return clients


def close(clients: list[SocketClient]) -> None:
    for client in clients:
        client.close()


@contextmanager
def running(server: tuple[str, ...], flavour: Flavour) -> Iterator[tuple[str, int]]:
    """Run a server of the flavour's application; yield its address.

    Args:
        server: a module and its arguments; `{fd}` stands for the listening socket.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1_024)
        fd = listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", *(word.format(fd=fd) for word in server)],
            env={**os.environ, VARIABLE: flavour.name, "PYTHONPATH": str(ROOT)},
            pass_fds=[fd],
        )
        address = listener.getsockname()
    try:
        yield address
    finally:
        # Killed, not asked: who drains 500 connections well is not the question here.
        process.kill()
        process.wait(STOP_S)
