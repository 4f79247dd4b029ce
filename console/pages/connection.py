"""One connection: its timeline, its scope without its secrets, and its groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from console.entry import unspell
from console.exports.scope_literal import scope_literal
from console.group_view import GroupRow
from console.pages.json_tree import Node, tree
from console.pages.message import Message
from console.pages.page import Crumb, Page, Partial, Update
from console.pages.timeline import (
    HandlerTimes,
    TimelineRow,
    handled_ms,
    handler_times,
    timeline,
)
from console.query import parse
from console.reading import Interest
from console.relay import relay

if TYPE_CHECKING:
    from django.http import QueryDict

    from console.connection_view import ConnectionView
    from console.entry_view import EntryView
    from console.process import ProcessStatus

LIMIT = 500
TABS = ("timeline", "scope", "groups", "session")


KINDS = (
    ("in", "dir:in", "in"),
    ("out", "dir:out", "out"),
    ("layer", "dir:layer,deliver", "layer"),
    ("handlers", "dir:handler,error", "handler"),
)


@dataclass(frozen=True, slots=True)
class KindOfEvent:
    """A filter of the timeline: its name, what it asks for, and its glyph.

    Attributes:
        count: how many there were; None if that is not counted.
    """

    label: str
    query: str
    direction: str
    count: int | None
    is_on: bool


@dataclass(frozen=True, slots=True)
class JoinedGroup:
    """A group that it is in, as all processes know it.

    Attributes:
        after_s: seconds after its opening at which it joined; None if that is no longer held.
    """

    row: GroupRow
    after_s: float | None


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to look at a connection."""

    name: str
    label: str
    count: int | None


class ConnectionPage(Page):
    """One connection, open or closed; its id is the page's subject."""

    name: ClassVar[str] = "connection"
    room: ClassVar[str] = "connections"
    template: ClassVar[str] = "console/connection.html"
    parent: ClassVar[Crumb | None] = Crumb("channelscope:connections", "Connections")
    limit = LIMIT

    view: ConnectionView

    def __init__(self, params: QueryDict, subject: str = "") -> None:
        super().__init__(params, subject)
        self.title = subject
        self.message = Message(params)
        self.before = unspell(params.get("before", ""))
        self.tab = params.get("tab", "") if params.get("tab") in TABS else "timeline"
        self.rows: list[TimelineRow] = []
        self.older = ""
        self.matched = 0
        self.scope: Node | None = None
        self.scope_code = ""
        self.groups: list[JoinedGroup] = []
        self._last_at: float | None = None
        self._handled_ms: dict[str, float] = {}
        self._revision = -1

    @property
    def tabs(self) -> list[Tab]:
        """The tabs, with how much is behind them."""
        return [
            Tab("timeline", "Timeline", self.matched),
            Tab("scope", "Scope", None),
            Tab("groups", "Groups", len(self.view.groups)),
            Tab("session", "Session", len(self.session) if self.session is not None else None),
        ]

    async def load(self) -> None:
        """Read the connection and the last of its events. Raises LookupError if it is gone."""
        await self._read_view()
        found = await relay.entries(
            self.query.query,
            connection=self.subject,
            before=self.before,
            limit=LIMIT,
            process=self.view.epoch,
        )
        self.reached, self.since = found.position, dict(found.since)
        self.matched = found.matched
        self.rows = timeline(found.entries, self.view.opened_at)
        self.older = found.entries[0].position if found.matched > len(found.entries) > 0 else ""
        self._last_at = self.rows[-1].starts_at if self.rows else None
        self._handled_ms = handled_ms(found.entries)
        if self.tab == "groups":
            await self._read_groups()
        if self.tab == "scope":
            shown = self.view.redacted_scope()
            self.scope, self.scope_code = tree(shown), scope_literal(shown)
        await self.message.load()

    async def update(self) -> Update:
        """Return its new events, and its head if something about it changed."""
        update = self.status()
        if self.reached is None:
            return update
        entries, view = await self._read_changes(update)
        handled = self._handled_ms | handled_ms(entries)  # some may be known from loading
        self._handled_ms = dict([*handled.items()][-LIMIT:])
        if entries and self.tab == "timeline":
            self.rows = timeline(entries, self.view.opened_at, self._last_at)
            self._last_at = self.rows[-1].starts_at
            update.fresh = len(self.rows)
            context = {"rows": self.rows, "params": self.params, "page": self}
            update.partials.append(
                Partial("#timeline-rows", "console/parts/timeline_rows.html", context, "rows")
            )
        if view is not None:
            self.view = view
            self._add_head(update)
        return update

    @property
    def interest(self) -> Interest | None:
        """What happens on it, if that is in another process."""
        if relay.is_own(self.subject):
            return None
        return Interest("one", str(self.query.query), self.subject, LIMIT)

    @property
    def status_of_process(self) -> ProcessStatus | None:
        """How the process is that serves it; None if it has gone."""
        found = [one for one in self.statuses if one.process.epoch == self.view.epoch]
        return found[0] if found else None

    @property
    def session(self) -> Mapping[str, object] | None:
        """What its session holds, without its secrets; None if nobody has read that."""
        held = self.view.scope.get("session")
        return held if isinstance(held, Mapping) else None

    @property
    def session_values(self) -> list[tuple[str, Node]]:
        """The same, each value as a tree."""
        return [(str(name), tree(value)) for name, value in (self.session or {}).items()]

    @property
    def kinds(self) -> list[KindOfEvent]:
        """Filters of the timeline that are one click away."""
        counts = (self.view.in_count, self.view.out_count, self.view.layer_count, None)
        return [
            KindOfEvent(*kind, count, self.query.text == kind[1])
            for kind, count in zip(KINDS, counts, strict=True)
        ]

    @property
    def handler_times(self) -> HandlerTimes | None:
        """How long the latest handlers took; None on a timeline that has not all of these."""
        has_all = not self.query.text and not self.before
        return handler_times(self._handled_ms.values()) if has_all else None

    async def _read_groups(self) -> None:
        known, _ = await relay.groups()
        rows = {row.name: row for row in known}
        joins = await relay.entries(
            parse("kind:join"), connection=self.subject, process=self.view.epoch
        )
        joined = {entry.group: entry.at - self.view.opened_at for entry in joins.entries}
        self.groups = [
            JoinedGroup(rows.get(name, GroupRow(name, members=members)), joined.get(name))
            for name, members in self.view.groups
        ]

    async def _read_changes(self, update: Update) -> tuple[list[EntryView], ConnectionView | None]:
        """Return its new entries, and how it stands if that changed."""
        found = await relay.changes(
            self.reached, self.query.query, connection=self.subject, limit=LIMIT
        )
        self.reached = found.position
        update.must_reload = found.must_reload or self.subject in found.removed
        entries, views = list(found.entries), list(found.connections)
        for batch in self.heard():
            entries += batch.entries
            views += [view for view in batch.rows if view.id == self.subject]
            update.must_reload = update.must_reload or self.subject in batch.removed
        return entries, views[-1] if views else None

    async def _read_view(self) -> None:
        view = await relay.connection(self.subject)
        if view is None:
            raise LookupError(self.subject)
        self.view = view
        self.title = view.channel_name or view.id

    def _add_head(self, update: Update) -> None:
        context = {"view": self.view, "page": self}
        update.partials.append(Partial("#ident", "console/partials/ident.html", context))
        if self.tab == "timeline":
            update.partials.append(
                Partial("#sidefacts", "console/partials/sidefacts.html", context)
            )
