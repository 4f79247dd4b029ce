"""Long work on the event loop, cut so that the application's own events get through between.

Owns the length of a slice. Used by whatever reads thousands of connections or entries
while the recorder writes: its lock is held for a slice, never for the whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from operator import itemgetter
from typing import Any, TypeVar

T = TypeVar("T")

SLICE_S = 0.004
"""Seconds after which the loop gets its turn; an item that takes longer is not cut in two."""

SORTED_AT_ONCE = 1_000


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


async def first_in_slices(
    items: Sequence[T],
    key: Callable[[T], Any],
    most: int,
    lock: AbstractContextManager[Any],
    *,
    is_descending: bool = False,
) -> list[T]:
    """Return the first `most` of `sorted(items, key=key, reverse=is_descending)`.

    Args:
        lock: held while `key` is called.
    """
    keyed: list[tuple[Any, T]] = []
    await in_slices(items, lambda item: keyed.append((key(item), item)), lock)
    first: list[tuple[Any, T]] = []
    for at in range(0, len(keyed), SORTED_AT_ONCE):
        await asyncio.sleep(0)
        # Equals stay as they come: what was found before stands before the rest.
        some = [*first, *keyed[at : at + SORTED_AT_ONCE]]
        first = sorted(some, key=itemgetter(0), reverse=is_descending)[:most]
    return [item for _, item in first]


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
