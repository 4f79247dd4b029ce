"""The price of observation: what the console costs the application, beside none.

Each price is one number, the cost with divided by the cost without, both measured in turn, so
that what disturbs the machine disturbs both. Run by `make bench`, or one alone in this process:
`python -m tests.benchmarks.prices NAME`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from tests.benchmarks import served, workloads
from tests.benchmarks.flavours import flavour_of
from tests.benchmarks.packaged import Package
from tests.benchmarks.work import Flavour, Work

SITE = "tests.benchmarks.watched_site:application"
TURNS = 9
"""Of which the first warms up."""

PAIRS = 3
"""Of servers, for one price."""

MESSAGES = 1_500
WARM_UP = 1_000
CONNECTIONS = 50
CONSOLES = 3


@dataclass(frozen=True, slots=True)
class Price:
    """One price.

    Attributes:
        measure: returns how many times the cost is; takes the part of the usual work.
        at_most: what it is to be at most.
    """

    measure: Callable[[float], Awaitable[float]]
    at_most: float


PRICES: dict[str, Price] = {}


def price(
    at_most: float,
) -> Callable[[Callable[[float], Awaitable[float]]], Callable[[float], Awaitable[float]]]:
    """Enter a coroutine function into the table, under its name; its docstring names it."""

    def enter(measure: Callable[[float], Awaitable[float]]) -> Callable[[float], Awaitable[float]]:
        PRICES[measure.__name__] = Price(measure, at_most)
        return measure

    return enter


@price(1.10)
async def price_uvicorn(scale: float) -> float:
    """echo through Uvicorn, recorded, and nobody watches"""
    return await compare_servers(served.UVICORN, 0, scale)


@price(1.25)
async def price_uvicorn_watched(scale: float) -> float:
    """echo through Uvicorn, with three pages of the console open"""
    return await compare_servers(served.UVICORN, CONSOLES, scale)


@price(1.05)
async def price_daphne(scale: float) -> float:
    """echo through Daphne, recorded, and nobody watches"""
    return await compare_servers(served.DAPHNE, 0, scale)


@price(1.15)
async def price_daphne_watched(scale: float) -> float:
    """echo through Daphne, with three pages of the console open"""
    return await compare_servers(served.DAPHNE, CONSOLES, scale)


@price(1.5)
async def price_echo(scale: float) -> float:
    """echo in process, without a server, recorded"""
    return await compare_recorded(workloads.async_echo, scale)


@price(1.5)
async def price_broadcast(scale: float) -> float:
    """group_send in memory to 1,000 members, recorded"""
    return await compare_recorded(workloads.broadcast_1000, scale)


@price(1.02)
async def price_of_taps(scale: float) -> float:
    """echo in process, with taps that nobody listens to, beside a runtime without any"""
    from tests.benchmarks import untapped

    flavour_of("runtime")
    untapped.install()

    async def run(name: str) -> float:
        return await workloads.async_echo(Work(Package(name, has_boundary=True), scale))

    return await compare(lambda: run("runtime"), lambda: run(untapped.NAME), turns=2 * TURNS)


async def compare_servers(server: tuple[str, ...], consoles: int, scale: float) -> float:
    """Return the cost of an echo through an observed server, beside one that is not.

    Several of each are started: the same server differs from itself, started anew, by a twentieth.
    """
    pairs = max(1, round(PAIRS * min(scale, 1)))
    return statistics.median([await compare_pair(server, consoles, scale) for _ in range(pairs)])


async def compare_pair(server: tuple[str, ...], consoles: int, scale: float) -> float:
    """Do so with one server of each kind."""
    with ExitStack() as stack:
        without = stack.enter_context(running(server, is_observed=False, consoles=0))
        observed = stack.enter_context(running(server, is_observed=True, consoles=consoles))
        count = max(1, round(CONNECTIONS * min(scale, 1)))
        sides = [await served.connect(at, "/echo/", count) for at in (without, observed)]

        async def play(clients: list[served.SocketClient], usual: int) -> float:
            messages = max(1, round(usual * scale))
            began = time.perf_counter()
            await served.play_ping_pong(clients, messages)
            return (time.perf_counter() - began) / messages

        for clients in sides:
            await play(clients, WARM_UP)
        cost = await compare(lambda: play(sides[1], MESSAGES), lambda: play(sides[0], MESSAGES))
        for clients in sides:
            served.close(clients)
    return cost


@contextmanager
def running(
    server: tuple[str, ...], *, is_observed: bool, consoles: int
) -> Iterator[tuple[str, int]]:
    """Run a server of the site, observed or not; yield its address."""
    variables = {"BENCH_OBSERVED": str(int(is_observed)), "BENCH_CONSOLES": str(consoles)}
    words = tuple(SITE if word == served.APPLICATION else word for word in server)
    flavour: Flavour = Package("runtime")
    with patch.dict(os.environ, variables), served.running(words, flavour) as address:
        yield address


async def compare_recorded(run: Callable[[Work], Awaitable[float]], scale: float) -> float:
    """Return the cost of a workload with a recorder that listens, beside one without."""
    from runtime.taps import taps
    from tests.console.recording import PROCESS

    flavour_of("runtime")
    from console.conf import Settings
    from console.recorder import Recorder

    work = Work(Package("runtime", has_boundary=True), scale / 2)

    async def recorded() -> float:
        recorder = Recorder(PROCESS, Settings())
        taps.attach(recorder)
        try:
            return await run(work)
        finally:
            taps.detach(recorder)

    return await compare(recorded, lambda: run(work))


async def compare(
    costly: Callable[[], Awaitable[float]],
    plain: Callable[[], Awaitable[float]],
    *,
    turns: int = TURNS,
) -> float:
    """Return the median of `costly()` divided by `plain()`, which take turns at being first."""
    ratios = []
    for turn in range(turns):
        if turn % 2:
            cost = await costly()
            ratio = cost / await plain()
        else:
            cost = await plain()
            ratio = await costly() / cost
        if turn:
            ratios.append(ratio)
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.prices")
    parser.add_argument("price", choices=PRICES)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the usual amount")
    chosen = parser.parse_args()
    print(asyncio.run(PRICES[chosen.price].measure(chosen.scale)))


if __name__ == "__main__":
    main()
