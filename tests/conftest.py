"""What holds for all tests: asyncio's debug mode, and the real servers and browser they ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.fixtures import (
    certificate,
    durable_redis_server,
    installed,
    own_redis_server,
    redis_cluster,
    redis_sentinel,
    redis_server,
    wheel,
)
from tools import browser

__all__ = [
    "certificate",
    "durable_redis_server",
    "installed",
    "own_redis_server",
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


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """Return a Chromium that starts; its absence is an error and never a skip."""
    path = browser.find()
    if path is None:
        pytest.fail(browser.MISSING)
    return path
