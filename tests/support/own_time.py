"""How long something took by itself: without the time in which others had the processor.

For what is promised within a time. Linux tells of each process how long it could have run and did
not; elsewhere nothing is known of that, and the time on the wall counts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path


class OwnTime:
    """A watch that stands while one of the processes waits for a processor.

    Args:
        pids: of the others that have a part in it; this process always has.
    """

    def __init__(self, *pids: int) -> None:
        self._pids = (os.getpid(), *pids)
        self._began = self._read()

    def passed_s(self) -> float:
        """Return how long it took until now, in seconds."""
        return self._read() - self._began

    def _read(self) -> float:
        return time.monotonic() - sum(map(_kept_waiting_s, self._pids))


def _kept_waiting_s(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (FileNotFoundError, IndexError):
        return 0.0
