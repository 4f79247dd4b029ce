from __future__ import annotations

import asyncio
import time

import pytest


async def test_an_hour_passes_at_once_and_nothing_else_takes_time(
    leaping_clock: object,
) -> None:
    loop, began, cpu_s = asyncio.get_running_loop(), time.monotonic(), time.process_time()
    while time.process_time() - cpu_s < 0.01:
        pass
    assert time.monotonic() == loop.time() == began
    await asyncio.sleep(3_600)
    assert loop.time() - began == pytest.approx(3_600)


async def test_what_is_due_first_comes_first(leaping_clock: object) -> None:
    order: list[int] = []

    async def note(delay_s: int) -> None:
        await asyncio.sleep(delay_s)
        order.append(delay_s)

    await asyncio.gather(*(note(delay_s) for delay_s in (3, 1, 2)))
    assert order == [1, 2, 3]


async def test_a_thread_is_waited_for(leaping_clock: object) -> None:
    assert await asyncio.to_thread(int, "7") == 7
