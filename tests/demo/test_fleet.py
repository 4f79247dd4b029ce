"""Processes that are started, watched and ended together."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from console.demo.fleet import Fleet, Plan, ProcessEnded

SOON_S = 30
STAYS = "print('ready', flush=True); import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAYS}"
FAILS = "print('ready', flush=True); print('the disk is full', flush=True); raise SystemExit(3)"
NEVER_READY = "print('no licence', flush=True); raise SystemExit(7)"


def plan(name: str, code: str) -> Plan:
    return Plan(name, [sys.executable, "-c", code], ready="ready")


def pids(fleet: Fleet) -> list[int]:
    return [child._process.pid for together in fleet._started for child in together]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_all_are_ready_once_started_and_gone_at_the_end() -> None:
    async with Fleet() as fleet:
        await fleet.start([plan("one", STAYS), plan("two", STAYS)])
        started = pids(fleet)
        assert len(started) == 2
        assert all(map(is_there, started))
    assert not any(map(is_there, started))


async def test_one_that_ends_is_named_with_what_it_said_last() -> None:
    async with Fleet() as fleet:
        await fleet.start([plan("stays", STAYS), plan("fails", FAILS)])
        ended = await asyncio.wait_for(fleet.first_end(), SOON_S)
    assert (ended.name, ended.code, ended.said) == ("fails", 3, ["the disk is full"])
    assert str(ended) == (
        "fails ended with status 3; everything else is stopped too.\n  the disk is full"
    )


async def test_one_that_is_killed_is_named_with_the_signal() -> None:
    async with Fleet() as fleet:
        await fleet.start([plan("first", STAYS), plan("second", STAYS)])
        os.kill(pids(fleet)[1], signal.SIGKILL)
        ended = await asyncio.wait_for(fleet.first_end(), SOON_S)
    assert str(ended).startswith("second was killed by SIGKILL")


async def test_one_that_ends_before_it_is_ready_ends_the_start_and_the_others() -> None:
    async with Fleet() as fleet:
        with pytest.raises(ProcessEnded, match="never ended with status 7") as ended:
            await fleet.start([plan("other", STAYS), plan("never", NEVER_READY)])
        started = pids(fleet)
    assert ended.value.said == ["no licence"]
    assert not any(map(is_there, started))


async def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.demo.fleet.STOP_S", 0.1)
    async with Fleet() as fleet:
        await fleet.start([plan("stubborn", STUBBORN)])
        (pid,) = pids(fleet)
    assert not is_there(pid)
