"""Run one workload in this process and print what one operation cost.

`python -m tests.benchmarks.measure FLAVOUR WORKLOAD`, where the flavour is `runtime`,
`channels`, `bare`, or `observed`: that one prints how many times the cost is with an
observer whose methods do nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Awaitable, Callable

from tests.benchmarks import layers, served, workloads  # noqa: F401 - they fill the table
from tests.benchmarks.flavours import flavour_of
from tests.benchmarks.packaged import Package
from tests.benchmarks.work import WORKLOADS, Work

FLAVOURS = ("runtime", "channels", "bare", "observed")
ALTERNATIONS = 7


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.measure")
    parser.add_argument("flavour", choices=FLAVOURS)
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--scale", type=float, default=1.0, help="part of the usual amount")
    chosen = parser.parse_args()
    run = WORKLOADS[chosen.workload]
    if chosen.flavour == "observed":
        cost = measure_observer(run, chosen.scale)
    else:
        cost = asyncio.run(run(Work(flavour_of(chosen.flavour), chosen.scale)))
    print(cost)


def measure_observer(run: Callable[[Work], Awaitable[float]], scale: float) -> float:
    """Return the cost with an idle observer, divided by the cost without one.

    Both are measured in turn in one process: what is asked for is a few per cent, which is
    less than what two processes differ by.
    """
    # Not at the top: an environment that measures Channels need not be able to import the runtime.
    from tests.benchmarks.idle import idle_observer

    flavour_of("runtime")
    work = Work(Package("runtime", has_boundary=True), scale / 2)
    ratios = []
    for turn in range(ALTERNATIONS):
        without = asyncio.run(run(work))
        with idle_observer():
            observed = asyncio.run(run(work))
        if turn:  # the first one warms up
            ratios.append(observed / without)
    return statistics.median(ratios)


if __name__ == "__main__":
    main()
