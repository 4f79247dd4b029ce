"""Signals over time, as a page shows them and as its socket brings them up to date.

Owns what a chart is made of: its lines with what each is now in words, and the sentence that
says the same to who cannot see it. Drawn by `js/chart.js`, and written by `parts/chart.html`.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

Mark: TypeAlias = Literal["ch", "dir"]

STEPS_A_MINUTE = 6
TIME_BASES = (2, 5, 10)
"""Minutes that a chart may show: those that are chosen, or the least that hold what there is."""

PLACES = 3
"""Digits of a value that a chart can show: more would be sent for nothing."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One line.

    Attributes:
        name: what it is called; `unit` follows what it says, such as "/s".
        mark, value: the attribute that colours it: a direction, or a channel "1" to "3".
        said: its value now, in words.
        values: oldest first; None where there is none.
        icon: of its direction; "" for a stroke of its own colour.
    """

    name: str
    mark: Mark
    value: str
    said: str
    values: Sequence[float | None]
    unit: str = ""
    icon: str = ""
    is_area: bool = False
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One screen.

    Attributes:
        id: of its figure.
        sentence: what its lines are now, for who cannot see them.
        least: what its upper edge is at least, so that noise does not fill it.
        minutes: of which time it is, up to now.
    """

    id: str
    title: str
    sentence: str
    signals: tuple[Signal, ...]
    least: float = 1.0
    minutes: int = TIME_BASES[-1]

    @property
    def data_id(self) -> str:
        """The id of the element that holds its data."""
        return f"{self.id}-data"

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script takes."""
        return {
            "sentence": self.sentence,
            "least": self.least,
            "axis": self.axis,
            "signals": [_plain(signal, self.minutes) for signal in self.signals],
        }

    @property
    def axis(self) -> list[str]:
        """What stands below it, from left to right."""
        whole = range(self.minutes, 0, -max(self.minutes // 5, 1))
        first, *others = (f"\u2212{minutes}" for minutes in whole)
        return [f"{first} min", *others, "now"]


def time_base(age_s: float) -> int:
    """Return how many minutes a chart shows of processes of which the oldest has run so long."""
    return next((minutes for minutes in TIME_BASES if age_s <= minutes * 60), TIME_BASES[-1])


def chosen_base(text: str) -> int | None:
    """Return the minutes that an address names; None for none that a chart may show."""
    return next((minutes for minutes in TIME_BASES if str(minutes) == text), None)


def _plain(signal: Signal, minutes: int) -> dict[str, Any]:
    return {
        "name": signal.name,
        "mark": signal.mark,
        "value": signal.value,
        "said": signal.said,
        "values": [_short(value) for value in signal.values[-minutes * STEPS_A_MINUTE :]],
        "is_area": signal.is_area,
        "is_dashed": signal.is_dashed,
    }


@lru_cache(maxsize=4096)
def _short(value: float | None) -> float | None:
    """Return a value with no more digits than are seen; those of steps that are over stay."""
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.{PLACES}g}")
