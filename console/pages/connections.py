"""The room Connections: who is connected, who was, and one of them looked at closely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from console.conf import settings
from console.connection_row import Row, mark_of, row_of
from console.pages.columns import Column, Order, columns
from console.pages.connection_cells import Cells, cells_of, counts_of
from console.pages.dialogs import KEPT
from console.pages.page import Page, Partial, Update
from console.pages.watched_rows import LIMIT, WatchedRows
from console.query_keys import Room
from console.reading import Interest
from console.relay import NoAnswer, relay
from console.row_reading import read_row

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.connection_view import ConnectionView
    from console.entry_view import EntryView
    from console.relay_protocol import Batch

LATEST = 8
ROWS_PER_UPDATE = 50
"""Rows rendered as a whole at once: the rest wait, and are sent in their latest state."""


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
    shortcuts: ClassVar = (
        ("x", "Select the row, to act on several"),
        ("s", "Send an event to the open connection"),
    )
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
        self.no_answer = ""
        self._protocol_of: dict[str, str] = {}
        self._elsewhere: dict[str, Mapping[str, int]] = {}
        self._foreign: dict[str, ConnectionView] = {}  # rows of other processes, as they were

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
        for elsewhere in self._elsewhere.values():
            counts.update(elsewhere)
        names = sorted({*counts, *self.hidden}, key=lambda name: (-counts[name], name))
        return [
            Protocol(name, counts[name], name not in self.hidden, _toggled(self.hidden, name))
            for name in names
        ]

    @property
    def cells(self) -> list[Cells]:
        """The rows, as they are written."""
        return list(map(cells_of, self.rows))

    @property
    def to_row(self) -> str:
        """What the address of a row, as the selected one, begins with; its id follows."""
        params = self.params.copy()
        params.pop("selected", None)
        return f"?{params.urlencode()}{'&' if params else ''}selected="

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What the list is narrowed to, for who acts on all of it."""
        return [(name, one) for name in KEPT for one in self.params.getlist(name)]

    @property
    def foot(self) -> Foot:
        """What the list shows of what matches."""
        matched = sum(protocol.count for protocol in self.protocols if protocol.shown)
        start = (self.number - 1) * LIMIT
        return Foot(matched, start + 1 if matched > start else 0, min(start + LIMIT, matched))

    async def load(self) -> None:
        """Read the list and, if one is selected, what there is to say about it."""
        start = (self.number - 1) * LIMIT
        found = await relay.listing(self.query.query, self.sort, self.hidden, start + LIMIT)
        self.reached, self.since = found.position, dict(found.since)
        self.silent = found.silent
        self._protocol_of, self._elsewhere = dict(found.protocols), dict(found.elsewhere)
        self.rows = found.rows[start:]
        self.held = found.held
        self.watched.start(map(row_of, self.rows))
        self._foreign = {view.id: view for view in self.rows if view.id not in self._protocol_of}
        await self._read_selected()

    @property
    def interest(self) -> Interest | None:
        """The connections of the other processes, held against the filter there."""
        return Interest("rows", str(self.query.query))

    async def update(self) -> Update:
        """Return the rows that changed, came or went, and what stands around them."""
        update = self.status()
        if self.reached is None:
            return update
        listed = self._protocol_of
        found = await relay.rows(self.reached, self.query.query, shown=self.watched, listed=listed)
        self.reached = found.position
        came = [row.protocol for row in found.rows if row.id in found.came]
        for row in [*found.rows, *self._fallen_idle()]:
            self._take(row, is_new=row.id in found.came)
        changed, removed = list(found.changed), list(found.removed)
        heard = self.heard()
        for batch in heard:
            came += self._take_elsewhere(batch)
            changed += [view.id for view in batch.rows]
            removed += batch.removed
        update.fresh = sum(1 for protocol in came if protocol not in self.hidden)
        update.must_reload = found.must_reload or self._has_lost_a_process()
        self._add_rows(update)
        self._add_removed(update, removed)
        is_other = came or removed or any(batch.counts is not None for batch in heard)
        if is_other or "connections-foot" not in self.sent:
            self._add_counts(update)
        self._add_note(update)
        if self.params.get("selected") in changed:
            await self._add_inspector(update)
        return update

    @property
    def note(self) -> str:
        """How many are open, beside the title."""
        return f"{self.totals.open_count} open"

    async def _read_selected(self) -> None:
        chosen = self.params.get("selected", "")
        try:
            self.selected = await relay.connection(chosen) if chosen else None
        except NoAnswer as error:
            self.no_answer = str(error)
        if self.selected is not None:
            found = await relay.entries(
                connection=chosen, limit=LATEST, process=self.selected.epoch
            )
            self.latest = found.entries[::-1]

    def _fallen_idle(self) -> list[Row]:
        """Return shown connections that have been silent for long: no event says so."""
        fallen = []
        for one in self.watched.due():
            row = read_row(relay.reader, one)
            if row is None and (foreign := self._foreign.get(one)) is not None:
                silence = (0,) * len(foreign.activity)
                self._foreign[one] = replace(foreign, state="idle", activity=silence)
                row = row_of(self._foreign[one])
            if row is None:
                self.watched.discard(one)
            else:
                fallen.append(row)
        return fallen

    def _take_elsewhere(self, batch: Batch) -> list[str]:
        """Take what another process says of its connections; returns the protocols of new ones."""
        if batch.counts is not None:
            self._elsewhere[batch.epoch] = batch.counts
        new = []
        for view in batch.rows:
            is_listed = view.id in self.watched
            if view.id in batch.came and not is_listed:
                new.append(view.protocol)
                is_listed = self.takes_new and view.protocol not in self.hidden
            if is_listed:
                self.watched.add(row_of(view))
                self._foreign[view.id] = view
        while len(self._foreign) > 2 * LIMIT:
            del self._foreign[next(iter(self._foreign))]
        return new

    def _has_lost_a_process(self) -> bool:
        """Return whether rows of a process are shown that has gone."""
        there = {status.process.epoch for status in self.statuses}
        return any(
            view.epoch not in there for one, view in self._foreign.items() if one in self.watched
        )

    def _take(self, row: Row, *, is_new: bool) -> None:
        is_listed = row.id in self.watched
        if is_new:
            self._protocol_of[row.id] = row.protocol
            is_listed = self.takes_new and row.protocol not in self.hidden
        if is_listed:
            self.watched.add(row)

    def _add_rows(self, update: Update) -> None:
        rows = [
            view
            for row in self.watched.take(ROWS_PER_UPDATE)
            if (view := self._view_of(row.id)) is not None
        ]
        for view in rows:
            self.watched.tell(view.id, mark_of(view))
        if counted := self.watched.take_counts():
            update.data["counts"] = {row.id: counts_of(row) for row in counted}
        if rows:
            context = {"rows": list(map(cells_of, rows)), "selected": None, "page": self}
            update.partials.append(
                Partial("#connections", "console/parts/connection_rows.html", context, "rows")
            )

    def _view_of(self, connection_id: str) -> ConnectionView | None:
        own = relay.reader.connection(connection_id, with_scope=False)
        return own if own is not None else self._foreign.get(connection_id)

    def _add_removed(self, update: Update, removed: list[str]) -> None:
        for one in removed:
            self._protocol_of.pop(one, None)
            if self.watched.discard(one):
                update.partials.append(
                    Partial(f"#c-{one}", "console/parts/nothing.html", {}, "delete")
                )

    def _add_counts(self, update: Update) -> None:
        protocols, foot = self.protocols, self.foot
        context = {"protocols": protocols, "foot": foot, "params": self.params}
        self._add(update, "protocols", protocols, context)
        self._add(update, "connections-foot", foot, context)

    async def _add_inspector(self, update: Update) -> None:
        await self._read_selected()
        context = {
            "view": self.selected,
            "latest": self.latest,
            "params": self.params,
            "page": self,
        }
        update.partials.append(Partial("#inspector", "console/partials/inspector.html", context))


def _toggled(hidden: list[str], name: str) -> list[str]:
    return [one for one in hidden if one != name] if name in hidden else [*hidden, name]
