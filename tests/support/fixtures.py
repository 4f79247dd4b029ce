"""The real servers that tests ask for by name.

Those of the session are shared: a test takes names of its own, and leaves them as they were.
Wheels are built once for all processes that share the tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Certificate, make_certificate
from tests.support.leaping_clock import LeapingClock
from tests.support.packaging import ROOT, Environment, build, extension_of, make_environment
from tests.support.redis_cluster import RedisCluster, running_cluster
from tests.support.redis_sentinel import RedisSentinel, running_sentinel
from tests.support.redis_server import RedisServer, running
from tests.support.shared import shared, this_worker


@pytest.fixture
async def leaping_clock(monkeypatch: pytest.MonkeyPatch) -> LeapingClock:
    """Return the clock of this test's loop, by which nothing takes any time but waiting."""
    return LeapingClock(asyncio.get_running_loop(), monkeypatch)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Yield the server of the session, which every test finds as the last one left it."""
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Yield a server of this test alone, empty after each start."""
    with running(tmp_path) as server:
        yield server


@pytest.fixture
def durable_redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Yield a server of this test alone that has each write on the disk before its answer."""
    with running(tmp_path, appendonly="yes", appendfsync="always") as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Yield the Cluster of the session."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def redis_sentinel(tmp_path: Path) -> Iterator[RedisSentinel]:
    """Yield a master and a replica under watch, of this test alone."""
    with running_sentinel(tmp_path) as watched:
        yield watched


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return the certificate of this session's servers."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout, as it is where there is a compiler."""
    return _wheel(tmp_path_factory, "1")


@pytest.fixture(scope="session")
def pure_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout for any Python."""
    return _wheel(tmp_path_factory, "0")


def _wheel(factory: pytest.TempPathFactory, compiles: str) -> Path:
    folder = shared(
        factory,
        f"wheel-{compiles}",
        lambda folder: build("wheel", ROOT, folder, CHANNELSCOPE_COMPILE=compiles),
        this_worker(),
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def compiled_tape(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the recorder's hot path as an extension, which nothing imports by itself."""
    return extension_of(wheel, tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment with the wheel and what it needs; tests may install more."""
    return make_environment(tmp_path_factory.mktemp("installed") / "env", str(wheel))
