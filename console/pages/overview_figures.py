"""The figures of the Overview: readouts, and the rows of consumers and processes.

Owns the arithmetic and the words; the page has read what it is made of. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.activity import (
    RECENT,
    Activity,
    HandlerActivity,
    added,
    durations,
    handlers_of,
    rate_now,
    series,
)
from console.handlers import STEP_S
from console.latency import LONGEST_S, quantile
from console.pages.charts import STEPS_A_MINUTE, TIME_BASES
from console.templatetags.channelscope import clock_s, rate, thousands, took

if TYPE_CHECKING:
    from console.process import ProcessStatus

MOST_CONSUMERS = 12
SHARES = 4
"""Protocols that the bar of connections has a colour for; the last one is all others."""

DECADE_WIDTH = 19
"""Latencies are on a log scale: 0.1 ms to 1 s in four decades of this many units."""

NOTHING = "\u2013"
BEATS = 8
BEAT_S = 2.0
BEAT_WIDTH = 12
SLOW_S = 0.05
LAGGING_S = 0.1


@dataclass(frozen=True, slots=True)
class Share:
    """One protocol of the open connections, and its part of the bar."""

    number: int
    name: str
    count: int
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Readout:
    """One figure, with its unit, and a line below it.

    Attributes:
        direction: whose glyph stands before the label; "" for none.
        tone: "warn" or "danger" if the line below is something to look at.
        shares: what the figure is made of, in place of the line.
    """

    label: str
    figure: str
    unit: str = ""
    under: str = ""
    direction: str = ""
    tone: str = ""
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsumerRow:
    """One class of consumers in the last 10 minutes, over all processes.

    Attributes:
        slowest: the handler whose p95 is the highest, if there are several.
        bar: where the line from the median to the p95 begins, how long it is, and where the
            longest is, on the log scale; empty if nothing ended.
        recent: how many handlers ended in each of the last steps.
    """

    name: str
    module: str
    protocols: tuple[str, ...]
    open_count: int
    per_s: float
    p50_ms: float | None
    p95_ms: float | None
    max_ms: float | None
    errors: int
    slowest: str
    bar: tuple[str, str, str] | None
    tone: str
    recent: tuple[int, ...]

    @property
    def place(self) -> str:
        """The end of its module, which tells it from others of its name."""
        return ".".join(self.module.split(".")[-2:])


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process.

    Attributes:
        beats: the heart of one that is heard, as a path; `missed` is where it is not.
    """

    status: ProcessStatus
    in_rate: float
    out_rate: float
    loop_lag_s: float
    is_lagging: bool
    beats: str
    missed: str
    silence: int


def readouts(
    activities: Sequence[Activity], now: float, minutes: int = TIME_BASES[-1]
) -> list[Readout]:
    """Return the figures at the top of the page, of so many minutes up to `now`."""
    sent, delivered = rate_now(activities, "sent"), rate_now(activities, "delivered")
    return [
        _connections(activities),
        _inbound(activities, now, minutes),
        _outbound(activities, minutes),
        Readout(
            "Layer messages",
            rate(sent + delivered),
            "/s",
            f"{rate(sent)} sent, {rate(delivered)} delivered",
            "layer",
        ),
        _drops(activities, now, minutes),
        _errors(activities, now, minutes),
        _latency(activities, minutes),
    ]


def consumers(activities: Sequence[Activity]) -> list[ConsumerRow]:
    """Return the classes of consumers, those whose handlers run most first."""
    open_by_name: dict[str, dict[str, int]] = {}
    modules: dict[str, str] = {}
    for activity in activities:
        for one in activity.consumers:
            protocols = open_by_name.setdefault(one.consumer, {})
            protocols[one.protocol] = protocols.get(one.protocol, 0) + one.open_count
            modules[one.consumer] = one.module
    handled: dict[str, list[HandlerActivity]] = {}
    for handler in handlers_of(activities):
        handled.setdefault(handler.consumer, []).append(handler)
    names = {name for name in (*open_by_name, *handled) if name}
    rows = [
        _consumer(name, modules.get(name, ""), open_by_name.get(name, {}), handled.get(name, []))
        for name in names
    ]
    rows.sort(key=lambda row: (-sum(row.recent), -row.per_s, -row.open_count, row.name))
    return rows[:MOST_CONSUMERS]


def process_row(status: ProcessStatus, activity: Activity | None) -> ProcessRow:
    """Return the row of one process; `activity` is None for one that has not answered."""
    known = [activity] if activity is not None else []
    missed = min(int(status.silent_s / BEAT_S), BEATS)
    lag_s = max(status.report.loop_lag_s, activity.loop_lag_s if activity else 0.0)
    return ProcessRow(
        status=status,
        in_rate=rate_now(known, "inbound"),
        out_rate=rate_now(known, "outbound"),
        loop_lag_s=lag_s,
        is_lagging=lag_s >= LAGGING_S,
        beats="M0 12" + "h4l1-9 2 11 1-2h4" * (BEATS - missed),
        missed=f"M{BEAT_WIDTH * (BEATS - missed)} 12H{BEAT_WIDTH * BEATS}" if missed else "",
        silence=missed,
    )


def log_place(seconds: float) -> float:
    """Return where a duration lies on the scale of latencies."""
    decades = math.log10(max(seconds * 1_000, 0.1) / 0.1)
    return min(DECADE_WIDTH * decades, 4.0 * DECADE_WIDTH)


def _connections(activities: Sequence[Activity]) -> Readout:
    counts: dict[str, int] = {}
    for activity in activities:
        for name, count in activity.totals.by_protocol.items():
            counts[name] = counts.get(name, 0) + count
    total = sum(activity.totals.open_count for activity in activities)
    return Readout("Connections", thousands(total), shares=_shares(counts), under="none open")


def _shares(counts: Mapping[str, int]) -> tuple[Share, ...]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    if len(ordered) > SHARES:
        rest = sum(count for _, count in ordered[SHARES - 1 :])
        ordered = [*ordered[: SHARES - 1], ("others", rest)]
    total = sum(count for _, count in ordered)
    shares, x = [], 0.0
    for number, (name, count) in enumerate(ordered, 1):
        width = 100.0 * count / total if total else 0.0
        shares.append(Share(number, name, count, f"{x:.2f}", f"{max(width - 0.5, 0.5):.2f}"))
        x += width
    return tuple(shares)


def _inbound(activities: Sequence[Activity], now: float, minutes: int) -> Readout:
    values = series(activities, "inbound")[-minutes * STEPS_A_MINUTE :]
    top = max(values)
    peak = f"peak {rate(top)} at {_clock(now, values[::-1].index(top))}"
    return Readout("Messages in", rate(values[-1]), "/s", peak if top else _none(minutes), "in")


def _outbound(activities: Sequence[Activity], minutes: int) -> Readout:
    now = rate_now(activities, "outbound")
    came, went = (sum(_counts(activities, name, minutes)) for name in ("inbound", "outbound"))
    under = f"{rate(went / came)} per message in" if came else "none came in"
    return Readout("Messages out", rate(now), "/s", under if went else _none(minutes), "out")


def _drops(activities: Sequence[Activity], now: float, minutes: int) -> Readout:
    counts = _counts(activities, "dropped", minutes)
    reasons = {name for one in activities for name, drops in one.drops.items() if drops}
    why = reasons.pop() if len(reasons) == 1 else "last"
    under = f"{why} at {_last(counts, now)}" if any(counts) else f"in {minutes} min"
    tone = "warn" if any(counts) else ""
    return Readout("Layer drops", thousands(sum(counts)), under=under, tone=tone)


def _errors(activities: Sequence[Activity], now: float, minutes: int) -> Readout:
    counts = _counts(activities, "errors", minutes)
    under = f"last at {_last(counts, now)}" if any(counts) else f"in {minutes} min"
    failing = sum(1 for handler in handlers_of(activities) if handler.errors)
    if minutes == TIME_BASES[-1] and failing:  # of no other time is it known of each handler
        under = f"in {failing} handler{'' if failing == 1 else 's'}, {minutes} min"
    tone = "danger" if any(counts) else ""
    return Readout("Errors", thousands(sum(counts)), under=under, tone=tone)


def _latency(activities: Sequence[Activity], minutes: int) -> Readout:
    took_s = durations(activities, minutes * STEPS_A_MINUTE)
    if not any(took_s):
        return Readout("Handler p95", NOTHING, under=_none(minutes))
    longest_s = max((one.max_s for one in handlers_of(activities)), default=LONGEST_S)
    p95_s = quantile(took_s, 0.95, longest_s)
    figure, unit = took(p95_s * 1_000).split()
    tone = "warn" if p95_s >= SLOW_S else ""
    return Readout("Handler p95", figure, unit, f"over {minutes} min", tone=tone)


def _counts(activities: Sequence[Activity], name: str, minutes: int) -> tuple[int, ...]:
    """Return how often something happened in each step of so many minutes."""
    return added([getattr(one.steps, name) for one in activities], minutes * STEPS_A_MINUTE)


def _last(counts: Sequence[int], now: float) -> str:
    """Return when something happened for the last time."""
    return _clock(now, next((ago for ago, count in enumerate(reversed(counts)) if count), 0))


def _clock(now: float, steps_ago: int) -> str:
    return clock_s(now - steps_ago * STEP_S)


def _none(minutes: int) -> str:
    return f"none in {minutes} min"


def _consumer(
    name: str, module: str, protocols: Mapping[str, int], handlers: Sequence[HandlerActivity]
) -> ConsumerRow:
    recent = added([handler.recent for handler in handlers], RECENT)
    whole = handlers[0] if handlers else None
    for handler in handlers[1:]:
        whole = whole + handler if whole is not None else handler
    p50, p95 = (whole.quantile(0.5), whole.quantile(0.95)) if whole is not None else (None, None)
    slowest = max(handlers, key=lambda one: one.quantile(0.95)) if len(handlers) > 1 else None
    return ConsumerRow(
        name=name,
        module=module,
        protocols=tuple(sorted(protocols)),
        open_count=sum(protocols.values()),
        per_s=sum(recent[-6:]) / (6 * STEP_S),
        p50_ms=p50 * 1_000 if p50 is not None else None,
        p95_ms=p95 * 1_000 if p95 is not None else None,
        max_ms=whole.max_s * 1_000 if whole is not None else None,
        errors=whole.errors if whole is not None else 0,
        slowest=slowest.handler if slowest is not None else "",
        bar=_bar(p50, p95, whole.max_s) if whole and p50 is not None and p95 is not None else None,
        tone="warn" if p95 is not None and p95 >= SLOW_S else "",
        recent=recent,
    )


def _bar(p50_s: float, p95_s: float, max_s: float) -> tuple[str, str, str]:
    begins, ends = log_place(p50_s), log_place(p95_s)
    return f"{begins:.1f}", f"{max(ends - begins, 2.0):.1f}", f"{log_place(max_s):.1f}"
