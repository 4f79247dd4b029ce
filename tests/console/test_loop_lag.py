from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from console import loop_lag
from console.loop_lag import EVERY_S, KEPT, LINGER_S, LoopLag, OwnLag


class Loop:
    """An event loop whose clock somebody else turns."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[float, Any]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Any, *given: Any) -> Any:
        self.calls.append((when, partial(callback, *given)))
        return self

    def cancel(self) -> None:
        self.calls.clear()

    def run(self, late_s: float = 0.0) -> None:
        """Run what is due next, too late."""
        when, callback = self.calls.pop(0)
        self.now = when + late_s
        callback()


def test_it_knows_the_worst_since_it_was_asked_to_forget() -> None:
    loop = Loop()
    lag = LoopLag(loop)  # type: ignore[arg-type]  # as much of one as it uses
    with lag.measured():
        for late_s in (0.01, 0.3, 0.02):
            loop.run(late_s)
        assert lag.most_s == pytest.approx(0.3)
        lag.reset()
        loop.run(0.04)
        assert lag.most_s == pytest.approx(0.04)


def test_it_measures_only_while_somebody_wants_to_know() -> None:
    loop = Loop()
    lag = LoopLag(loop)  # type: ignore[arg-type]  # as much of one as it uses
    with lag.measured():
        loop.run(0.3)
        assert [when for when, _ in loop.calls] == [pytest.approx(2 * EVERY_S + 0.3)]
    assert loop.calls == []
    assert lag.most_s == 0.0


async def test_an_event_loop_that_is_held_up_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "EVERY_S", 0.01)
    lag = LoopLag(asyncio.get_running_loop())
    with lag.measured():
        until = asyncio.get_running_loop().time() + 0.03
        while asyncio.get_running_loop().time() < until:
            pass
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert lag.most_s >= 0.015


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> tuple[OwnLag, Loop]:
    loop = Loop()
    monkeypatch.setattr("console.loop_lag.asyncio.get_running_loop", lambda: loop)
    return OwnLag(), loop


def test_who_looks_again_sees_the_worst_of_late(own: tuple[OwnLag, Loop]) -> None:
    lag, loop = own
    assert lag.look() == 0.0
    for late_s in (0.01, 0.3, 0.02):
        loop.run(late_s)
    assert lag.look() == pytest.approx(0.3)
    for _ in range(KEPT - 1):
        loop.run()
    assert lag.look() < 0.03


def test_it_ends_by_itself_when_nobody_looks_any_more(own: tuple[OwnLag, Loop]) -> None:
    lag, loop = own
    lag.look()
    while loop.calls:
        loop.run(0.1)
    assert loop.now >= LINGER_S
    assert lag.look() == 0.0
    assert len(loop.calls) == 1


def test_a_loop_that_has_ended_is_no_other_s(
    own: tuple[OwnLag, Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    lag, old = own
    lag.look()
    old.run(0.5)
    new = Loop()
    monkeypatch.setattr("console.loop_lag.asyncio.get_running_loop", lambda: new)
    assert lag.look() == 0.0
    old.run(0.5)
    assert (lag.look(), old.calls) == (0.0, [])


async def test_a_thread_is_told_and_begins_nothing() -> None:
    lag = OwnLag()
    assert await asyncio.to_thread(lag.look) == 0.0
    assert lag._loop is None
