"""The charts of the Overview: what passes, how long handlers take, who is there.

Owns their lines and their words; the page has read what they are made of. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.activity import (
    Activity,
    fullest_counts,
    open_counts,
    quantiles,
    rate_now,
    series,
)
from console.pages.charts import STEPS_A_MINUTE, TIME_BASES, Chart, Signal
from console.templatetags.channelscope import rate, thousands, took

NOTHING = "\u2013"


def charts(activities: Sequence[Activity], minutes: int = TIME_BASES[-1]) -> list[Chart]:
    """Return the charts of so many minutes: what passes, how long handlers take, who is there."""
    return [
        _messages_chart(activities, minutes),
        _latency_chart(activities, minutes),
        _connections_chart(activities, minutes),
    ]


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
    values, fullest = open_counts(activities), fullest_counts(activities)
    signals = [Signal("open", "ch", "1", thousands(values[-1]), values, is_area=True)]
    most = thousands(max(values[-minutes * STEPS_A_MINUTE :]))
    opened = rate(rate_now(activities, "opened"))
    said = f"{signals[0].said}; {opened} opened a second, at most {most} open"
    if len(activities) > 1:
        signals.append(Signal("fullest process", "ch", "2", thousands(fullest[-1]), fullest))
        said += f", {signals[1].said} in the fullest process"
    sentence = f"Open connections, last {minutes} minutes. Now: {said}."
    title = "Open connections"
    return Chart("chart-connections", title, sentence, tuple(signals), least=5, minutes=minutes)


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
