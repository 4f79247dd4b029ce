"""The room Connections: who is connected, who was, and one of them looked at closely."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from console.conf import settings
from console.entry import spell
from console.pages.columns import Column, Order, columns
from console.pages.page import NOTHING, Page, Partial, Update
from console.pages.watched_rows import LIMIT, WatchedRows
from console.query_keys import Room
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.connection_view import ConnectionView
    from console.entry_view import EntryView

LATEST = 8
ROWS_PER_UPDATE = 50
"""Rows rendered at once: the rest wait, and are sent in their latest state."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol of the filter: how many connections it has, and what a click on it hides."""

    name: str
    count: int
    shown: bool
    toggled: list[str]


@dataclass(frozen=True, slots=True)
class Foot:
    """What the list shows of what matches."""

    matched: int
    first: int
    last: int

    @property
    def shown(self) -> int:
        """How many rows there are."""
        return self.last - self.first + 1 if self.last else 0

    @property
    def previous(self) -> int | None:
        """The page before this one."""
        return (self.first - 1) // LIMIT if self.first > LIMIT else None

    @property
    def next(self) -> int | None:
        """The page after this one."""
        return self.last // LIMIT + 1 if self.last < self.matched else None


class ConnectionsPage(Page):
    """The list of connections, in the order and with the filter that its address asks for."""

    name: ClassVar[str] = "connections"
    room: ClassVar[str] = "connections"
    query_room: ClassVar[Room] = "connections"
    template: ClassVar[str] = "console/connections.html"
    title = "Connections"
    limit = LIMIT

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.sort = Order.read(params.get("sort", ""))
        self.hidden = params.getlist("hide")
        number = params.get("page", "1")
        self.number = max(int(number), 1) if number.isdecimal() else 1
        self.rows: list[ConnectionView] = []
        self.selected: ConnectionView | None = None
        self.latest: list[EntryView] = []
        self.held = 0
        self.watched = WatchedRows(settings.IDLE_S)
        self._protocol_of: dict[str, str] = {}

    @property
    def columns(self) -> list[Column]:
        """The column heads."""
        return columns(self.sort)

    @property
    def takes_new(self) -> bool:
        """Whether a new connection has a place on the screen."""
        return self.number == 1 and self.sort.is_newest_first

    @property
    def protocols(self) -> list[Protocol]:
        """The protocols of what matches, the most used first, and what a click on each hides."""
        counts = Counter(self._protocol_of.values())
        names = sorted({*counts, *self.hidden}, key=lambda name: (-counts[name], name))
        return [
            Protocol(name, counts[name], name not in self.hidden, _toggled(self.hidden, name))
            for name in names
        ]

    @property
    def foot(self) -> Foot:
        """What the list shows of what matches."""
        matched = sum(protocol.count for protocol in self.protocols if protocol.shown)
        start = (self.number - 1) * LIMIT
        return Foot(matched, start + 1 if matched > start else 0, min(start + LIMIT, matched))

    async def load(self) -> None:
        """Read the list and, if one is selected, what there is to say about it."""
        await super().load()
        matching = await relay.connections(self.query.query)
        self._protocol_of = {view.id: view.protocol for view in matching}
        visible = [view for view in matching if view.protocol not in self.hidden]
        start = (self.number - 1) * LIMIT
        self.rows = self.sort.sort(visible)[start : start + LIMIT]
        self.watched.start(self.rows)
        if not self.rows:
            self.held = len(await relay.connections())
        await self._read_selected()

    async def update(self) -> Update:
        """Return the rows that changed, came or went, and what stands around them."""
        update = self.status()
        if self.reached is None:
            return update
        found = await relay.changes(self.reached, NOTHING)
        self.position = spell(*found.position)
        update.must_reload = found.must_reload
        came = [view for view in found.connections if self._is_new(view)]
        update.fresh = sum(1 for view in came if view.protocol not in self.hidden)
        for view in [*found.connections, *await self._fallen_idle()]:
            self._take(view)
        self._add_rows(update)
        self._add_removed(update, found.removed)
        if came or found.removed:
            self._add_counts(update)
        if any(view.id == self.params.get("selected") for view in found.connections):
            await self._add_inspector(update)
        return update

    @property
    def note(self) -> str:
        """How many are open, beside the title."""
        return f"{self.totals.open_count} open"

    async def _read_selected(self) -> None:
        chosen = self.params.get("selected", "")
        self.selected = await relay.connection(chosen) if chosen else None
        if self.selected is not None:
            found = await relay.entries(connection=chosen, limit=LATEST)
            self.latest = found.entries[::-1]

    async def _fallen_idle(self) -> list[ConnectionView]:
        """Return shown connections that have been silent for long: no event says so."""
        views = {one: await relay.connection(one) for one in self.watched.due()}
        for one in [one for one, view in views.items() if view is None]:
            self.watched.discard(one)
        return [view for view in views.values() if view is not None]

    def _is_new(self, view: ConnectionView) -> bool:
        return view.id not in self._protocol_of and self.query.query.matches(view.as_record())

    def _take(self, view: ConnectionView) -> None:
        is_listed = view.id in self.watched
        if self._is_new(view):
            self._protocol_of[view.id] = view.protocol
            is_listed = self.takes_new and view.protocol not in self.hidden
        if is_listed:
            self.watched.add(view)

    def _add_rows(self, update: Update) -> None:
        rows = self.watched.take(ROWS_PER_UPDATE)
        if rows:
            context = {"rows": rows, "selected": None, "params": self.params, "page": self}
            update.partials.append(
                Partial("#connections", "console/parts/connection_rows.html", context, "rows")
            )

    def _add_removed(self, update: Update, removed: list[str]) -> None:
        for one in removed:
            self._protocol_of.pop(one, None)
            if self.watched.discard(one):
                update.partials.append(
                    Partial(f"#c-{one}", "console/parts/nothing.html", {}, "delete")
                )

    def _add_counts(self, update: Update) -> None:
        around = {"protocols": self.protocols, "foot": self.foot, "note": self.note}
        for name in ("protocols", "connections-foot", "note"):
            context = {**around, "params": self.params}
            update.partials.append(Partial(f"#{name}", f"console/partials/{name}.html", context))

    async def _add_inspector(self, update: Update) -> None:
        await self._read_selected()
        context = {"view": self.selected, "latest": self.latest, "params": self.params}
        update.partials.append(Partial("#inspector", "console/partials/inspector.html", context))


def _toggled(hidden: list[str], name: str) -> list[str]:
    return [one for one in hidden if one != name] if name in hidden else [*hidden, name]
