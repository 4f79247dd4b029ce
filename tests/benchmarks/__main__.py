"""The command behind `make bench`: measure, compare, print.

It ends with 0 whatever it finds, because a benchmark is not a test.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.goals import GOALS, LAYERED
from tests.benchmarks.prices import PRICES
from tests.benchmarks.report import price_table, rows_of, shortfalls, table
from tests.benchmarks.rounds import ROOT, measure_in_process, measure_prices, run_rounds
from tests.benchmarks.work import SERVER
from tests.support.redis_server import running

CHANNELS_PYTHON = ROOT / ".venv-channels" / "bin" / "python"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments choose; return 0."""
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    workloads = [name for name in GOALS if chosen.keyword in name]
    prices = [name for name in PRICES if chosen.keyword in name]
    if not (workloads or prices):
        known = ", ".join((*GOALS, *PRICES))
        parser.error(f"no workload has {chosen.keyword!r} in its name; there are {known}")
    if workloads:
        compare(parser, chosen, workloads)
    if prices:
        print(f"\n{price_table(measure_prices(prices, chosen.rounds, chosen.scale))}")
    if chosen.scale != 1:
        print("\nThe goals are for the full amount of work; this was another one.")
    return 0


def compare(
    parser: argparse.ArgumentParser, chosen: argparse.Namespace, workloads: Sequence[str]
) -> None:
    """Measure the workloads beside Channels, and print what was measured."""
    if not chosen.channels_python.exists():
        parser.error(f"no Python at {chosen.channels_python}: `make bench` installs one")
    try:
        with server_for(workloads):
            samples, failures = run_rounds(
                workloads,
                chosen.rounds,
                measure_in_process(chosen.channels_python, chosen.scale),
                with_floor=not chosen.no_floor,
                progress=True,
            )
    except FileNotFoundError as error:
        parser.error(str(error))
    rows = rows_of(samples)
    print(table(rows))
    if short := list(shortfalls(rows)):
        print("\nNot reached:", *short, sep="\n")
    elif not failures:
        print("\nEvery goal is reached.")
    for failure in failures:
        print(f"\n{failure}", file=sys.stderr)
    if chosen.json is not None:
        measured = {row.name: row.as_json() for row in rows}
        chosen.json.write_text(json.dumps({"rounds": chosen.rounds, "workloads": measured}))


@contextmanager
def server_for(workloads: Sequence[str]) -> Iterator[None]:
    """Run a Redis server while the context lasts, if one of the workloads needs it."""
    if not any(name in LAYERED for name in workloads):
        yield
        return
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as server:
        os.environ[SERVER] = server.url
        yield


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "-k", dest="keyword", default="", help="only workloads with this in the name"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=int(os.environ.get("ROUNDS") or 5),
        help="how often each is measured (5, or the variable ROUNDS)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every sample there")
    parser.add_argument(
        "--no-floor", action="store_true", help="leave out the loops without a framework"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="part of the usual amount of work")
    parser.add_argument(
        "--channels-python",
        type=Path,
        default=CHANNELS_PYTHON,
        help="the interpreter of an environment with Channels",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
