"""The events of one connection in the order in which they began, with what caused what."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.templatetags.channelscope import is_slow, short_type, took

if TYPE_CHECKING:
    from console.entry_view import EntryView

GAP_S = 2.0
"""Silence that is worth a line."""

DECADE_WIDTH = 19
"""The bar of a handler is on a log scale: 0.1 ms to 1 s in four decades of this many units."""

WAITED_MS = 10.0
"""What a message has waited for its handler, if that is worth a word."""

EFFECTS = frozenset({"out", "accept", "send", "group_send", "join", "leave", "drop"})


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One event on the wire.

    Attributes:
        after_s: seconds since the connection opened.
        starts_at: when it began, which for a handler is not when it was written down.
        depth: 0 on the wire, 1 a handler, 2 what a handler did.
        gap_s: the silence before it, if it is worth a line, else 0.
        label: what happened, in a word; `body` is what there is to say about it.
        bar: length of a handler's bar, 1 to 76; 0 for none.
        tone: "danger" for a failed handler, "warn" for a slow one.
    """

    entry: EntryView
    after_s: float
    starts_at: float
    depth: int
    gap_s: float
    label: str
    body: str
    bar: int
    tone: str


@dataclass(frozen=True, slots=True)
class HandlerTimes:
    """How long some handlers took, in milliseconds."""

    count: int
    p50_ms: float
    p95_ms: float
    max_ms: float


def timeline(
    entries: Iterable[EntryView], opened_at: float, previous_at: float | None = None
) -> list[TimelineRow]:
    """Return `entries` as rows, oldest first.

    Args:
        opened_at: when the connection opened.
        previous_at: when the row before these began; None if there is none.
    """
    entries = list(entries)
    times = {entry.position: entry.at for entry in entries}
    started = [(_starts_at(entry, times), _depth(entry), entry) for entry in entries]
    started.sort(key=lambda one: (one[0], one[1], one[2].offset))
    rows = []
    for starts_at, depth, entry in started:
        silence = starts_at - previous_at if previous_at is not None else 0.0
        rows.append(
            TimelineRow(
                entry=entry,
                after_s=max(starts_at - opened_at, 0.0),
                starts_at=starts_at,
                depth=depth,
                gap_s=silence if silence >= GAP_S else 0.0,
                label=_label(entry),
                body=_body(entry),
                bar=_bar(entry),
                tone=_tone(entry),
            )
        )
        previous_at = starts_at
    return rows


def handled_ms(entries: Iterable[EntryView]) -> dict[str, float]:
    """Return how long each of the handlers among `entries` took, by its position."""
    return {entry.position: entry.took_ms or 0.0 for entry in entries if _is_handler(entry)}


def handler_times(took_ms: Collection[float]) -> HandlerTimes | None:
    """Return how long handlers took that took so long each; None if there were none."""
    if not took_ms:
        return None
    ordered = sorted(took_ms)
    p50_ms, p95_ms = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return HandlerTimes(len(ordered), p50_ms, p95_ms, ordered[-1])


def _starts_at(entry: EntryView, times: dict[str, float]) -> float:
    if not _is_handler(entry):
        return entry.at
    # Two clocks: a handler must not seem to begin before what it handles.
    return max(entry.at - (entry.took_ms or 0.0) / 1_000, times.get(entry.cause, 0.0))


def _is_handler(entry: EntryView) -> bool:
    return entry.kind in ("handler", "error") and entry.took_ms is not None


def _depth(entry: EntryView) -> int:
    if _is_handler(entry):
        return 1
    return 2 if entry.kind in EFFECTS and (entry.cause or entry.kind in ("join", "leave")) else 0


def _label(entry: EntryView) -> str:
    if _is_handler(entry):
        return f"{entry.type.replace('.', '_')}()"
    return short_type(entry.type)


def _body(entry: EntryView) -> str:
    """Return what an entry says; of a handler, whose name is the label, what else there is."""
    if entry.kind != "handler":
        return entry.preview
    said, name, note = entry.preview.partition(f".{entry.type.replace('.', '_')}")
    waited_ms = entry.waited_ms or 0.0
    waited = f"waited {took(waited_ms)}" if waited_ms >= WAITED_MS else ""
    return " ".join(filter(None, (note.strip() if name else said, waited)))


def _bar(entry: EntryView) -> int:
    if not _is_handler(entry):
        return 0
    decades = math.log10(max(entry.took_ms or 0.0, 0.1) / 0.1)
    return max(1, min(round(DECADE_WIDTH * decades), 4 * DECADE_WIDTH))


def _tone(entry: EntryView) -> str:
    if entry.kind == "error":
        return "danger"
    return "warn" if is_slow(entry.took_ms) else ""
