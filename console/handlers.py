"""How often each handler ran, how long it took, and how long its messages had waited.

Owns the last 10 minutes in steps of 10 s, and the sums since the start. Folded by the
recorder as handlers end; what is shown is worked out when somebody reads. Bounded: so
many handlers are counted apart, each with so many steps. Pure.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import add

from console.latency import count_into, empty, quantile
from console.taping import Durations

STEP_S = 10.0
STEPS = 60
"""10 minutes of them."""

MOST = 200
"""Handlers that are counted apart; those beyond it are counted together."""

OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class Latency:
    """What the handlers of some stretch of time took.

    Attributes:
        count: how many ended; `errors` is how many of them failed.
        p50_s, p95_s, max_s: seconds in the handler; 0.0 if none ended.
        max_waited_s: the longest that a message had waited for its handler.
    """

    count: int = 0
    errors: int = 0
    p50_s: float = 0.0
    p95_s: float = 0.0
    max_s: float = 0.0
    max_waited_s: float = 0.0


class Step:
    """What ended within one step of time."""

    __slots__ = ("buckets", "count", "errors", "max_s", "max_waited_s", "number", "total_s")

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = self.errors = 0
        self.max_s = self.max_waited_s = self.total_s = 0.0
        self.buckets = empty()

    def count_all(self, took_s: list[float], waited_s: list[float]) -> None:
        """Count those that have ended: how long each took, and how long its message waited."""
        count_into(self.buckets, took_s)
        self.count += len(took_s)
        self.total_s += sum(took_s)
        self.max_s = max(self.max_s, *took_s)
        self.max_waited_s = max(self.max_waited_s, *waited_s)


class HandlerStats:
    """One handler of one consumer.

    Attributes:
        consumer: the name of the consumer's class.
        handler: the type of what it handles.
    """

    __slots__ = (
        "_durations",
        "_over",
        "_past",
        "_steps",
        "consumer",
        "handler",
    )

    def __init__(self, consumer: str, handler: str) -> None:
        self.consumer = consumer
        self.handler = handler
        self._durations = Durations()  # those that are not counted yet
        self._steps: deque[Step] = deque(maxlen=STEPS)
        # All steps that are over, with those that have been forgotten.
        self._past = Step(0)
        # Those of the last 10 minutes that are over, as one: it is asked for once a second.
        self._over: tuple[tuple[int, int], Step] | None = None

    def __repr__(self) -> str:
        return f"<HandlerStats {self.consumer} {self.handler}>"

    def add(self, took_s: float, waited_s: float, now: float) -> None:
        """Take note of one that ended at `now`."""
        self.begin(now).add(took_s, waited_s)

    def begin(self, now: float) -> Durations:
        """Return what takes note of many that end before the step of `now` does."""
        if now >= self._durations.ends_at:
            self.turn_to(now)
        elif self._durations.is_full():
            self.count()
        return self._durations

    def fail(self, now: float) -> None:
        """One that is added besides has failed at `now`."""
        if now >= self._durations.ends_at:
            self.turn_to(now)
        self._steps[-1].errors += 1

    def since_start(self) -> Step:
        """Return what it took since the start, as one step."""
        self.count()
        whole = Step(0)
        _fold(self._past, whole)
        if self._steps:
            _fold(self._steps[-1], whole)
        return whole

    def latency(self, now: float) -> Latency:
        """Return what it took in the last 10 minutes."""
        return _latency(self.window(now))

    def window(self, now: float) -> Step:
        """Return what it took in the last 10 minutes, as one step."""
        whole = Step(0)
        *over, last = [*self.recent(now).values()] or [whole]
        if over:
            key = (over[0].number, over[-1].number)
            if self._over is None or self._over[0] != key:
                self._over = (key, folded(over))
            _fold(self._over[1], whole)
        if last is not whole:
            _fold(last, whole)
        return whole

    def series(self, now: float) -> list[Latency]:
        """Return what it took in each step of the last 10 minutes, oldest first."""
        newest = int(now / STEP_S)
        recent = self.recent(now)
        return [
            _latency(recent[number]) if number in recent else Latency()
            for number in range(newest - STEPS + 1, newest + 1)
        ]

    def recent(self, now: float, steps: int = STEPS) -> dict[int, Step]:
        """Return the last `steps` in which something ended, by their number, oldest first."""
        self.count()
        if now < self._durations.ends_at - STEP_S:
            self.turn_to(now)
        oldest = int(now / STEP_S) - steps + 1
        return {step.number: step for step in self._steps if step.number >= oldest}

    def count(self) -> None:
        """Count those that are not counted yet."""
        if self._steps:
            self._durations.move_into(self._steps[-1])

    def turn_to(self, now: float) -> None:
        """Begin the step of `now`."""
        self.count()
        steps, number = self._steps, int(now / STEP_S)
        if steps:
            _fold(steps[-1], self._past)
            if number < steps[-1].number:  # the clock was set back: when that was means nothing
                steps.clear()
                self._over = None
        steps.append(Step(number))
        self._durations.ends_at = (number + 1) * STEP_S


class Handlers:
    """Every handler that has run in one process."""

    def __init__(self) -> None:
        self._known: dict[type | None, dict[str, HandlerStats]] = {}
        self._count = 0
        self._others: HandlerStats | None = None

    def __iter__(self) -> Iterator[HandlerStats]:
        """Every handler that is counted apart, and the others if there are any."""
        for handled in list(self._known.values()):
            yield from list(handled.values())
        if self._others is not None:
            yield self._others

    def of_class(self, consumer_class: type | None) -> dict[str, HandlerStats]:
        """Return the handlers of a consumer by the type of what they handle; never a copy."""
        known = self._known.get(consumer_class)
        if known is None:
            known = {}
            if len(self._known) < MOST:
                self._known[consumer_class] = known
        return known

    def of(self, consumer_class: type | None, handler: str) -> HandlerStats:
        """Return the counts of a handler; beyond so many, those of the others."""
        known = self.of_class(consumer_class)
        stats = known.get(handler)
        if stats is not None:
            return stats
        if self._count >= MOST or consumer_class not in self._known:
            self._others = self._others or HandlerStats(OTHERS, OTHERS)
            return self._others
        self._count += 1
        name = consumer_class.__name__ if consumer_class is not None else ""
        stats = known[handler] = HandlerStats(name, handler)
        return stats


def _fold(step: Step, into: Step) -> None:
    into.buckets = array("Q", map(add, into.buckets, step.buckets))
    into.count += step.count
    into.errors += step.errors
    into.total_s += step.total_s
    into.max_s = max(into.max_s, step.max_s)
    into.max_waited_s = max(into.max_waited_s, step.max_waited_s)


def folded(steps: Iterable[Step]) -> Step:
    """Return what ended in all of `steps`, as one."""
    whole = Step(0)
    for step in steps:
        _fold(step, whole)
    return whole


def _latency(whole: Step) -> Latency:
    return Latency(
        count=whole.count,
        errors=whole.errors,
        p50_s=quantile(whole.buckets, 0.5, whole.max_s),
        p95_s=quantile(whole.buckets, 0.95, whole.max_s),
        max_s=whole.max_s,
        max_waited_s=whole.max_waited_s,
    )
