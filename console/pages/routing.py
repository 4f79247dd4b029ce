"""The room Routing: where every path goes, who is connected there, and what a path would do."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from console.conf import settings
from console.consumer_view import ConsumerView, read_consumer
from console.pages.handler_rows import HandlerRow, handler_rows
from console.pages.page import Update
from console.pages.polling import PollingPage
from console.pages.route_map import LINE, Box, LeafKey, Line, RouteMap, lay_out
from console.reader import MISSED
from console.reading import Interest, RouteCounts
from console.relay import relay
from console.resolution import Resolution, resolve
from console.routes import tree
from runtime.routing import get_default_application

if TYPE_CHECKING:
    from django.http import QueryDict

NUMBER_CHAR = 6.62

ASK_S = 2.0
"""How often the other processes are asked while somebody looks; this one is read each time."""

NEWS_S = 0.35
"""How often they are asked while somebody comes or goes there."""

COMINGS = "kind:open,route,close"

ANSWER_S = 1.0
"""How long one that is silent holds up the page."""


@dataclass(frozen=True, slots=True)
class BoxView:
    """A box as the template draws it; texts are (class, x, y, text). Numbers are texts too:
    a project's locale would write them with a comma."""

    css: str
    x: str
    y: str
    width: str
    height: str
    radius: int
    texts: tuple[tuple[str, str, str, str], ...]
    rule_y: str
    leaf: str
    is_selected: bool
    label: str


@dataclass(frozen=True, slots=True)
class LineView:
    """A line as the template draws it; `number` stands on it where ways part."""

    css: str
    path: str
    width: str
    number: int | None
    plate_x: str
    plate_y: str
    plate_width: str
    label_x: str
    label_y: str


class RoutingPage(PollingPage):
    """The tree of the running application.

    Its address names the path that is tried, as `type` and `path`, and the leaf that is
    looked at, as `leaf`.
    """

    name: ClassVar[str] = "routing"
    room: ClassVar[str] = "routing"
    template: ClassVar[str] = "console/routing.html"
    title = "Routing"

    def __init__(self, params: QueryDict, subject: str = "", **clocks: Any) -> None:
        super().__init__(params, subject, **clocks)
        self.path = params.get("path", "")
        self.leaf = params.get("leaf", "")
        self.protocol = params.get("type", "")
        self.resolution: Resolution | None = None
        self.consumer: ConsumerView | None = None
        self.map = RouteMap(0, 0, (), ())
        self.counts: Mapping[LeafKey, int] = {}
        self.missed: list[tuple[str, int]] = []
        self._elsewhere: list[RouteCounts] = []
        self._asked_at = float("-inf")
        self._is_behind = False

    @property
    def note(self) -> str:
        """How many ways there are, beside the title."""
        count = sum(box.shape == "leaf" for box in self.map.boxes)
        return f"{count} route" if count == 1 else f"{count} routes"

    @property
    def protocols(self) -> list[str]:
        """The scope types that the application serves."""
        return list(dict.fromkeys(key[0] for box in self.map.boxes if (key := box.key)))

    @property
    def width(self) -> int:
        """Of the picture, in pixels."""
        return math.ceil(self.map.width)

    @property
    def height(self) -> int:
        """Of the picture, in pixels."""
        return math.ceil(self.map.height)

    @property
    def boxes(self) -> list[BoxView]:
        """The boxes to draw."""
        return [self._box(box) for box in self.map.boxes]

    @property
    def lines(self) -> list[LineView]:
        """The lines to draw, those of the path that is tried on top."""
        return sorted(map(self._line, self.map.lines), key=lambda line: "is-match" in line.css)

    @property
    def selected_count(self) -> int:
        """How many connections the leaf has that is looked at."""
        return self.counts.get(_key(self.leaf), 0)

    @property
    def selected_query(self) -> str:
        """The filter that finds them in Connections."""
        protocol = f"proto:{_key(self.leaf)[0]}"
        return f"{protocol} consumer:{self.consumer.name}" if self.consumer else protocol

    async def load(self) -> None:
        """Read the application, and who is connected where."""
        await super().load()
        application = get_default_application()
        self.map = _map_of(application)
        if not self.protocol:
            known = self.protocols
            self.protocol = "websocket" if "websocket" in known or not known else known[0]
        if self.path:
            self.resolution = resolve(application, self.protocol, self.path)
            if self.resolution.is_found and not self.leaf:
                self.leaf = _spell(self._matched)
        self.consumer = self._read_consumer()
        await self._ask()
        self.counts, self.missed = self._count()

    async def update(self) -> Update:
        """Return the tree again if somebody came or went, and what the handlers did meanwhile."""
        update = self.status()
        self._is_behind = bool(self.heard()) or self._is_behind
        await self._ask()
        # A process that has started anew may have another tree.
        update.must_reload = not self._goes_on()
        self.counts, self.missed = self._count()
        self._add(update, "tree", self.counts)
        self._add(update, "missed", self.missed)
        if self.consumer is not None:
            self._add(update, "consumer-open", self.selected_count)
            self._add(update, "handlers", self.handlers)
        return update

    @property
    def interest(self) -> Interest | None:
        """That somebody comes or goes in the other processes, not who."""
        return Interest("tail", COMINGS, limit=1)

    @property
    def handlers(self) -> list[HandlerRow]:
        """The handlers of the consumer that is looked at."""
        return handler_rows(self.consumer, self.activities.values()) if self.consumer else []

    @property
    def tick_s(self) -> float:
        """When it asks the others again."""
        return min(max(min(self._wait_s, self._handlers_wait_s), 0.0), 1.0)

    @property
    def _wait_s(self) -> float:
        return self._asked_at + (NEWS_S if self._is_behind else ASK_S) - self._clock()

    @property
    def _handlers_wait_s(self) -> float:
        if self.consumer is None:
            return math.inf
        return self._read_at + super().tick_s - self._clock()

    async def _ask(self) -> None:
        """Ask what it is time to ask for."""
        due = []
        if self._wait_s <= 0:
            due.append(self._ask_others())
        if self._handlers_wait_s <= 0:
            due.append(self._read())
        await asyncio.gather(*due)

    async def _ask_others(self) -> None:
        # What happens while they answer is asked for again.
        self._is_behind, self._asked_at = False, self._clock()
        (_, *self._elsewhere), _ = await relay.routes(timeout_s=ANSWER_S)

    def _count(self) -> tuple[Mapping[LeafKey, int], list[tuple[str, int]]]:
        """Return who is connected where, and what found no route, in all processes."""
        counts: Counter[LeafKey] = Counter()
        missed: Counter[str] = Counter()
        for one in (relay.reader.route_counts(), *self._elsewhere):
            counts.update({(protocol, route): count for protocol, route, count in one.leaves})
            missed.update(dict(one.missed))
        return dict(counts), missed.most_common(MISSED)

    @property
    def _matched(self) -> LeafKey | None:
        if self.resolution is None or not self.resolution.is_found:
            return None
        return (self.resolution.protocol, self.resolution.route)

    def _read_consumer(self) -> ConsumerView | None:
        key = _key(self.leaf)
        for box in self.map.boxes:
            if box.key == key and box.node is not None:
                consumer = getattr(box.node.application, "consumer_class", None)
                return read_consumer(consumer, settings.EDITOR_URL) if consumer else None
        return None

    def _box(self, box: Box) -> BoxView:
        open_count = sum(self.counts.get(key, 0) for key in set(box.keys))
        leaf = _spell(box.key)
        x = f"{box.x + 10:g}"
        texts = [("name", x, f"{box.top + 18:g}", box.title)]
        texts += [
            ("sub", x, f"{box.top + 20 + LINE * number:g}", text)
            for number, text in enumerate(box.lines, 1)
        ]
        if box.shape == "leaf":
            said = f"{open_count} open" if open_count else "no connections"
            texts.append(("sub", x, f"{box.top + box.height - 8:g}", said))
        return BoxView(
            css=self._css("node", box.keys, open_count, box.shape),
            x=f"{box.x:g}",
            y=f"{box.top:g}",
            width=f"{box.width:g}",
            height=f"{box.height:g}",
            radius=13 if box.shape == "pattern" and not box.lines else 4,
            texts=tuple(texts),
            rule_y=f"{box.top + 26:g}" if box.lines and box.shape != "leaf" else "",
            leaf=leaf,
            is_selected=bool(leaf) and leaf == self.leaf,
            label=f"{box.title}, {open_count} open",
        )

    def _line(self, line: Line) -> LineView:
        number = sum(self.counts.get(key, 0) for key in set(line.keys))
        plate = len(str(number)) * NUMBER_CHAR + 8
        return LineView(
            css=self._css("edge", line.keys, number),
            path=line.path,
            width=f"{1 + math.log2(number + 1) / 2:.1f}",
            number=number if line.is_counted else None,
            plate_x=f"{line.label_x - plate / 2:.1f}",
            plate_y=f"{line.label_y - 8:.1f}",
            plate_width=f"{plate:.1f}",
            label_x=f"{line.label_x:.1f}",
            label_y=f"{line.label_y + 4:.1f}",
        )

    def _css(self, kind: str, keys: Any, open_count: int, shape: str = "") -> str:
        words = [kind, shape if shape in ("pattern", "leaf") else ""]
        words.append("is-match" if self._matched in keys else "")
        words.append("" if open_count else "is-empty")
        return " ".join(filter(None, words))


@lru_cache(maxsize=1)
def _map_of(application: Any) -> RouteMap:
    """The application does not change while it runs: it is read once."""
    return lay_out(tree(application))


def _spell(key: LeafKey | None) -> str:
    return " ".join(key) if key is not None else ""


def _key(leaf: str) -> LeafKey:
    protocol, _, route = leaf.partition(" ")
    return protocol, route
