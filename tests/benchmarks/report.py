"""What the measurements say: a table, and in plain words which goals are not reached.

Every number is a median over the rounds. A ratio is taken within a round, and its smallest and
largest stand beside it: how far they are apart is how much the machine was disturbed.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.goals import GOALS, OBSERVED_AT_MOST, Goal
from tests.benchmarks.prices import PRICES
from tests.benchmarks.rounds import Samples

COLUMNS = (
    "workload",
    "ours",
    "Channels",
    "Channels / ours",
    "goal",
    "reached",
    "floor",
    "observed",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One workload's measurements.

    Attributes:
        ours: the runtime's cost in each round, in the unit of the goal.
        channels: Channels' cost in the same rounds.
        bare: the cost without a framework.
        observed: the cost with an idle observer, divided by the cost without.
    """

    name: str
    goal: Goal
    ours: list[float]
    channels: list[float]
    bare: list[float] = field(default_factory=list)
    observed: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """How many times our cost Channels' is, in each round; empty where ours may be nothing."""
        if not all(self.ours):
            return []
        return [theirs / ours for ours, theirs in zip(self.ours, self.channels, strict=True)]

    @property
    def is_reached(self) -> bool:
        """Whether the median meets the goal."""
        if self.goal.factor is not None:
            return statistics.median(self.ratios) >= self.goal.factor
        return statistics.median(self.ours) <= (self.goal.at_most or 0)

    @property
    def is_observed_cheaply(self) -> bool:
        """Whether an observer costs as little as it shall, or was not measured."""
        return not self.observed or statistics.median(self.observed) <= OBSERVED_AT_MOST

    def as_json(self) -> dict[str, Any]:
        """Return all samples and what follows from them."""
        return {
            "goal": str(self.goal),
            "unit": self.goal.unit,
            "ours": self.ours,
            "channels": self.channels,
            "bare": self.bare,
            "observed": self.observed,
            "ratios": self.ratios,
            "reached": self.is_reached,
        }


def rows_of(samples: Samples) -> list[Row]:
    """Return a row for each workload that was measured on both."""
    return [
        Row(name, GOALS[name], of["runtime"], of["channels"], of["bare"], of["observed"])
        for name, of in samples.items()
        if of["runtime"] and len(of["runtime"]) == len(of["channels"])
    ]


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table whose source is aligned too."""
    cells = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    lines = [_line(line, widths) for line in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((lines[0], rule, *lines[1:]))


def price_table(samples: Samples) -> str:
    """Return the prices as a Markdown table: how many times the cost is, with observation."""
    cells: list[tuple[str, ...]] = [("price", "with / without", "at most", "reached")]
    for name, of in samples.items():
        if measured := of["runtime"]:
            median, goal = statistics.median(measured), PRICES[name].at_most
            said = f"{median:.2f} {_range(measured)}"
            cells.append((name, said, f"{goal:.2f}", "yes" if median <= goal else "no"))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((_line(cells[0], widths), rule, *(_line(one, widths) for one in cells[1:])))


def shortfalls(rows: Iterable[Row]) -> Iterator[str]:
    """Yield a sentence for each goal that is not reached."""
    for row in rows:
        if not row.is_reached:
            yield f"{row.name}: {_said(row)}, and {row.goal} was the goal."
        if not row.is_observed_cheaply:
            cost = statistics.median(row.observed)
            yield (
                f"{row.name}: an idle observer costs {cost:.2f} times as much as none, and"
                f" {OBSERVED_AT_MOST:g} was the goal."
            )


def _said(row: Row) -> str:
    if row.goal.factor is not None:
        return f"{_number(statistics.median(row.ratios))} times less than Channels"
    return f"{_number(statistics.median(row.ours))} {row.goal.unit}"


def _cells(row: Row) -> tuple[str, ...]:
    unit = row.goal.unit
    ratios = row.ratios
    return (
        row.name,
        f"{_number(statistics.median(row.ours))} {unit}",
        f"{_number(statistics.median(row.channels))} {unit}",
        f"{_number(statistics.median(ratios))} {_range(ratios)}" if ratios else "",
        str(row.goal),
        "yes" if row.is_reached else "no",
        f"{_number(statistics.median(row.bare))} {unit}" if row.bare else "",
        f"{statistics.median(row.observed):.2f} {_range(row.observed)}" if row.observed else "",
    )


def _range(values: list[float]) -> str:
    return f"({_number(min(values))} to {_number(max(values))})"


def _number(value: float) -> str:
    """Return three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "| " + " | ".join(padded) + " |"
