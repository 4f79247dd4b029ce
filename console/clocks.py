"""What must be added to the clocks of several processes so that no effect is before its cause.

Owns the arithmetic. A message is received after it was sent: that bounds by how much the
two clocks can differ, and nothing else is known of them. So each clock is moved by as little
as makes that true, and one that contradicts nothing is left alone. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ROUNDING_S = 1e-6
"""Floats of seconds since 1970 are not finer than a quarter of this."""

_FAR = float("inf")


@dataclass(frozen=True, slots=True)
class Crossing:
    """What went from one clock to another: sent and seen, each by its own clock."""

    sender: str
    sent_at: float
    receiver: str
    seen_at: float


def corrections(crossings: Iterable[Crossing], reference: str) -> dict[str, float]:
    """Return the seconds to add to what each clock said; 0.0 for one that contradicts nothing.

    Args:
        reference: the clock that is believed.

    Clocks that run apart so fast that no constant sets them right are left as they are.
    """
    least = _least_differences(crossings)
    clocks = sorted({reference, *(clock for pair in least for clock in pair)})
    fixed = {reference: 0.0}
    for clock in clocks:
        if clock not in fixed:
            low, high = _bounds(clock, least, fixed)
            if low > high + ROUNDING_S:
                return dict.fromkeys(clocks, 0.0)
            fixed[clock] = min(max(0.0, low), high)
    is_possible = all(
        fixed[receiver] - fixed[sender] >= least_s - ROUNDING_S
        for (sender, receiver), least_s in least.items()
    )
    return fixed if is_possible else dict.fromkeys(clocks, 0.0)


def _least_differences(crossings: Iterable[Crossing]) -> dict[tuple[str, str], float]:
    """Return for each (sender, receiver) by how much more the receiver's clock must be moved."""
    least: dict[tuple[str, str], float] = {}
    for crossing in crossings:
        if crossing.sender != crossing.receiver:
            pair = crossing.sender, crossing.receiver
            least[pair] = max(least.get(pair, -_FAR), crossing.sent_at - crossing.seen_at)
    return least


def _bounds(
    clock: str, least: Mapping[tuple[str, str], float], fixed: Mapping[str, float]
) -> tuple[float, float]:
    """Return between what the correction of `clock` lies, given those that are fixed.

    Also by way of clocks that are not fixed yet: else a choice now could leave none to them.
    """
    low = _longest({one: fixed[one] for one in fixed}, least)
    backwards = {(receiver, sender): least_s for (sender, receiver), least_s in least.items()}
    high = _longest({one: -fixed[one] for one in fixed}, backwards)
    return low.get(clock, -_FAR), -high.get(clock, -_FAR)


def _longest(
    start: Mapping[str, float], edges: Mapping[tuple[str, str], float]
) -> dict[str, float]:
    """Return the longest way to each clock from any that `start` has a value for."""
    reached = dict(start)
    for _ in range(len(edges) + 1):
        has_changed = False
        for (source, target), length in edges.items():
            if source in reached and reached[source] + length > reached.get(target, -_FAR) + 1e-9:
                if target in start:
                    continue  # its value is given; whether it can be is asked at the end
                reached[target] = reached[source] + length
                has_changed = True
        if not has_changed:
            break
    return reached
