from __future__ import annotations

import asyncio

import pytest

from console.own_time import Timed
from tests.console.recording import Clock


async def test_what_others_do_while_it_waits_is_not_counted():
    clock = Clock(0.0)

    async def work() -> str:
        clock.advance(1)
        await asyncio.sleep(0)
        clock.advance(2)
        return "done"

    async def others() -> None:
        clock.advance(100)

    timed = Timed(work(), timer=clock)
    done, _ = await asyncio.gather(timed, others())
    assert (done, timed.seconds, clock.now) == ("done", 3.0, 103.0)


async def test_a_failure_passes_through_and_its_time_is_counted():
    clock = Clock(0.0)

    async def work() -> None:
        clock.advance(1)
        raise LookupError

    timed = Timed(work(), timer=clock)
    with pytest.raises(LookupError):
        await timed
    assert timed.seconds == 1.0


async def test_a_cancellation_reaches_what_is_timed():
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")

    async def wait() -> None:
        await Timed(work())

    waiting = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended == ["cleaned up"]


async def test_what_is_timed_may_handle_what_it_waited_for():
    async def work() -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(60)
        except TimeoutError:
            return "late"
        return "in time"

    assert await Timed(work()) == "late"
