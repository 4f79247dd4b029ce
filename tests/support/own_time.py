"""How long something took by itself: without the time in which others had the processor.

For what is promised within a time. Linux tells of each process how long it could have run and did
not; elsewhere nothing is known of that, and the time on the wall counts.
"""

from __future__ import annotations

import os
import time
from pathlib import Path


class OwnTime:
    """A watch that stands while the process that waits longest for a processor does so.

    Two may wait at once: to take both off would be to forgive a slow answer.

    Args:
        pids: of the others that have a part in it; this process always has.
    """

    def __init__(self, *pids: int) -> None:
        self._kept_waiting_s = {pid: _kept_waiting_s(pid) for pid in (os.getpid(), *pids)}
        self._began_at = time.monotonic()

    def passed_s(self) -> float:
        """Return how long it took until now, in seconds."""
        waited_s = [_kept_waiting_s(pid) - before for pid, before in self._kept_waiting_s.items()]
        return time.monotonic() - self._began_at - max(waited_s)


def _kept_waiting_s(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (FileNotFoundError, IndexError):
        return 0.0
