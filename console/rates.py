"""How much happens in a second, counted from the ring when somebody asks.

Owns the arithmetic. Nothing is counted when things happen: the entries of the last
seconds are at hand, and a ring that is full of less than that says so. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from console.entry import DIRECTIONS, Direction
from console.journal import Journal

WINDOW_S = 10.0
LEAST_S = 0.25
"""What is divided by at least, so that a ring that fills at once gives no absurd rate."""


def rates(journal: Journal, now: float) -> Mapping[Direction, float]:
    """Return happenings a second over the last 10 s, by direction; 0.0 for those without any."""
    counts: Counter[Direction] = Counter()
    span_s = WINDOW_S
    kinds = journal.kinds_since(now - WINDOW_S)
    for kind, count in kinds.items():
        counts[DIRECTIONS[kind]] += count
    if kinds and kinds.total() == len(journal) and journal.first_offset > 0:
        span_s = max(now - next(iter(journal)).at, LEAST_S)  # older ones are gone, not counted
    return {direction: counts[direction] / span_s for direction in DIRECTIONS.values()}
