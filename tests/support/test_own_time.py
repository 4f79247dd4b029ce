from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.own_time import OwnTime

SPINS = "while True: pass"


def test_what_is_waited_for_counts() -> None:
    own = OwnTime()
    time.sleep(0.2)
    assert own.passed_s() > 0.1


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this system does not tell")
def test_what_others_take_does_not_count() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})  # which those that it starts have as well
    others = [subprocess.Popen([sys.executable, "-c", SPINS]) for _ in range(3)]
    try:
        own, wall, cpu = OwnTime(), time.monotonic(), time.process_time()
        while time.process_time() - cpu < 0.5:
            pass
        assert own.passed_s() < (time.monotonic() - wall) / 2
    finally:
        os.sched_setaffinity(0, before)
        for other in others:
            other.kill()
            other.wait()
