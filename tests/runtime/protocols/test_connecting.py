import asyncio

import pytest

from runtime.protocols import connecting
from runtime.protocols.connecting import Backoff, stay_connected


def test_each_failure_waits_longer_up_to_the_longest():
    backoff = Backoff(1.0, 8.0, jitter=lambda: 1.0)
    assert [backoff.next_s() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_half_of_a_delay_is_chance():
    lots = iter([0.0, 0.5, 1.0])
    backoff = Backoff(4.0, 4.0, jitter=lambda: next(lots))
    assert [backoff.next_s() for _ in range(3)] == [2.0, 3.0, 4.0]


def test_a_success_begins_anew():
    backoff = Backoff(1.0, 60.0, jitter=lambda: 1.0)
    backoff.next_s(), backoff.next_s()
    backoff.succeed()
    assert backoff.next_s() == 1.0


def test_a_thousand_failures_are_no_overflow():
    backoff = Backoff(1.0, 60.0, jitter=lambda: 1.0)
    assert [backoff.next_s() for _ in range(1100)][-1] == 60.0


async def test_a_lost_connection_is_made_again_and_another_error_is_raised(monkeypatch, caplog):
    slept = []

    async def sleep(delay_s):
        slept.append(delay_s)

    monkeypatch.setattr(connecting.asyncio, "sleep", sleep)
    backoff = Backoff(1.0, 60.0, jitter=lambda: 1.0)
    outcomes = iter([OSError("refused"), OSError(), None, KeyError("ours")])

    async def connect():
        outcome = next(outcomes)
        if outcome is None:
            backoff.succeed()
        else:
            raise outcome

    with pytest.raises(KeyError):
        await stay_connected(connect, backoff, to="the broker", lost=OSError)
    assert slept == [1.0, 2.0, 1.0]
    assert "No connection to the broker: refused. Again in 1.0 s." in caplog.text
    assert "the other side has closed it" in caplog.text


async def test_a_cancellation_ends_it():
    async def connect():
        await asyncio.Event().wait()

    task = asyncio.ensure_future(stay_connected(connect, Backoff(), to="the broker", lost=OSError))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
