"""Durations counted in buckets, so that a million take as little room as ten.

Owns the buckets and the quantiles read from them. Counts are exact; a quantile is within
7 % of the true one, because a bucket is an eighth of an octave wide. Pure.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import compress
from math import ceil

BUCKETS = 225
"""From 1 µs to 2**30 µs, which is 18 minutes; the last one has all that took longer."""

LONGEST_S = 2**30 / 1e6
"""What took longer is said to have taken so long, where nobody knows better."""

MOST = 2**40
"""No bucket of another process has more in it."""

_LAST = BUCKETS - 1


def bucket_of(seconds: float) -> int:
    """Return the bucket of a duration; its bound belongs to it."""
    number = ceil(seconds * 1e6) - 1
    if number < 8:
        return number if number > 0 else 0
    shift = number.bit_length() - 4
    bucket = (shift << 3) + (number >> shift)
    return bucket if bucket < _LAST else _LAST


def bound_of(bucket: int) -> float:
    """Return the longest duration of a bucket, in seconds; of the last one infinity."""
    if bucket >= _LAST:
        return float("inf")
    shift = max((bucket >> 3) - 1, 0)
    return ((bucket - (shift << 3) + 1) << shift) / 1e6


def count_into(buckets: array[int], durations: Iterable[float]) -> None:
    """Count durations, many at once: sorting them finds their buckets in a fifth of the time."""
    ordered = sorted(durations)
    counted = 0
    while counted < len(ordered):
        bucket = bucket_of(ordered[counted])
        end = bisect_right(ordered, bound_of(bucket), counted)
        # What rounding has put beyond its bound is still of that bucket.
        end = max(end, counted + 1)
        buckets[bucket] += end - counted
        counted = end


def empty() -> array[int]:
    """Return buckets with nothing in them."""
    return array("Q", bytes(8 * BUCKETS))


def sparse(buckets: Sequence[int]) -> tuple[int, ...]:
    """Return the buckets that have something in them as number, count, number, count, ..."""
    pairs: list[int] = []
    for number in compress(range(len(buckets)), buckets):
        pairs += (number, buckets[number])
    return tuple(pairs)


def add_sparse(into: array[int], pairs: Sequence[int]) -> None:
    """Add what `sparse()` has returned, here or in another process; what is none is passed over."""
    for number, count in zip(pairs[::2], pairs[1::2], strict=False):
        if 0 <= number < BUCKETS and 0 < count <= MOST:
            into[number] += count


def quantile(buckets: Sequence[int], share: float, longest_s: float) -> float:
    """Return the duration that `share` of those counted do not exceed, in seconds.

    Args:
        share: 0.5 for the median, 0.95, or any other of 0 to 1.
        longest_s: the longest that was counted, which is known exactly.
    """
    wanted = max(ceil(share * sum(buckets)), 1)
    for bucket, count in enumerate(buckets):
        wanted -= count
        if wanted <= 0:
            middle = (bound_of(bucket - 1) + bound_of(bucket)) / 2 if bucket else bound_of(0)
            return min(middle, longest_s)
    return 0.0


def cumulative(buckets: Sequence[int], bounds: Iterable[float]) -> list[int]:
    """Return how many did not exceed each of `bounds`, which are bounds of buckets, ascending."""
    counts = []
    counted, bucket = 0, 0
    for bound in bounds:
        while bucket < _LAST and bound_of(bucket) <= bound:
            counted += buckets[bucket]
            bucket += 1
        counts.append(counted)
    return counts
