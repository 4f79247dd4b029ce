from __future__ import annotations

import asyncio
import threading

import pytest

from console.watch import LONGEST_S, SHARE
from tests.console.recording import Recording

SOON_S = 30
"""Of patience: what is to come comes at once, but where the machine is busy."""


@pytest.fixture
def recording() -> Recording:
    return Recording(BATCH_MS=20)


async def settle() -> None:
    """Let everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nobody_pays_while_nobody_watches(recording):
    assert recording.recorder.on_change is None
    async with recording.relay.watch(), recording.relay.watch():
        assert recording.recorder.on_change is not None
    assert recording.recorder.on_change is None


async def test_a_watcher_returns_when_something_has_changed(recording):
    async with recording.relay.watch() as watch:
        waiting = asyncio.ensure_future(watch.changed())
        await settle()
        assert not waiting.done()
        recording.open()
        await asyncio.wait_for(waiting, SOON_S)


async def test_what_changed_between_two_calls_is_not_missed(recording):
    async with recording.relay.watch() as watch:
        recording.open()
        await asyncio.wait_for(watch.changed(), SOON_S)
        recording.open()
        await asyncio.wait_for(watch.changed(), SOON_S)
        waiting = asyncio.ensure_future(watch.changed())
        await settle()
        assert not waiting.done()
        waiting.cancel()


@pytest.mark.usefixtures("leaping_clock")
async def test_two_returns_lie_a_batch_apart(recording):
    loop = asyncio.get_running_loop()
    async with recording.relay.watch() as watch:
        recording.open()
        await watch.changed()
        first = loop.time()
        for _ in range(100):
            recording.open()
        await asyncio.wait_for(watch.changed(), SOON_S)
        assert loop.time() - first == pytest.approx(0.02)


@pytest.mark.usefixtures("leaping_clock")
async def test_what_took_much_of_the_process_is_brought_up_to_date_less_often(recording):
    loop = asyncio.get_running_loop()
    async with recording.relay.watch() as watch:
        recording.open()
        await watch.changed()
        rested = loop.time()
        watch.rest(0.1 * SHARE)
        recording.open()
        await asyncio.wait_for(watch.changed(), SOON_S)
        assert loop.time() - rested == pytest.approx(0.1)


@pytest.mark.usefixtures("leaping_clock")
async def test_nobody_waits_longer_than_is_promised_whatever_it_took(recording):
    async with recording.relay.watch() as watch:
        recording.open()
        await watch.changed()
        watch.rest(3_600.0)
        recording.open()
        async with asyncio.timeout(LONGEST_S + 0.001):
            await watch.changed()


@pytest.mark.usefixtures("leaping_clock")
async def test_whoever_asks_by_itself_rests_too(recording):
    loop = asyncio.get_running_loop()
    async with recording.relay.watch() as watch:
        await asyncio.wait_for(watch.changed_within(0.01), SOON_S)
        rested = loop.time()
        watch.rest(0.1 * SHARE)
        await watch.changed_within(0.01)
        assert loop.time() - rested == pytest.approx(0.1, abs=0.011)


async def test_a_wait_that_was_given_up_loses_no_change(recording):
    async with recording.relay.watch() as watch:
        recording.open()
        await watch.changed()
        recording.open()
        given_up = asyncio.ensure_future(watch.changed())
        await settle()
        given_up.cancel()
        await asyncio.wait([given_up])
        await asyncio.wait_for(watch.changed(), SOON_S)


async def test_a_change_on_another_thread_wakes_the_watcher(recording):
    async with recording.relay.watch() as watch:
        thread = threading.Thread(target=recording.open)
        thread.start()
        await asyncio.wait_for(watch.changed(), SOON_S)
        thread.join()


def test_a_watcher_whose_loop_has_ended_does_no_harm(recording):
    async def begin() -> None:
        await recording.relay.watch().__aenter__()

    asyncio.run(begin())
    recording.open()
    assert len(recording.recorder.journal) == 1
