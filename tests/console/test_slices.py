from __future__ import annotations

import asyncio
import threading
from contextlib import nullcontext
from operator import itemgetter
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console import slices
from console.slices import first_in_slices, in_slices


async def test_the_loop_has_its_turn_between_two_slices() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    done: list[int] = []
    await in_slices(range(50), done.append, threading.Lock(), slice_s=0.0)
    counting.cancel()
    assert done == list(range(50))
    assert turns >= 49


async def test_the_lock_is_free_between_two_slices() -> None:
    lock = threading.Lock()
    held: list[bool] = []

    async def look() -> None:
        while True:
            held.append(lock.locked())
            await asyncio.sleep(0)

    looking = asyncio.ensure_future(look())
    await in_slices(range(5), lambda _: held.append(lock.locked()), lock, slice_s=0.0)
    looking.cancel()
    assert held.count(True) == 5
    assert False in held


async def test_an_error_ends_the_work_and_frees_the_lock() -> None:
    lock = threading.Lock()
    with pytest.raises(ZeroDivisionError):
        await in_slices([1, 0], lambda number: 1 / number, lock)
    assert not lock.locked()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers())), st.integers(0, 9), st.booleans())
def test_the_first_of_many_are_those_that_sorting_at_once_gives(items, most, is_descending):
    with patch.object(slices, "SORTED_AT_ONCE", 3):
        finding = first_in_slices(
            items, itemgetter(0), most, nullcontext(), is_descending=is_descending
        )
        found = asyncio.run(finding)
    assert found == sorted(items, key=itemgetter(0), reverse=is_descending)[:most]
