"""Many measurements, each in a fresh process, the flavours in turn.

A shared machine is fast in one minute and slow in the next. Within a round, Channels is
measured right after the runtime, so that what both are divided by is the same minute;
a round goes through all workloads before the next begins.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from tests.benchmarks.goals import GOALS

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 300

Samples: TypeAlias = dict[str, dict[str, list[float]]]
"""{workload: {flavour: one cost a round}}."""

Measure: TypeAlias = Callable[[str, str], float]
"""Takes a flavour and a workload, returns the cost."""


class MeasurementFailed(Exception):
    """A process that measures did not print a number.

    Args:
        flavour: that it measured.
        workload: that it ran.
        said: the end of what it wrote.
    """

    def __init__(self, flavour: str, workload: str, said: str) -> None:
        super().__init__(flavour, workload, said)
        self.flavour, self.workload, self.said = flavour, workload, said

    def __str__(self) -> str:
        return f"{self.workload} on {self.flavour} failed:\n{self.said}"


def run_rounds(
    workloads: Sequence[str], rounds: int, measure: Measure, *, with_floor: bool, progress: bool
) -> tuple[Samples, list[MeasurementFailed]]:
    """Measure every workload `rounds` times; return the costs, and what has failed."""
    samples: Samples = {name: defaultdict(list) for name in workloads}
    failures: list[MeasurementFailed] = []
    broken: set[str] = set()
    for number in range(rounds):
        for name in workloads:
            if name in broken or number >= GOALS[name].most_rounds:
                continue
            if progress:
                print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            try:
                for flavour in flavours_for(name, with_floor=with_floor):
                    samples[name][flavour].append(measure(flavour, name))
            except MeasurementFailed as failure:
                broken.add(name)
                failures.append(failure)
    return samples, failures


def flavours_for(workload: str, *, with_floor: bool) -> Iterator[str]:
    """Yield what is measured in one round of a workload, in order."""
    yield "runtime"
    yield "channels"
    if with_floor:
        yield "bare"
    if GOALS[workload].is_observed:
        yield "observed"


def measure_in_process(channels_python: Path, scale: float) -> Measure:
    """Return a function that measures in a new process.

    Args:
        channels_python: the interpreter of the environment that has Channels.
        scale: part of the usual amount of work.
    """

    def measure(flavour: str, workload: str) -> float:
        python = channels_python if flavour == "channels" else Path(sys.executable)
        words = ["tests.benchmarks.measure", flavour, workload, "--scale", str(scale)]
        return _run(python, words, flavour, workload)

    return measure


def measure_prices(names: Sequence[str], rounds: int, scale: float) -> Samples:
    """Return what each price was in each round; one that cannot be measured has none."""
    prices: Samples = {name: defaultdict(list) for name in names}
    for number in range(rounds):
        for name in names:
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            words = ["tests.benchmarks.prices", name, "--scale", str(scale)]
            try:
                measured = _run(Path(sys.executable), words, "runtime", name)
            except MeasurementFailed as failure:
                print(failure, file=sys.stderr)
            else:
                prices[name]["runtime"].append(measured)
    return prices


def _run(python: Path, words: Sequence[str], flavour: str, workload: str) -> float:
    """Return the number that a module prints."""
    # A group of its own, so that a server that it has started ends with it.
    process = subprocess.Popen(
        [python, "-m", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    try:
        cost, said = process.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise MeasurementFailed(flavour, workload, f"no end after {LONGEST_S} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise MeasurementFailed(flavour, workload, said[-2_000:])
    return float(cost.split()[-1])
