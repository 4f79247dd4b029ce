import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync

from runtime.drops import drops
from runtime.layers import InMemoryChannelLayer
from runtime.layers.timer import SweepTimer
from runtime.taps import muted
from tests.support.observing import observed
from tests.support.playbook import eventually

MESSAGE = {"type": "job"}
EXPIRED = ("jobs", "expired")


class Sweeps:
    """Counts its calls; each asks for another until none is left."""

    def __init__(self, *delays_s):
        self.delays_s = list(delays_s)
        self.count = 0

    def __call__(self):
        self.count += 1
        return self.delays_s.pop(0) if self.delays_s else None


async def test_it_fires_as_often_as_the_sweep_asks_for():
    sweeps = Sweeps(0, 0)
    timer = SweepTimer(sweeps, threading.RLock())
    timer.start(0)
    assert timer.is_set
    await eventually(lambda: not timer.is_set)
    assert sweeps.count == 3


async def test_it_waits_once_however_often_it_is_started():
    sweeps = Sweeps()
    timer = SweepTimer(sweeps, threading.RLock())
    for _ in range(10):
        timer.start(0)
    await eventually(lambda: not timer.is_set)
    assert sweeps.count == 1


async def test_it_does_not_fire_when_it_was_stopped():
    sweeps = Sweeps()
    timer = SweepTimer(sweeps, threading.RLock())
    timer.start(0)
    timer.stop()
    assert not timer.is_set
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0, done.set)
    await done.wait()
    assert sweeps.count == 0


def test_the_next_loop_takes_over_from_one_that_is_closed():
    sweeps = Sweeps()
    timer = SweepTimer(sweeps, threading.RLock())

    async def start(delay_s):
        timer.start(delay_s)

    async def see_it_fire():
        timer.start(0)
        await eventually(lambda: not timer.is_set)

    asyncio.run(start(3_600))
    assert not timer.is_set
    asyncio.run(see_it_fire())
    assert sweeps.count == 1


async def test_a_thread_without_a_loop_leaves_it_to_the_loop_that_lasts():
    sweeps = Sweeps()
    timer = SweepTimer(sweeps, threading.RLock())
    timer.start(0)
    await eventually(lambda: not timer.is_set)

    @async_to_sync
    async def start():
        timer.start(0)

    await asyncio.to_thread(start)
    await eventually(lambda: not timer.is_set)
    assert sweeps.count == 2


def test_a_thread_without_any_other_loop_starts_nothing():
    timer = SweepTimer(Sweeps(), threading.RLock())

    @async_to_sync
    async def start():
        timer.start(0)
        return timer.is_set

    assert start() is False


async def test_a_message_that_nobody_takes_goes_away_by_itself():
    layer = InMemoryChannelLayer(expiry=0.02)
    with observed() as notebook:
        await layer.send("jobs", MESSAGE)
        await layer.send("mail", MESSAGE)
        await eventually(lambda: not layer.channels)
    assert [drop[1:4] for drop in notebook.of("message_dropped")] == [
        ("jobs", MESSAGE, "expired"),
        ("mail", MESSAGE, "expired"),
    ]
    assert not layer._timer.is_set


@pytest.mark.usefixtures("leaping_clock")
async def test_it_goes_away_a_while_after_its_time():
    """A suite may look at what a layer has kept, right when its time is over."""
    layer = InMemoryChannelLayer(expiry=60)
    await layer.send("jobs", MESSAGE)
    await asyncio.sleep(60)  # as long as the message lives: this is what is tested
    await layer.send("mail", MESSAGE)
    assert len(layer.channels) == 2
    assert await layer.receive("mail") == MESSAGE
    assert not layer.channels


@pytest.mark.usefixtures("leaping_clock")
async def test_one_that_is_taken_in_time_is_no_loss():
    layer = InMemoryChannelLayer(expiry=60)
    await layer.send("jobs", MESSAGE)
    await layer.receive("jobs")
    await asyncio.sleep(120)
    assert not layer._timer.is_set
    assert not drops.counts


async def test_the_last_of_a_row_goes_away_as_the_first_does():
    layer = InMemoryChannelLayer(expiry=0.02)
    for _ in range(3):
        await layer.send("jobs", MESSAGE)
        await asyncio.sleep(0.005)
    await eventually(lambda: drops.counts[EXPIRED] == 3)


async def test_a_sender_that_is_not_observed_hides_no_other_ones_loss():
    layer = InMemoryChannelLayer(expiry=0.02)
    with muted():
        await layer.send("hidden", MESSAGE)
    await layer.send("jobs", MESSAGE)
    await eventually(lambda: drops.counts[EXPIRED] == 1)


async def test_what_another_thread_sent_goes_away_too():
    layer = InMemoryChannelLayer(expiry=0.02)
    await layer.send("jobs", MESSAGE)
    thread = threading.Thread(target=async_to_sync(layer.send), args=("jobs", MESSAGE))
    await asyncio.to_thread(thread.start)
    await eventually(lambda: drops.counts[EXPIRED] == 2)
    await asyncio.to_thread(thread.join)


@pytest.mark.parametrize("rounds", [2])
def test_a_layer_goes_on_from_loop_to_loop(rounds):
    layer = InMemoryChannelLayer(expiry=0.02)

    async def lose_one(count):
        await layer.send("jobs", MESSAGE)
        await eventually(lambda: drops.counts[EXPIRED] == count)

    for count in range(1, rounds + 1):
        asyncio.run(lose_one(count))


async def test_a_closed_layer_waits_for_nothing():
    layer = InMemoryChannelLayer(expiry=3_600)
    await layer.send("jobs", MESSAGE)
    await layer.close()
    assert not layer._timer.is_set
