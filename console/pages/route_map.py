"""An application's tree laid out as a picture: boxes, and the lines between them.

Owns the geometry, in pixels: leaves at the right, each parent at the mean of its children,
what stands in a chain of middleware as lines of one box. Knows neither counts nor colours:
a line says which leaves lie behind it, and the page knows how many are connected to those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from console.routes import NodeKind, RouteNode

Shape: TypeAlias = Literal["router", "branch", "pattern", "leaf"]
LeafKey: TypeAlias = tuple[str, str]
"""(scope type, the patterns from the root): where a leaf's connections say they are."""

CHAR = 6.62  # of 11 px mono
PADDING = 20
LINE = 18
GAP = 14
COLUMN_GAP = 30
LEAF_HEIGHT = 40
BOX_HEIGHT = 28
HEAD_HEIGHT = 34
MARGIN = 8
MAX_CHARS = 34


@dataclass(slots=True)
class Box:
    """One box of the picture.

    Attributes:
        title: its first line; `lines` are those below it.
        key: of a leaf: where its connections are.
        node: of a leaf: what it stands for.
        x, y, width, height: where it is; y is its middle.
    """

    shape: Shape
    title: str
    lines: tuple[str, ...] = ()
    key: LeafKey | None = None
    node: RouteNode | None = None
    children: list[Box] = field(default_factory=list)
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y - self.height / 2

    @property
    def keys(self) -> list[LeafKey]:
        """The leaves behind it, itself included."""
        inner = [key for child in self.children for key in child.keys]
        return inner if self.key is None else [self.key, *inner]

    def walk(self) -> Iterator[Box]:
        """Yield this box and all those behind it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Line:
    """A line from a box to one behind it.

    Attributes:
        path: the `d` of an SVG path.
        keys: the leaves that it leads to.
        label_x, label_y: where a number on it is centred.
        is_counted: whether a number stands on it: where ways part, and nowhere else.
    """

    path: str
    keys: tuple[LeafKey, ...]
    label_x: float
    label_y: float
    is_counted: bool


@dataclass(frozen=True, slots=True)
class RouteMap:
    """The whole picture."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def lay_out(root: RouteNode) -> RouteMap:
    """Return the tree below `root` as a picture."""
    top = _display(root, "", "", ())
    _measure(top)
    depth = _depth(top)
    columns = _columns(top, depth)
    _place(top, 0, MARGIN, columns, depth)
    boxes = tuple(top.walk())
    width = max(box.x + box.width for box in boxes)
    height = max(box.top + box.height for box in boxes) + MARGIN
    return RouteMap(width, height, boxes, tuple(_lines(top)))


def _display(node: RouteNode, protocol: str, route: str, passed: tuple[str, ...]) -> Box:
    """Return what stands for `node`, below the middleware that was `passed`."""
    if node.kind == "middleware" and node.children:
        return _display(node.children[0], protocol, route, (*passed, node.name))
    if node.kind in ("protocols", "channels", "router"):
        box = Box("router", node.name, passed)
        box.children = [_branch(node.kind, child, protocol, route) for child in node.children]
        return box
    return Box("leaf", node.name, passed, (protocol, route), node)


def _branch(kind: NodeKind, child: RouteNode, protocol: str, route: str) -> Box:
    """Return what leads to `child`: a protocol, a channel or a pattern, with its middleware."""
    passed: list[str] = []
    node = child
    while node.kind == "middleware" and node.children:
        passed.append(node.name)
        node = node.children[0]
    if kind == "protocols":
        box = Box("branch", child.label, tuple(passed))
        protocol = child.label
    else:
        box = Box("pattern", child.label or "(any path)", tuple(passed))
        route += child.label
    box.children = [_display(node, protocol, route, ())]
    return box


def _measure(box: Box) -> None:
    box.title, box.lines = _cut(box.title), tuple(map(_cut, box.lines))
    longest = max(map(len, (box.title, *box.lines)))
    box.width = round(longest * CHAR + PADDING)
    if box.shape == "leaf":
        box.width = max(box.width, 140)
        box.height = LEAF_HEIGHT + LINE * len(box.lines)
    else:
        box.height = HEAD_HEIGHT + LINE * len(box.lines) if box.lines else BOX_HEIGHT
    for child in box.children:
        _measure(child)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…"


def _depth(box: Box) -> int:
    return 1 + max((_depth(child) for child in box.children), default=0)


def _columns(top: Box, depth: int) -> list[float]:
    """Return where each column begins; all leaves share the last one."""
    widths = [0.0] * depth

    def note(box: Box, column: int) -> None:
        place = depth - 1 if box.shape == "leaf" else column
        widths[place] = max(widths[place], box.width)
        for child in box.children:
            note(child, column + 1)

    note(top, 0)
    starts = [0.0]
    for width in widths[:-1]:
        starts.append(starts[-1] + width + COLUMN_GAP)
    return starts


def _place(box: Box, column: int, y: float, columns: list[float], depth: int) -> float:
    """Give `box` and what is behind it their places below `y`. Returns where they end."""
    box.x = columns[depth - 1 if box.shape == "leaf" else column]
    end = y
    for number, child in enumerate(box.children):
        apart = GAP if number and child.shape == "branch" else 0
        end = _place(child, column + 1, end + apart, columns, depth)
    needed = box.height + GAP
    if end - y < needed:
        _shift(box.children, (needed - (end - y)) / 2)
        end = y + needed
    if box.children:
        box.y = (box.children[0].y + box.children[-1].y) / 2
        box.y = min(max(box.y, y + needed / 2), end - needed / 2)
    else:
        box.y = (y + end) / 2
    return end


def _shift(boxes: list[Box], by: float) -> None:
    for box in boxes:
        box.y += by
        _shift(box.children, by)


def _lines(box: Box) -> Iterator[Line]:
    is_parting = len(box.children) > 1
    for child in box.children:
        start, end = box.x + box.width, child.x
        middle = (start + min(end, start + COLUMN_GAP + 8)) / 2
        bend = f"C{middle:g} {box.y:g} {middle:g} {child.y:g} " if box.y != child.y else "L"
        until = min(end, start + COLUMN_GAP + 8)
        path = f"M{start:g} {box.y:g}{bend}{until:g} {child.y:g}H{end:g}"
        share = 0.62
        label_y = box.y + (child.y - box.y) * share
        label_x = start + (until - start) * share
        yield Line(path, tuple(child.keys), label_x, label_y, is_parting)
        yield from _lines(child)
