from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.certificates import Certificate
from tests.support.listening import listening
from tests.support.redis_server import RedisServer
from tests.support.tcp_proxy import proxied


@contextmanager
def nothing_left_open() -> Iterator[None]:
    gc.collect()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(one.message) for one in said] == []


async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("turns", range(5))
def test_who_is_accepted_as_it_ends_is_not_left_open(turns: int) -> None:
    async def come_and_end() -> None:
        async with listening(wait) as where:
            client = socket.create_connection(where)
            for _ in range(turns):
                await asyncio.sleep(0)
        client.close()

    with nothing_left_open():
        asyncio.run(come_and_end())


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_proxy_leaves_nobody_open_who_comes_as_it_ends(
    redis_server: RedisServer, certificate: Certificate, is_tls: bool
) -> None:
    tls: ssl.SSLContext | None = certificate.server_context() if is_tls else None
    with nothing_left_open():
        for _ in range(20):
            with proxied((redis_server.host, redis_server.port), tls=tls) as proxy:
                clients = [socket.create_connection((proxy.host, proxy.port)) for _ in range(3)]
            for client in clients:
                client.close()
