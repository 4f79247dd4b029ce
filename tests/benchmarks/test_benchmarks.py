"""Every workload still runs, on tiny amounts, so that no benchmark rots unseen.

How fast anything is cannot be tested on a shared machine; `make bench` measures it.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest

from runtime.layers import channel_layers
from runtime.taps import HOOKS, taps
from tests.benchmarks.bare import Bare
from tests.benchmarks.goals import GOALS, LAYERED
from tests.benchmarks.idle import idle_observer
from tests.benchmarks.measure import WORKLOADS
from tests.benchmarks.packaged import Package
from tests.benchmarks.prices import PRICES
from tests.benchmarks.rounds import ROOT
from tests.benchmarks.untapped import without_taps
from tests.benchmarks.work import SERVER, Work
from tests.support.observing import observed
from tests.support.redis_server import RedisServer

TINY = 0.002
SERVED = {name for name in WORKLOADS if name.endswith(("_daphne", "_uvicorn"))}
RAW = sorted(set(WORKLOADS) - SERVED - LAYERED)


@pytest.fixture
def bench_server(own_redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server for the workloads, which empty it before they start."""
    monkeypatch.setenv(SERVER, own_redis_server.url)


@pytest.mark.parametrize("name", RAW)
async def test_a_workload_runs_on_the_runtime(name: str) -> None:
    assert await WORKLOADS[name](Work(Package("runtime"), TINY)) > 0


@pytest.mark.parametrize("name", RAW)
async def test_a_workload_runs_without_a_framework(name: str) -> None:
    assert await WORKLOADS[name](Work(Bare(), TINY)) > 0


@pytest.mark.usefixtures("bench_server")
@pytest.mark.parametrize("name", sorted(LAYERED))
async def test_a_workload_of_layers_runs_on_the_runtime(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel_layers, "backends", {})
    assert await WORKLOADS[name](Work(Package("runtime"), TINY)) >= 0


@pytest.mark.usefixtures("bench_server")
@pytest.mark.parametrize("name", sorted(LAYERED))
async def test_a_workload_of_layers_runs_on_a_bare_connection(name: str) -> None:
    assert await WORKLOADS[name](Work(Bare(), TINY)) >= 0


@pytest.mark.parametrize("name", [name for name in GOALS if GOALS[name].is_observed])
async def test_an_observer_hears_of_an_observed_workload(name: str) -> None:
    with observed() as notebook:
        await WORKLOADS[name](Work(Package("runtime", has_boundary=True), TINY))
    assert {"scope_opened", "handler_started", "event_sent"} <= set(notebook.names())


@pytest.mark.parametrize("name", sorted(SERVED))
async def test_a_workload_runs_through_a_server(name: str) -> None:
    assert await WORKLOADS[name](Work(Package("runtime"), TINY)) > 0


def test_every_workload_has_a_goal_and_says_what_an_operation_is() -> None:
    assert set(WORKLOADS) == set(GOALS)
    assert all(run.__doc__ for run in WORKLOADS.values())


def test_every_workload_is_documented_in_its_own_words() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z0-9_]+)` \| (.+) \|$", page, re.MULTILINE)
    workloads = [(name, WORKLOADS[name].__doc__) for name in GOALS]
    prices = [
        (name, f"{price.measure.__doc__} | {price.at_most:.2f}") for name, price in PRICES.items()
    ]
    assert documented == workloads + prices


@pytest.mark.parametrize("name", PRICES)
def test_a_price_can_be_measured(name: str) -> None:
    # In a process of its own, as it is measured: a site and its settings are made for it.
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.prices", name, "--scale", str(TINY)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
    assert "Traceback" not in done.stderr


def test_the_copy_without_taps_is_the_runtime_without_them() -> None:
    source = (ROOT / "runtime" / "mailbox.py").read_text(encoding="utf-8")
    stripped = ast.unparse(without_taps(source))
    assert "taps.message_delivered" in source
    assert "taps.message_delivered" not in stripped
    assert "def offer" in stripped


def test_the_idle_observer_hears_everything() -> None:
    with idle_observer():
        assert all(getattr(taps, hook) is not None for hook in HOOKS)
