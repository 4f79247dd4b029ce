"""What holds for all tests: asyncio's debug mode, and the real servers and browser they ask for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support import patient_communicators, short_stacks
from tests.support.fixtures import (
    certificate,
    compiled_tape,
    durable_redis_server,
    installed,
    leaping_clock,
    own_redis_server,
    pure_wheel,
    redis_cluster,
    redis_sentinel,
    redis_server,
    wheel,
)
from tools import browser, native

__all__ = [
    "certificate",
    "compiled_tape",
    "durable_redis_server",
    "installed",
    "leaping_clock",
    "own_redis_server",
    "pure_wheel",
    "redis_cluster",
    "redis_sentinel",
    "redis_server",
    "wheel",
]

# A machine that is busy with other things is no finding.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# For the loops that are not pytest-asyncio's: those that asgiref makes for async_to_sync().
os.environ["PYTHONASYNCIODEBUG"] = "1"

short_stacks.shorten()
patient_communicators.let_wait()


def pytest_configure() -> None:
    """Refuse to test what was compiled from another source than the one that is here."""
    if extension := native.stale():
        raise pytest.UsageError(
            f"{extension} is older than its source, and Python would import it all the same:"
            " compile it again with `make native`, or remove it with `make clean`."
        )


def pytest_report_header() -> str:
    """Say whether what is compiled or its source is tested."""
    return f"recorder: {native.compiled() or 'pure Python'}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Say which tests stay together, when several processes share them."""
    from tests.support.distribution import ByWhatIsShared  # it needs pytest-xdist, this need not

    return ByWhatIsShared(config, log)


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Return a Chromium that starts; its absence is an error and never a skip."""
    path = browser.find()
    if path is None:
        pytest.fail(browser.MISSING)
    return path
