"""A clock that stands still while anything runs, and leaps over the time in which nothing would.

Owns the time of one event loop, and what `time.monotonic()` says meanwhile. A test with it waits
for hours at once, and to it no machine is slow. Not for tests that wait for another thread or
process beside a timer, nor in a loop of `sleep(0)`: in these something runs all the time.
"""

from __future__ import annotations

import time
from typing import Any

import pytest


class LeapingClock:
    """The time of `loop` from now on, until `monkeypatch` is undone."""

    def __init__(self, loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = time.monotonic()
        self._select = loop._selector.select
        monkeypatch.setattr(time, "monotonic", self.read)
        monkeypatch.setattr(loop._selector, "select", self._leap)

    def read(self) -> float:
        """Return the time, in seconds of the monotonic clock."""
        return self.now_s

    def _leap(self, timeout_s: float | None) -> Any:
        if timeout_s is None or timeout_s <= 0:
            return self._select(timeout_s)
        if not (found := self._select(0)):
            self.now_s += timeout_s
        return found
