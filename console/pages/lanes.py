"""A trace as a sequence: a lane for each connection, in the band of its process.

Owns where lanes, steps and arrows are; the tree is `console.traces`. Not to scale: each step is
as far below the one before it, so that what happens within a millisecond can be read. Used by
the page of a trace. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from console.entry_view import EntryView
from console.templatetags.channelscope import short_type
from console.traces import Span, Trace

LANES = 8
STEPS = 40

TIMES_WIDTH = 60
LANE_WIDTH = 138
TOP = 74
STEP_HEIGHT = 22
BAND_PADDING = 4
STUB = 24
ACT_WIDTH = 8
CHAR_WIDTH = 6.62
"""Of the mono face at 11 pixels."""

NAME_CHARS = 20

_SENT = ("send", "group_send")
_DRAWN = ("in", "out", "accept", "deliver", *_SENT)


@dataclass(frozen=True, slots=True)
class Lane:
    """One vertical line: a client, a connection, or the layer's group or channel."""

    x: int
    title: str
    subtitle: str
    process: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """The lanes of one process."""

    x: int
    width: int
    title: str


@dataclass(frozen=True, slots=True)
class Act:
    """A handler at work."""

    x: int
    y: int
    height: int
    tone: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """One step of a message, as SVG paths.

    Attributes:
        label: words on it; "" for none.
        label_x: where they begin, or their middle if they stand on the line.
        cover_x: where what covers the line below them begins; None for words beside it.
    """

    direction: str
    path: str
    tip: str
    label: str = ""
    label_x: float = 0.0
    label_y: float = 0.0
    cover_x: float | None = None
    cover_width: float = 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """When a step was, in milliseconds after the trace began."""

    y: int
    text: str


@dataclass(slots=True)
class Sequence:
    """What is drawn.

    Attributes:
        lane_count: connections that took part, drawn or not.
        step_count: steps that there are, drawn or not.
    """

    width: int = 0
    height: int = 0
    lanes: list[Lane] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    lane_count: int = 0
    step_count: int = 0

    @property
    def is_cut(self) -> bool:
        """Whether more happened than is drawn."""
        return self.lane_count > LANES or self.step_count > STEPS


def sequence(trace: Trace) -> Sequence:
    """Return the sequence of a trace; one without lanes if nothing of it can be drawn."""
    return _Drawing(trace).draw()


class _Drawing:
    def __init__(self, trace: Trace) -> None:
        self.spans = trace.spans
        self.out = Sequence()
        self.lane_of: dict[str, Lane] = {}
        self.client: Lane | None = None
        self.layer: Lane | None = None
        self.root = next((one.entry for one in self.spans if one.entry is not None), None)
        self.y_of: dict[int, int] = {}

    def draw(self) -> Sequence:
        steps = [
            (index, span)
            for index, span in enumerate(self.spans)
            if span.entry is not None and span.kind == "entry" and span.entry.kind in _DRAWN
        ]
        steps.sort(key=lambda one: one[1].start_s)
        self._place_lanes(span.entry for _, span in steps if span.entry is not None)
        drawn = [one for one in steps if self._is_drawn(one[1])][:STEPS]
        self.out.step_count = sum(self._is_drawn(span) for _, span in steps)
        for number, (index, _) in enumerate(drawn):
            self.y_of[index] = TOP + STEP_HEIGHT * number
        self.out.height = TOP + STEP_HEIGHT * len(drawn) + 12
        for index, span in drawn:
            self._draw_step(index, span)
        self._draw_acts()
        return self.out

    def _place_lanes(self, entries: Iterable[EntryView]) -> None:
        listed = list(entries)
        by_process: dict[str, dict[str, EntryView]] = {}
        for entry in listed:
            if key := _lane_key(entry):
                by_process.setdefault(entry.process, {}).setdefault(key, entry)
        self.out.lane_count = sum(map(len, by_process.values()))
        x, left = TIMES_WIDTH, LANES
        if self.root is not None and self.root.kind == "in":
            self.client = self._add_lane(x, self.root.who or "client", "client")
            x += LANE_WIDTH
        sent = next((one for one in listed if one.kind in _SENT), None)
        for number, (process, members) in enumerate(by_process.items()):
            shown = list(members.items())[:left]
            left -= len(shown)
            if shown:
                self.out.bands.append(Band(x, LANE_WIDTH * len(shown) - BAND_PADDING, process))
            for key, entry in shown:
                name = entry.short_id or entry.channel or process
                self.lane_of[key] = self._add_lane(x, name, entry.who or entry.badge)
                x += LANE_WIDTH
            if number == 0 and sent is not None:
                name = sent.group or sent.channel or "layer"
                self.layer = self._add_lane(x, name, "layer")
                x += LANE_WIDTH
        self.out.width = x

    def _add_lane(self, x: int, title: str, subtitle: str) -> Lane:
        lane = Lane(x + LANE_WIDTH // 2 - BAND_PADDING // 2, _cut(title), _cut(subtitle))
        self.out.lanes.append(lane)
        return lane

    def _is_drawn(self, span: Span) -> bool:
        return span.entry is not None and _lane_key(span.entry) in self.lane_of

    def _draw_step(self, index: int, span: Span) -> None:
        entry, y = span.entry, self.y_of[index]
        assert entry is not None
        lane = self.lane_of[_lane_key(entry)]
        moment = f"{span.start_s * 1_000:.1f}"
        if not self.out.moments or self.out.moments[-1].text != moment:
            self.out.moments.append(Moment(y, moment))
        if entry.kind in _SENT and self.layer is not None:
            self._arrow("layer", lane.x, y, self.layer.x, y, entry.kind)
        elif entry.kind == "deliver" and self.layer is not None:
            sent_y = self.y_of.get(span.parent, y) if span.parent is not None else y
            self._arrow("layer", self.layer.x, min(sent_y + 10, y), lane.x, y, "")
        elif self.client is not None and self.root is not None and self._is_root_s(entry):
            ends = (self.client.x, lane.x) if entry.kind == "in" else (lane.x, self.client.x)
            self._arrow(_direction(entry), ends[0], y, ends[1], y, short_type(entry.type))
        else:
            self._stub(entry, lane.x, y)

    def _is_root_s(self, entry: EntryView) -> bool:
        return self.root is not None and entry.connection == self.root.connection

    def _arrow(self, direction: str, x1: int, y1: int, x2: int, y2: int, label: str) -> None:
        way = 1 if x2 > x1 else -1
        start, end = x1 + way * ACT_WIDTH // 2, x2 - way * ACT_WIDTH // 2
        middle, width = (x1 + x2) / 2, CHAR_WIDTH * len(label) + 8
        self.out.arrows.append(
            Arrow(
                direction=direction,
                path=f"M{start} {y1}L{end - way * 5} {y2}",
                tip=f"M{end} {y2}l{-way * 8} -4v8z",
                label=label,
                label_x=middle,
                label_y=(y1 + y2) / 2 + 3.5,
                cover_x=middle - width / 2 if label else None,
                cover_width=width,
            )
        )

    def _stub(self, entry: EntryView, x: int, y: int) -> None:
        comes = entry.kind in ("in", "deliver")
        start, end = x + ACT_WIDTH // 2, x + ACT_WIDTH // 2 + STUB
        path = f"M{end} {y}L{start + 5} {y}" if comes else f"M{start} {y}L{end - 5} {y}"
        tip = f"M{start} {y}l8 -4v8z" if comes else f"M{end} {y}l-8 -4v8z"
        words = _cut(short_type(entry.type), 9)
        self.out.arrows.append(Arrow(_direction(entry), path, tip, words, end + 4, y + 3.5))

    def _draw_acts(self) -> None:
        effects: dict[int, list[int]] = {}
        for index, span in enumerate(self.spans):
            if span.parent is not None and index in self.y_of:
                effects.setdefault(span.parent, []).append(self.y_of[index])
        for index, span in enumerate(self.spans):
            entry, cause = span.entry, span.parent
            if span.kind != "handler" or entry is None or cause not in self.y_of:
                continue
            lane = self.lane_of.get(_lane_key(entry))
            if lane is not None:
                y = self.y_of[cause]
                end = max([y + 8, *effects.get(index, [])]) + 6
                tone = "danger" if entry.kind == "error" else ""
                self.out.acts.append(Act(lane.x - ACT_WIDTH // 2, y - 3, end - y, tone))


def _lane_key(entry: EntryView) -> str:
    return entry.connection or (f"process {entry.process}" if entry.process else "")


def _direction(entry: EntryView) -> str:
    return entry.direction if entry.direction in ("in", "out") else "layer"


def _cut(text: str, limit: int = NAME_CHARS) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
