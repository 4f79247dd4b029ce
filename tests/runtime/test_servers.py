"""Real servers: their end by SIGTERM while clients are connected, and their slow clients."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import websockets

ROOT = Path(__file__).parents[2]
SITE = "tests.support.served_site:application"
CONSOLE = (
    "from console.serving import serve;"
    "from tests.support.served_site import application;"
    "serve(application, {fd}, lambda: None)"
)
SERVERS = {
    "daphne": ("-m", "daphne", "--fd", "{fd}", SITE),
    "uvicorn": ("-m", "uvicorn", "--fd", "{fd}", SITE),
    "console": ("-c", CONSOLE),
}
ENDS_WITH = {"daphne": 0, "uvicorn": -signal.SIGTERM, "console": 0}
"""Uvicorn takes the signal once more after it has shut down, as a shell expects."""

UPGRADE = (
    b"GET /full/ HTTP/1.1\r\n"
    b"Host: localhost\r\n"
    b"Connection: Upgrade\r\n"
    b"Upgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

WITHIN_S = 60
"""How long a server may take to start and to answer on a busy machine."""

ENDLESS_S = 3_600.0
"""A time to drain that is seen to be waited for."""


@dataclass
class Server:
    process: subprocess.Popen
    port: int
    diary: Path

    def read_diary(self) -> list[str]:
        return self.diary.read_text().splitlines()

    async def end(self) -> int:
        return await asyncio.to_thread(self.process.wait, WITHIN_S)


@contextmanager
def running(words: Sequence[str], folder: Path, drain_s: float) -> Iterator[Server]:
    diary = folder / "diary"
    diary.touch()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port, fd = listener.getsockname()[1], listener.fileno()
        by_fd = any("{fd}" in word for word in words)
        if by_fd:
            listener.listen()
        else:
            listener.close()
        environment = {
            **{key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
            "DIARY": str(diary),
            "DRAIN_S": str(drain_s),
            "PYTHONPATH": str(ROOT),
        }
        process = subprocess.Popen(
            [sys.executable, *(word.format(fd=fd, port=port) for word in words)],
            env=environment,
            pass_fds=[fd] if by_fd else [],
        )
    try:
        yield Server(process, port, diary)
    finally:
        process.kill()
        process.wait()


async def open_socket(port: int, path: str) -> websockets.ClientConnection:
    """Connect and be answered once; a server that does not listen yet is tried again."""
    until = time.monotonic() + WITHIN_S
    while True:
        try:
            # Uncompressed: a thousand equal bytes are a thousand bytes.
            client = await websockets.connect(
                f"ws://127.0.0.1:{port}/{path}/", compression=None, open_timeout=WITHIN_S
            )
            break
        except ConnectionRefusedError:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
    await client.send("hello")
    await client.recv()
    return client


async def close_code_of(client: websockets.ClientConnection) -> int | None:
    async with asyncio.timeout(WITHIN_S):
        await client.wait_closed()
    return client.close_code


@pytest.fixture(params=SERVERS)
def name(request):
    return request.param


async def test_clients_are_told_and_the_server_ends_well(name, tmp_path):
    with running(SERVERS[name], tmp_path, drain_s=ENDLESS_S) as server:
        clients = [await open_socket(server.port, path) for path in ("echo", "sync")]
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /poll/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(WITHIN_S):
            while "asked" not in server.read_diary():
                await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert [await close_code_of(client) for client in clients] == [1012, 1012]
        async with asyncio.timeout(WITHIN_S):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: " in answer.lower()
        writer.close()
        await writer.wait_closed()
        assert await server.end() == ENDS_WITH[name]
        said = server.read_diary()
    assert sorted(said) == ["asked", "echo 1012", "long poll", "sync echo 1012"]


async def test_a_consumer_that_does_not_end_is_not_waited_for(name, tmp_path):
    with running(SERVERS[name], tmp_path, drain_s=0.2) as server:
        client = await open_socket(server.port, "stuck")
        server.process.send_signal(signal.SIGTERM)
        assert await close_code_of(client) == 1012
        assert await server.end() == ENDS_WITH[name]
        assert server.read_diary() == ["stuck 1012"]


async def test_a_server_without_connections_ends_as_ever(name, tmp_path):
    with running(SERVERS[name], tmp_path, drain_s=10) as server:
        client = await open_socket(server.port, "echo")
        await client.close()
        async with asyncio.timeout(WITHIN_S):
            while not server.read_diary():
                await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert await server.end() == ENDS_WITH[name]
        assert server.read_diary() == ["echo 1000"]


async def test_a_client_that_does_not_read_is_let_go(tmp_path):
    with running(SERVERS["uvicorn"], tmp_path, drain_s=10) as server:
        client = await open_socket(server.port, "flood")  # and nobody reads what comes
        async with asyncio.timeout(WITHIN_S):
            while not server.read_diary():
                await asyncio.sleep(0.01)
        assert server.read_diary() == ["flood 1013"]
        client.transport.abort()
        await client.wait_closed()


@pytest.mark.parametrize(("name", "status"), [("uvicorn", 429), ("daphne", 403)])
async def test_a_denial_has_the_status_that_the_server_can_give(name, status, tmp_path):
    with running(SERVERS[name], tmp_path, drain_s=10) as server:
        await (await open_socket(server.port, "echo")).close()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(UPGRADE)
        async with asyncio.timeout(WITHIN_S):
            answer = await reader.readline()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        writer.close()
        await writer.wait_closed()
