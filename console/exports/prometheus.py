"""The counts of one process in the text format of Prometheus, version 0.0.4.

Owns the names of the metrics and their labels. No label has a value that a client can make
up without bound: no path, no group, no user. Pure.

Source: Prometheus, "Exposition formats", text-based format
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from console.handlers import HandlerStats, folded
from console.journal import Journal
from console.latency import bound_of, cumulative
from console.process import ProcessView
from console.state import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

PROTOCOLS = 20
"""Protocols that are named; those beyond it are "other"."""

BOUNDS_S = tuple(bound_of(bucket) for bucket in range(31, 176, 8))
"""0.06 ms, and twice as much each time, up to 17 s: bounds of the buckets that durations are in."""

Labels: TypeAlias = Mapping[str, str]
Sample: TypeAlias = tuple[str, Labels, float]
"""(what follows the metric's name, labels, value)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and its samples."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    samples: tuple[Sample, ...]


def render(process: ProcessView, state: State, journal: Journal) -> str:
    """Return the metrics of a process; called under the recorder's lock."""
    everywhere = {"process": process.name}
    found = (
        *_of_connections(state),
        *_of_messages(state),
        *_of_handlers(state),
        *_of_ring(journal),
    )
    return "".join(line for metric in found for line in _lines(metric, everywhere))


def _of_connections(state: State) -> Iterator[Metric]:
    now = _bounded(state.count_by_protocol())
    yield _metric(
        "connections",
        "gauge",
        "Open connections.",
        [("", {"protocol": name}, count) for name, count in now.items()],
    )
    counts = state.counts()
    yield _metric(
        "connections_opened_total",
        "counter",
        "Connections since the start.",
        _by_protocol({name: one.opened for name, one in counts.items()}),
    )
    for name, unit, described in (
        ("events_total", "count", "Messages of clients and to clients."),
        ("event_bytes_total", "bytes", "Bytes in them."),
    ):
        samples = [
            (suffix, {**labels, "direction": direction}, value)
            for direction in ("in", "out")
            for suffix, labels, value in _by_protocol(
                {key: getattr(one, f"{direction}_{unit}") for key, one in counts.items()}
            )
        ]
        yield _metric(name, "counter", described, samples)
    yield _metric(
        "unrouted_total", "counter", "Paths that no route took.", [("", {}, state.missed_routes)]
    )


def _of_messages(state: State) -> Iterator[Metric]:
    totals = state.tally.totals
    yield _metric(
        "layer_messages_total",
        "counter",
        "Layer messages sent to a channel or a group, and deliveries.",
        [("", {"kind": kind}, totals[kind]) for kind in ("send", "group_send", "deliver")],
    )
    yield _metric(
        "dropped_total",
        "counter",
        "Messages that did not reach a receiver, by reason.",
        [("", {"reason": reason}, count) for reason, count in sorted(state.drops.items())],
    )
    groups = state.memberships.groups()
    yield _metric("groups", "gauge", "Groups with members here.", [("", {}, len(groups))])
    yield _metric(
        "group_members", "gauge", "Memberships of this process.", [("", {}, sum(groups.values()))]
    )
    yield _metric(
        "waiting_messages", "gauge", "Messages that wait for a handler.", [("", {}, state.waiting)]
    )


def _of_handlers(state: State) -> Iterator[Metric]:
    # Two classes of one name are one series: the same labels twice would be refused.
    by_name: dict[tuple[str, str], list[HandlerStats]] = {}
    for stats in state.handlers:
        by_name.setdefault((stats.consumer, stats.handler), []).append(stats)
    yield _metric(
        "handler_seconds",
        "histogram",
        "Time in handlers.",
        [sample for found in by_name.values() for sample in _histogram(found)],
    )
    yield _metric(
        "errors_total",
        "counter",
        "Failures of handlers and applications, by class.",
        [
            ("", {"consumer": consumer, "error": name}, count)
            for (consumer, name), count in sorted(state.errors.items())
        ],
    )


def _of_ring(journal: Journal) -> Iterator[Metric]:
    yield _metric("ring_entries", "gauge", "Entries that are held.", [("", {}, len(journal))])
    yield _metric("ring_bytes", "gauge", "What they weigh.", [("", {}, journal.held_bytes)])


def _histogram(found: Sequence[HandlerStats]) -> Iterator[Sample]:
    labels = {"consumer": found[0].consumer, "handler": found[0].handler}
    whole = folded(stats.since_start() for stats in found)
    for bound, count in zip(BOUNDS_S, cumulative(whole.buckets, BOUNDS_S), strict=True):
        yield "_bucket", {**labels, "le": f"{bound:.6f}".rstrip("0").rstrip(".")}, count
    yield "_bucket", {**labels, "le": "+Inf"}, whole.count
    yield "_sum", labels, whole.total_s
    yield "_count", labels, whole.count


def _metric(
    name: str,
    type: Literal["counter", "gauge", "histogram"],
    help: str,
    samples: Iterable[Sample],
) -> Metric:
    return Metric(f"channelscope_{name}", type, help, tuple(samples))


def _by_protocol(counts: Mapping[str, int]) -> list[Sample]:
    return [("", {"protocol": name}, count) for name, count in _bounded(counts).items()]


def _bounded(counts: Mapping[str, int]) -> dict[str, int]:
    kept: Counter[str] = Counter()
    for number, name in enumerate(sorted(counts)):
        kept[name if number < PROTOCOLS else "other"] += counts[name]
    return dict(kept)


def _lines(metric: Metric, everywhere: Labels) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.type}\n"
    for suffix, labels, value in metric.samples:
        pairs = ",".join(
            f'{name}="{_escaped(one)}"' for name, one in {**everywhere, **labels}.items()
        )
        yield f"{metric.name}{suffix}{{{pairs}}} {value}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
