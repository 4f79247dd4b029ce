"""What is costly to make and only read: made once, whichever process of a test run needs it first.

Owns the folder that the processes share. Called by fixtures.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def shared(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object], worker: str | None
) -> Path:
    """Return a folder that is filled once in a run of tests; who comes meanwhile waits.

    Args:
        factory: whose folders are this run's.
        name: of the folder.
        make: fills the folder, which is empty; if it raises, the next one tries again.
        worker: which process of several this is; None if there are no others.
    """
    own = factory.getbasetemp()
    place = own if worker is None else own.parent  # each process has a folder of its own in there
    folder, done = place / f"shared-{name}", place / f"shared-{name}.done"
    with (place / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def this_worker() -> str | None:
    """Return which process of several this is, as pytest-xdist says it."""
    return os.environ.get("PYTEST_XDIST_WORKER")
