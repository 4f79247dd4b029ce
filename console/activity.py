"""What a process did in the last 10 minutes, small enough to be said once a second.

Owns the shape, how a page brings what it knows up to date with the last steps alone, and how
several processes are added up: durations as counts in buckets, so that a percentile over all
of them is one of all handlers, and no average. What another process says is held to its bounds
here. Read by `activity_reading`, shown by the Overview. Pure.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

from console.handlers import STEP_S, STEPS
from console.latency import LONGEST_S, add_sparse, empty, quantile, sparse
from console.process import Totals

Pairs = tuple[int, ...]
"""Buckets as `latency.sparse()` has them."""

MOST_HANDLERS = 60
MOST_CONSUMERS = 60
MOST_MISSED = 20
MOST_DEEP = 10
MOST_WORK = 60
RECENT = 18
"""Steps of one handler that are shown as bars: three minutes."""

_LARGEST = 2**50


@dataclass(frozen=True, slots=True)
class Steps:
    """How much happened in each step of 10 s, oldest first; the last one still runs.

    Attributes:
        inbound, outbound: events of clients, and to them.
        sent, delivered: layer messages. `dropped` did not reach a receiver.
        durations: what handlers took that ended in the step.
    """

    opened: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()
    inbound: tuple[int, ...] = ()
    outbound: tuple[int, ...] = ()
    sent: tuple[int, ...] = ()
    delivered: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    errors: tuple[int, ...] = ()
    durations: tuple[Pairs, ...] = ()


@dataclass(frozen=True, slots=True)
class HandlerActivity:
    """One handler in the last 10 minutes.

    Attributes:
        count: how many ended; `errors` is how many of them failed.
        recent: how many ended in each of the last steps.
    """

    consumer: str
    handler: str
    count: int
    errors: int
    max_s: float
    max_waited_s: float
    buckets: Pairs = ()
    recent: tuple[int, ...] = ()

    def __add__(self, other: HandlerActivity) -> HandlerActivity:
        """Return both together, under the name of the first."""
        return replace(
            self,
            count=self.count + other.count,
            errors=self.errors + other.errors,
            max_s=max(self.max_s, other.max_s),
            max_waited_s=max(self.max_waited_s, other.max_waited_s),
            buckets=sparse(merged([self.buckets, other.buckets])),
            recent=added([self.recent, other.recent], RECENT),
        )

    def quantile(self, share: float) -> float:
        """Return the seconds that `share` of those that ended did not exceed."""
        return quantile(merged([self.buckets]), share, self.max_s)


@dataclass(frozen=True, slots=True)
class ConsumerActivity:
    """The open connections of one class of consumers, on one protocol."""

    consumer: str
    module: str
    protocol: str
    open_count: int


@dataclass(frozen=True, slots=True)
class DeepMailbox:
    """A connection for which many messages wait."""

    id: str
    path: str
    consumer: str
    waiting: int


@dataclass(frozen=True, slots=True)
class ChannelWork:
    """What a worker does on one channel.

    Attributes:
        concurrency: how many jobs it does at once.
        running, waiting: jobs that it does now, and that it has taken and not begun.
        done_last_minute: jobs that came to it in the last 60 seconds.
    """

    channel: str
    alias: str
    concurrency: int
    running: int
    waiting: int
    done_last_minute: int
    is_acknowledged: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """What one process did.

    Attributes:
        newest: the number of its running step; `running_s` is how long that has run.
        has_opened: whether a connection has ever been opened there.
        drops: layer messages that did not reach a receiver since the start, by reason.
        missed: paths that no route took, and how often.
        loop_lag_s: how late its event loop was just then.
    """

    newest: int
    running_s: float
    totals: Totals
    has_opened: bool = False
    loop_lag_s: float = 0.0
    steps: Steps = Steps()
    handlers: tuple[HandlerActivity, ...] = ()
    consumers: tuple[ConsumerActivity, ...] = ()
    drops: Mapping[str, int] = field(default_factory=dict)
    missed: Mapping[str, int] = field(default_factory=dict)
    deepest: tuple[DeepMailbox, ...] = ()
    work: tuple[ChannelWork, ...] = ()


def bounded(activity: Activity) -> Activity:
    """Return what another process says, with no more of it than this one would say."""
    return replace(
        activity,
        running_s=min(max(activity.running_s, 0.0), STEP_S),
        steps=Steps(**{one.name: getattr(activity.steps, one.name)[-STEPS:] for one in _SERIES}),
        handlers=activity.handlers[:MOST_HANDLERS],
        consumers=activity.consumers[:MOST_CONSUMERS],
        missed=dict(list(activity.missed.items())[:MOST_MISSED]),
        deepest=activity.deepest[:MOST_DEEP],
        work=activity.work[:MOST_WORK],
    )


def follow(earlier: Activity, later: Activity) -> Activity:
    """Return `later`, which has its last steps alone, with those before them from `earlier`."""
    passed = later.newest - earlier.newest
    if not 0 <= passed < STEPS:
        return later
    joined = {}
    for one in _SERIES:
        old, new = getattr(earlier.steps, one.name), getattr(later.steps, one.name)
        nothing = ((),) if one.name == "durations" else (0,)
        moved = old + nothing * passed
        joined[one.name] = (moved[: max(len(moved) - len(new), 0)] + new)[-STEPS:]
    return replace(later, steps=Steps(**joined))


def series(activities: Iterable[Activity], *names: str) -> list[float]:
    """Return happenings a second in each step of the last 10 minutes, of all processes together.

    The step that runs is not over: what it lacks is taken from the one before it, so that a
    chart does not fall at the beginning of each.

    Args:
        names: the series of `Steps` that are added up.
    """
    found = [_rates(activity, names, STEPS) for activity in activities]
    return list(map(sum, zip(*found, strict=True))) if found else [0.0] * STEPS


def rate_now(activities: Iterable[Activity], *names: str) -> float:
    """Return the last of `series()`."""
    return sum(_rates(activity, names, 2)[-1] for activity in activities)


def _rates(activity: Activity, names: Sequence[str], steps: int) -> list[float]:
    counts = added([getattr(activity.steps, name) for name in names], steps)
    rates = [count / STEP_S for count in counts]
    rates[-1] += rates[-2] * (1.0 - activity.running_s / STEP_S)
    return rates


def open_counts(activities: Iterable[Activity]) -> list[int]:
    """Return how many connections were open at the end of each step, oldest first."""
    each = [_open_counts(activity) for activity in activities]
    return list(map(sum, zip(*each, strict=True))) or [0] * STEPS


def fullest_counts(activities: Iterable[Activity]) -> list[int]:
    """Return how many were open in that process which had the most, at the end of each step."""
    each = [_open_counts(activity) for activity in activities]
    return list(map(max, zip(*each, strict=True))) or [0] * STEPS


def _open_counts(activity: Activity) -> list[int]:
    opened = added([activity.steps.opened], STEPS)
    closed = added([activity.steps.closed], STEPS)
    count = activity.totals.open_count
    counts = []
    for came, went in zip(reversed(opened), reversed(closed), strict=True):
        counts.append(max(count, 0))
        count -= came - went
    return counts[::-1]


def quantiles(activities: Iterable[Activity], share: float) -> list[float | None]:
    """Return the seconds that `share` of the handlers of each step did not exceed.

    None for a step in which none ended.
    """
    return [_quantile(step, share) for step in _durations(activities)] or [None] * STEPS


def durations(activities: Iterable[Activity], steps: int) -> array[int]:
    """Return what all handlers took that ended in the last `steps`, in buckets."""
    return merged(_in_step(step) for step in _durations(activities)[-steps:])


def _durations(activities: Iterable[Activity]) -> list[tuple[Pairs, ...]]:
    """Return what handlers took in each step, oldest first: of each process."""
    known = [activity.steps.durations for activity in activities]
    padded = [((),) * (STEPS - len(one)) + one for one in known]
    return list(zip(*padded, strict=True))


def handlers_of(activities: Iterable[Activity]) -> list[HandlerActivity]:
    """Return the handlers of all processes, each added up, those that took longest first."""
    found: dict[tuple[str, str], HandlerActivity] = {}
    for activity in activities:
        for one in activity.handlers:
            key = (one.consumer, one.handler)
            found[key] = found[key] + one if key in found else one
    return sorted(found.values(), key=lambda one: (-one.count, one.consumer, one.handler))


def merged(many: Iterable[Sequence[int]]) -> array[int]:
    """Return the sum of sparse buckets."""
    buckets = empty()
    for pairs in many:
        add_sparse(buckets, pairs)
    return buckets


def added(many: Sequence[Sequence[int]], length: int) -> tuple[int, ...]:
    """Return the sums, place by place, of series that end at the same time."""
    padded = [(*(0,) * (length - len(one)), *_held(one[-length:])) for one in many]
    if len(padded) == 1:
        return padded[0]
    return tuple(map(sum, zip(*padded, strict=True))) if padded else (0,) * length


def _held(counts: Sequence[int]) -> Sequence[int]:
    """Return counts that another process has said, within their bounds."""
    if not counts or (min(counts) >= 0 and max(counts) <= _LARGEST):
        return counts
    return [min(max(count, 0), _LARGEST) for count in counts]


@lru_cache(maxsize=16 * STEPS)
def _quantile(step: tuple[Pairs, ...], share: float) -> float | None:
    """Return a quantile of one step of all processes; all but the last steps stay as they are."""
    pairs = _in_step(step)
    return quantile(merged([pairs]), share, LONGEST_S) if pairs else None


@lru_cache(maxsize=16 * STEPS)
def _in_step(step: tuple[Pairs, ...]) -> Pairs:
    """Return what the handlers of one step took in all processes together."""
    return sparse(merged(step)) if any(step) else ()


_SERIES = fields(Steps)
