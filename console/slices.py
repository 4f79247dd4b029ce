"""Long work on the event loop, cut so that the application's own events get through between.

Owns the length of a slice. Used by whatever reads thousands of connections or entries
while the recorder writes: its lock is held for a slice, never for the whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

T = TypeVar("T")

SLICE_S = 0.004
"""Seconds after which the loop gets its turn; an item that takes longer is not cut in two."""


async def in_slices(
    items: Iterable[T],
    work: Callable[[T], object],
    lock: AbstractContextManager[Any],
    *,
    slice_s: float = SLICE_S,
) -> None:
    """Call `work` with each of `items`, and give the loop back after each `slice_s`.

    Args:
        lock: held while `work` is called, and released between two slices.
    """
    left = iter(items)
    while True:
        if _work_until(time.perf_counter() + slice_s, left, work, lock):
            return
        await asyncio.sleep(0)


def _work_until(
    ends_at: float,
    left: Iterable[T],
    work: Callable[[T], object],
    lock: AbstractContextManager[Any],
) -> bool:
    with lock:
        for item in left:
            work(item)
            if time.perf_counter() >= ends_at:
                return False
    return True
