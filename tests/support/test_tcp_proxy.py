from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.support.certificates import Certificate
from tests.support.redis_server import RedisServer, until
from tests.support.tcp_proxy import TcpProxy, proxied

PATIENCE_S = 30
SILENCE_S = 0.05
"""Long enough for an answer over the loopback to have come, if one were coming."""


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[TcpProxy]:
    with proxied((redis_server.host, redis_server.port)) as proxy:
        yield proxy


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), timeout=PATIENCE_S)


def ask(wire: socket.socket, command: str) -> bytes:
    """Return the server's answer to an inline command, or b"" at the connection's end."""
    wire.sendall(command.encode() + b"\r\n")
    return answer(wire)


def answer(wire: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\r\n"):
        if not (chunk := wire.recv(65_536)):
            return b""
        received += chunk
    return received


def require_reset(proxy: TcpProxy) -> None:
    # The reset may come before connect() has returned, or after it.
    with pytest.raises(ConnectionResetError), connect(proxy) as wire:
        answer(wire)


def hears_nothing(wire: socket.socket) -> bool:
    wire.settimeout(SILENCE_S)
    try:
        wire.recv(1)
    except TimeoutError:
        return True
    finally:
        wire.settimeout(PATIENCE_S)
    return False


def test_bytes_are_counted_in_both_directions(proxy: TcpProxy) -> None:
    with connect(proxy) as wire:
        assert ask(wire, "SET word " + "x" * 10_000) == b"+OK\r\n"
    assert (proxy.sent_bytes, proxy.received_bytes) == (10_011, 5)
    assert proxy.connections == 1


def test_a_cut_connection_is_reset_and_a_new_one_is_welcome(proxy: TcpProxy) -> None:
    with connect(proxy) as wire:
        assert ask(wire, "PING") == b"+PONG\r\n"
        proxy.cut()
        assert proxy.open_connections == 0
        with pytest.raises(ConnectionResetError):
            answer(wire)
    with connect(proxy) as wire:
        assert ask(wire, "PING") == b"+PONG\r\n"
    assert proxy.connections == 2


def test_a_stalled_connection_goes_on_where_it_was(proxy: TcpProxy) -> None:
    with connect(proxy) as wire:
        assert ask(wire, "PING") == b"+PONG\r\n"
        proxy.stall()
        wire.sendall(b"ECHO held\r\n")
        assert hears_nothing(wire)
        with connect(proxy) as another:
            another.sendall(b"PING\r\n")
            assert hears_nothing(another)
            proxy.heal()
            assert answer(another) == b"+PONG\r\n"
        assert answer(wire) == b"$4\r\nheld\r\n"


def test_a_silenced_connection_never_speaks_again_and_a_new_one_does(proxy: TcpProxy) -> None:
    with connect(proxy) as wire:
        assert ask(wire, "DEL word") in (b":0\r\n", b":1\r\n")
        proxy.silence()
        wire.sendall(b"SET word lost\r\n")
        assert hears_nothing(wire)
        proxy.heal()
        assert hears_nothing(wire)
        with connect(proxy) as another:
            assert ask(another, "EXISTS word") == b":0\r\n"


def test_a_refusing_proxy_lets_nobody_in_until_it_is_healed(proxy: TcpProxy) -> None:
    with connect(proxy) as wire:
        assert ask(wire, "PING") == b"+PONG\r\n"
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            answer(wire)
    for _ in range(2):
        require_reset(proxy)
    proxy.heal()
    with connect(proxy) as wire:
        assert ask(wire, "PING") == b"+PONG\r\n"


def test_a_server_that_is_down_is_a_reset_for_the_client(own_redis_server: RedisServer) -> None:
    with proxied((own_redis_server.host, own_redis_server.port)) as proxy:
        with connect(proxy) as wire:
            assert ask(wire, "PING") == b"+PONG\r\n"
            own_redis_server.kill()
            assert answer(wire) == b""
        require_reset(proxy)
        own_redis_server.start()
        with connect(proxy) as wire:
            assert ask(wire, "PING") == b"+PONG\r\n"


def test_what_the_server_says_before_it_hangs_up_arrives(proxy: TcpProxy) -> None:
    with connect(proxy) as wire:
        assert ask(wire, "QUIT") == b"+OK\r\n"
        assert answer(wire) == b""


def test_it_speaks_tls_for_a_server_that_does_not(
    redis_server: RedisServer, certificate: Certificate
) -> None:
    trusting = ssl.create_default_context(cafile=certificate.certificate)
    target = (redis_server.host, redis_server.port)
    with proxied(target, tls=certificate.server_context()) as proxy:
        with trusting.wrap_socket(connect(proxy), server_hostname=proxy.host) as wire:
            assert ask(wire, "PING") == b"+PONG\r\n"
        stranger = connect(proxy)
        with stranger, pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(stranger, server_hostname=proxy.host)


def test_connections_that_end_are_forgotten(proxy: TcpProxy) -> None:
    with connect(proxy) as wire:
        ask(wire, "PING")
        assert proxy.open_connections == 1
    until(lambda: proxy.open_connections == 0, "the proxy has noticed the end")
