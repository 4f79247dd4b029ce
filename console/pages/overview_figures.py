"""The figures of the Overview: readouts, charts, and the rows of consumers and processes.

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
    handlers_of,
    merged,
    open_counts,
    quantiles,
    rate_now,
    series,
)
from console.handlers import STEP_S
from console.latency import quantile
from console.pages.charts import TIME_BASES, Chart, Signal
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


def readouts(activities: Sequence[Activity], now: float) -> list[Readout]:
    """Return the figures at the top of the page."""
    inbound, outbound = series(activities, "inbound"), series(activities, "outbound")
    sent, delivered = rate_now(activities, "sent"), rate_now(activities, "delivered")
    handlers = handlers_of(activities)
    return [
        _connections(activities),
        Readout("Messages in", rate(inbound[-1]), "/s", _peak(inbound, now), "in"),
        Readout("Messages out", rate(outbound[-1]), "/s", _peak(outbound, now), "out"),
        Readout(
            "Layer messages",
            rate(sent + delivered),
            "/s",
            f"{rate(sent)} sent, {rate(delivered)} delivered",
            "layer",
        ),
        _drops(activities),
        _errors(activities, handlers),
        _latency(_p95(handlers)),
    ]


def charts(activities: Sequence[Activity], minutes: int = TIME_BASES[-1]) -> list[Chart]:
    """Return the charts of so many minutes: what passes, how long handlers take, who is there."""
    return [
        _messages_chart(activities, minutes),
        _latency_chart(activities, minutes),
        _connections_chart(activities, minutes),
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


def _peak(values: Sequence[float], now: float) -> str:
    top = max(values)
    if not top:
        return "none in 10 min"
    steps_ago = list(reversed(values)).index(top)
    return f"peak {rate(top)} at {clock_s(now - steps_ago * STEP_S)}"


def _drops(activities: Sequence[Activity]) -> Readout:
    count = _total(activities, "dropped")
    reasons: dict[str, int] = {}
    for activity in activities:
        for reason, drops in activity.drops.items():
            reasons[reason] = reasons.get(reason, 0) + drops
    most = max(reasons, key=lambda reason: reasons[reason], default="")
    under = f"in 10 min, mostly {most}" if count and most else "in 10 min"
    return Readout("Layer drops", thousands(count), under=under, tone="warn" if count else "")


def _errors(activities: Sequence[Activity], handlers: Sequence[HandlerActivity]) -> Readout:
    count = _total(activities, "errors")
    failing = sum(1 for handler in handlers if handler.errors)
    under = f"in {failing} handler{'' if failing == 1 else 's'}, 10 min" if failing else "in 10 min"
    return Readout("Errors", thousands(count), under=under, tone="danger" if count else "")


def _latency(p95_s: float | None) -> Readout:
    if p95_s is None:
        return Readout("Handler p95", NOTHING, under="no handler has run")
    figure, unit = took(p95_s * 1_000).split()
    tone = "warn" if p95_s >= SLOW_S else ""
    return Readout("Handler p95", figure, unit, "over 10 min", tone=tone)


def _total(activities: Sequence[Activity], name: str) -> int:
    return sum(sum(added([getattr(one.steps, name)], 60)) for one in activities)


def _p95(handlers: Sequence[HandlerActivity]) -> float | None:
    if not handlers:
        return None
    buckets = merged(handler.buckets for handler in handlers)
    return quantile(buckets, 0.95, max(handler.max_s for handler in handlers))


def _messages_chart(activities: Sequence[Activity], minutes: int) -> Chart:
    signals = []
    for name, direction, names in (
        ("in", "in", ("inbound",)),
        ("out", "out", ("outbound",)),
        ("layer", "layer", ("sent", "delivered")),
    ):
        values = series(activities, *names)
        icon = f"d-{direction}"
        signals.append(Signal(name, "dir", direction, rate(values[-1]), values, "/s", icon))
    said = ", ".join(f"{signal.name} {signal.said} a second" for signal in signals)
    sentence = f"Messages, last {minutes} minutes. Now: {said}."
    return Chart("chart-messages", "Messages", sentence, tuple(signals), minutes=minutes)


def _connections_chart(activities: Sequence[Activity], minutes: int) -> Chart:
    values = open_counts(activities)
    opened = rate_now(activities, "opened")
    signal = Signal("open", "ch", "1", thousands(values[-1]), values, is_area=True)
    sentence = (
        f"Open connections, last {minutes} minutes. Now: {signal.said};"
        f" {rate(opened)} opened a second, at most {thousands(max(values))} open."
    )
    title = "Open connections"
    return Chart("chart-connections", title, sentence, (signal,), least=5, minutes=minutes)


def _latency_chart(activities: Sequence[Activity], minutes: int) -> Chart:
    signals = []
    for name, share, channel in (("p50", 0.5, "1"), ("p95", 0.95, "2"), ("p99", 0.99, "3")):
        values = [
            seconds * 1_000 if seconds is not None else None
            for seconds in quantiles(activities, share)
        ]
        now = next((one for one in reversed(values[-2:]) if one is not None), None)
        said = took(now) or NOTHING
        signals.append(Signal(name, "ch", channel, said, values, is_dashed=name == "p99"))
    said = ", ".join(f"{signal.name} {signal.said}" for signal in signals)
    return Chart(
        "chart-latency",
        "Handlers, ms",
        f"Handler time in milliseconds, last {minutes} minutes. Now: {said}.",
        tuple(signals),
        minutes=minutes,
    )


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
