"""A trace as rows with bars on one linear scale of time.

Owns the scale, the bars and the words of a row; the tree is `console.traces`. Bars are numbers
of an SVG's user units: no style says where they are. Used by the page of a trace. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from console.templatetags.channelscope import size, took
from console.traces import Span, Trace

WIDTH = 1_000
DIVISIONS = 5
LEAST = 4
"""Units that something is wide at least: what lasts no time is seen too."""

DEEPEST = 6
"""Steps that a row is moved in at most."""

STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)

BarKind: TypeAlias = Literal["in", "out", "layer", "handler", "danger", "wait", "life"]

_AT_THE_LAYER = ("send", "group_send", "join", "leave")

_KINDS: dict[str, BarKind] = {
    "in": "in",
    "out": "out",
    "accept": "out",
    "deliver": "layer",
    "drop": "danger",
    "error": "danger",
    **dict.fromkeys(_AT_THE_LAYER, "layer"),
}

MISSING = {
    "left": "has left the buffer of its process",
    "gap": "was not read",
    "unknown process": "is of a process that does not answer",
    "circle": "is said to be caused by its own effects",
    "not seen": "not seen yet",
    "unlinked": "cannot be followed: this layer carries no cause",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Time over the width of the rows.

    Attributes:
        length_s: seconds from the left edge to the right one.
    """

    length_s: float

    @classmethod
    def of(cls, took_s: float) -> Scale:
        """Return the scale of which five round divisions hold `took_s`."""
        least = max(took_s / DIVISIONS, 1e-5)
        unit = 10.0 ** math.floor(math.log10(least))
        step = next((one for one in STEPS if one * unit >= least * 0.999), 10.0)
        return cls(DIVISIONS * step * unit)

    @property
    def labels(self) -> list[str]:
        """What stands at the left of each division; only the last has the unit."""
        factor, unit = (1.0, "s") if self.length_s >= 5 else (1e3, "ms")
        if self.length_s < 5e-4:
            factor, unit = 1e6, "µs"
        marks = [f"{self.length_s * factor * n / DIVISIONS:g}" for n in range(DIVISIONS)]
        return [*marks[:-1], f"{marks[-1]} {unit}"]

    def at(self, seconds: float) -> int:
        """Return where a moment is."""
        return round(WIDTH * min(max(seconds / self.length_s, 0.0), 1.0))


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of a row."""

    kind: BarKind
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """One span of a trace.

    Attributes:
        label: what it is, in a word.
        detail: who or where, beside it.
        depth: how far it is moved in.
        bars: oldest first.
        measure: what its last column says: how long it took or waited, or its size.
        tone: "danger" for what failed, "missing" for what is not there.
    """

    span: Span
    label: str
    detail: str
    depth: int
    bars: tuple[Bar, ...]
    measure: str
    tone: str


def waterfall(trace: Trace, scale: Scale, limit: int) -> list[WaterfallRow]:
    """Return the first `limit` spans as rows."""
    spans = trace.spans
    return [_row(span, spans, scale) for span in spans[:limit]]


def waited_s(span: Span, spans: Sequence[Span]) -> float:
    """Return how long a message was on its way to its handler: in the layer and in the mailbox."""
    cause = spans[span.parent] if span.parent is not None else None
    in_layer = span.start_s - cause.start_s if cause is not None and _is_delivery(span) else 0.0
    return max(in_layer, 0.0) + span.waited_s


def _row(span: Span, spans: Sequence[Span], scale: Scale) -> WaterfallRow:
    return WaterfallRow(
        span=span,
        label=_label(span),
        detail=_detail(span),
        depth=min(span.depth, DEEPEST),
        bars=tuple(_bars(span, spans, scale)),
        measure=_measure(span, spans),
        tone=_tone(span),
    )


def _label(span: Span) -> str:
    entry = span.entry
    if span.kind == "folded":
        return f"{span.count} more deliveries"
    if entry is None:
        if span.missing == "unlinked":
            return "what became of it"
        name = f"{span.count} of its deliveries" if span.count > 1 else "one delivery"
        return "its cause" if span.position else name
    if span.kind == "handler":
        return f"{entry.type.replace('.', '_')}()"
    if entry.kind in ("deliver", "drop"):
        return entry.short_id or entry.channel or entry.type
    if entry.kind in _AT_THE_LAYER:
        return entry.kind
    return "send" if entry.type == "websocket.send" else entry.type


def _detail(span: Span) -> str:
    entry = span.entry
    if span.kind == "folded":
        return f"{span.failed} failed" if span.failed else ""
    if entry is None:
        return MISSING.get(span.missing, "")
    if entry.kind == "error":
        return entry.preview
    if span.kind == "handler":
        return entry.process
    if entry.kind in _AT_THE_LAYER:
        return entry.group or entry.channel
    if entry.kind in ("deliver", "drop"):
        return f"{entry.who} {entry.process}".strip()
    return entry.who if entry.kind == "in" else size(entry.size_bytes)


def _measure(span: Span, spans: Sequence[Span]) -> str:
    entry = span.entry
    if span.kind == "handler":
        return took(span.took_s * 1_000)
    if span.kind == "folded" or entry is None:
        return ""
    if entry.kind == "deliver":
        return took(waited_s(span, spans) * 1_000)
    return size(entry.size_bytes) if entry.kind == "in" else ""


def _tone(span: Span) -> str:
    if span.entry is None:
        return "missing"
    return "danger" if span.failed or span.entry.kind in ("error", "drop") else ""


def _bars(span: Span, spans: Sequence[Span], scale: Scale) -> Iterable[Bar]:
    entry = span.entry
    if entry is None:
        return
    if span.kind == "handler":
        kind: BarKind = "danger" if entry.kind == "error" else "handler"
        yield _bar(kind, span.start_s, span.end_s, scale)
        return
    if span.kind == "folded":
        yield _bar("wait", span.start_s, span.end_s, scale)
        return
    way_s = waited_s(span, spans)
    picked_up_s = span.start_s + span.waited_s
    if way_s > 0:
        yield _bar("wait", picked_up_s - way_s, picked_up_s, scale)
    yield _bar(_KINDS.get(entry.kind, "life"), span.start_s, span.start_s, scale)


def _bar(kind: BarKind, start_s: float, end_s: float, scale: Scale) -> Bar:
    left, right = scale.at(start_s), scale.at(end_s)
    width = max(right - left, LEAST)
    return Bar(kind, min(left, WIDTH - width), width)


def _is_delivery(span: Span) -> bool:
    return span.entry is not None and span.entry.kind == "deliver"
