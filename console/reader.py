"""Reads the recorder of one process: connections, entries and totals, redacted.

Owns the reading alone: it is what the relay asks in its own process, and what answers a
relay in another one. Long lists are read in slices, so that neither the application's
events nor the recorder wait for them. Knows no page, no layer and no HTML.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from typing import TypeVar

from console.connection import ConnectionState
from console.connection_glance import Glance
from console.connection_view import ConnectionReader, ConnectionView
from console.density import density_of
from console.entry import DIRECTIONS, Direction, Entry, Kind, Position, unspell
from console.entry_view import EntryDetail, EntryReader, EntryRecord, EntryView
from console.exports import prometheus
from console.exports.record import Record, record
from console.journal import Journal
from console.ordering import Order
from console.process import ProcessView, Totals
from console.query import Query
from console.rates import rates
from console.reading import Before, Changes, EntryPage, Listing, RouteCounts
from console.recorder import Recorder
from console.redact import Redactor
from console.slices import first_in_slices, in_slices
from console.trace_glance import TraceFold, TraceGlance, TracesRequest
from console.watch import Watchers

T = TypeVar("T")

EFFECTS = 50
MISSED = 20

MOST_JUDGED = 2_000
"""Entries that one look holds against a filter: of more, some are left out and counted."""

RATED_S = 0.2
"""How long a rate over the last 10 s holds for who else asks for it."""

_KEPT = frozenset(kind for kind, name in DIRECTIONS.items() if name in ("error", "life"))
"""Kinds of which none is left out."""


class Reader:
    """Shows what `recorder` has written.

    Attributes:
        watchers: who waits for it to write more.
    """

    def __init__(self, recorder: Recorder) -> None:
        settings, process = recorder.settings, recorder.process
        redactor = self._redactor = Redactor(settings.REDACT)
        self.recorder = recorder
        self.watchers = Watchers(recorder)
        self._rates: Mapping[Direction, float] = {}
        self._rated_at = float("-inf")
        self._connections = ConnectionReader(process.name, redactor, settings.IDLE_S, process.epoch)
        self.entry_reader = EntryReader(
            process.name, process.epoch, redactor, settings.PREVIEW_CHARS
        )

    def __repr__(self) -> str:
        return f"<Reader of {self.recorder!r}>"

    @property
    def process(self) -> ProcessView:
        """The process that is read."""
        return self.recorder.process

    @property
    def position(self) -> Position:
        """Where the next entry will lie."""
        return self.recorder.journal.position

    async def connections(self, query: Query | None = None) -> list[ConnectionView]:
        """Return the listed connections that match, newest first, closed ones included."""
        return await self._views(glance.known for glance in await self._glances(query))

    async def listing(
        self, query: Query | None, order: Order, hidden: Sequence[str], limit: int
    ) -> Listing:
        """Return the first `limit` rows in `order`; what is hidden is counted, not listed."""
        position, listed = self.position, self._listed()
        if query or not order.is_newest_first:
            glances = await self._glances(query)
            await asyncio.sleep(0)
            protocols = {glance.known.id: glance.known.protocol for glance in glances}
            visible = [glance for glance in glances if glance.known.protocol not in hidden]
            await asyncio.sleep(0)
            lock, is_descending = self.recorder.lock, order.is_descending
            shown = await first_in_slices(
                visible, order.key_of, limit, lock, is_descending=is_descending
            )
            first = [glance.known for glance in shown]
        else:
            # The usual page: which rows it has is known without looking at any closely.
            protocols = {known.id: known.protocol for known in listed}
            await asyncio.sleep(0)
            first = _first(listed, hidden, limit)
        await asyncio.sleep(0)
        return Listing(await self._views(first), protocols, len(listed), position)

    async def matching(self, query: Query | None) -> dict[str, str]:
        """Return the protocols of the listed connections that match, by id."""
        if not query:
            return {known.id: known.protocol for known in self._listed()}
        return {one.known.id: one.known.protocol for one in await self._glances(query)}

    async def open_matching(self, query: Query | None) -> list[str]:
        """Return the ids of the open connections that match, newest first."""
        glances = await self._glances(query)
        return [one.known.id for one in glances if not one.known.is_closed]

    def connection(self, connection_id: str, *, with_scope: bool = True) -> ConnectionView | None:
        """Return one connection, or None if it is not listed."""
        with self.recorder.lock:
            known = self.recorder.state.get(connection_id)
            return self.view_of(known, with_scope=with_scope) if known is not None else None

    async def entries(
        self,
        query: Query | None = None,
        *,
        connection: str | None = None,
        before: Before | None = None,
        limit: int = 500,
    ) -> EntryPage:
        """Return the newest entries that match; see `Relay.entries`."""
        recorder = self.recorder
        held, position = await self._held()
        is_before = self._is_before(before)
        candidates = [entry for entry in held if is_before(entry) and _is_on(entry, connection)]
        found = await self._matching_entries(query, candidates)
        density = density_of(((DIRECTIONS[one.kind], one.at) for one in found), recorder.clock())
        return EntryPage(
            await self._shown(found[-limit:]), len(found), len(held), position, density=density
        )

    async def _held(self) -> tuple[list[Entry], Position]:
        """Return the entries that are held, and where the next one will lie.

        They are made in slices: those that go meanwhile are left out.
        """
        lock = self.recorder.lock
        with lock:
            journal = self.recorder.journal
            position = journal.position
            offsets = range(journal.first_offset, position[1])
        found: list[Entry] = []

        def take(offset: int) -> None:
            if (entry := journal.get(offset)) is not None:
                found.append(entry)

        await in_slices(offsets, take, lock)
        return found, position

    def records(
        self, query: Query | None = None, *, connections: Collection[str] | None = None
    ) -> Iterator[Record]:
        """Yield the entries that match, oldest first, with their whole payloads.

        Those that are held now are those that are asked; each is redacted as it is taken, which
        takes long for a full ring: take them in a thread.

        Args:
            connections: only those of the connections with these ids.
        """
        with self.recorder.lock:
            held = list(self.recorder.journal)
        for entry in held:
            if (found := self.record(entry, query, connections)) is not None:
                yield found

    def record(
        self, entry: Entry, query: Query | None, connections: Collection[str] | None
    ) -> Record | None:
        """Return an entry with its whole payload; None if it does not match."""
        is_on = connections is None or (
            entry.connection is not None and entry.connection.id in connections
        )
        if is_on and (not query or query.matches(EntryRecord(entry, self.entry_reader))):
            return record(entry, self.entry_reader)
        return None

    def piece(self, offset: int, until: int, most: int) -> tuple[list[Entry], int, int]:
        """Return the first entries from `offset` on, how many of them are gone, and the end.

        Args:
            until: without the entries from there on; 0 for those that are held now, of which
                none is gone.
            most: how many entries at most.
        """
        with self.recorder.lock:
            journal = self.recorder.journal
            end = min(until or journal.position[1], journal.position[1])
            missed = max(journal.first_offset - offset, 0) if until else 0
            held, _ = journal.since(offset)
        return [entry for entry in held[:most] if entry.offset < end], missed, end

    async def traces(
        self, query: Query | None, asked: TracesRequest
    ) -> tuple[list[TraceGlance], int]:
        """Return the first traces of which an entry here matches, and how many do."""
        recorder = self.recorder
        held, _ = await self._held()
        fold = TraceFold(asked.ids)
        await in_slices(held, fold.add, recorder.lock)
        wanted = fold.ids_of(await self._matching_entries(query, held)) if query else None
        with recorder.lock:
            return fold.glances(wanted, asked, self.entry_reader)

    def leaf_counts(self) -> dict[tuple[str, str], int]:
        """Return how many connections are open, by scope type and route; of channels, by name."""
        with self.recorder.lock:
            return self.recorder.state.count_by_leaf()

    def route_counts(self) -> RouteCounts:
        """Return who is connected where, and what found no route."""
        leaves = ((*leaf, count) for leaf, count in self.leaf_counts().items())
        return RouteCounts(tuple(leaves), tuple(self.missed_paths()))

    def missed_paths(self) -> list[tuple[str, int]]:
        """Return the paths that no route took, and how often, the most frequent first."""
        with self.recorder.lock:
            misses = self.recorder.state.misses()
        counts: Counter[str] = Counter()
        for miss in misses:
            counts[self._redactor.path(miss.path, {})] += miss.count
        return counts.most_common(MISSED)

    def metrics(self) -> str:
        """Return the counts of this process as Prometheus reads them."""
        recorder = self.recorder
        with recorder.lock:
            return prometheus.render(recorder.process, recorder.state, recorder.journal)

    async def entry(self, offset: int) -> EntryDetail | None:
        """Return one entry with its payload, its cause and its effects; None if it is gone."""
        recorder = self.recorder
        with recorder.lock:
            journal = recorder.journal
            entry = journal.get(offset)
            if entry is None:
                return None
            position = journal.spell(entry)
            effects = [other for other in journal if other.cause == position][:EFFECTS]
            return self.entry_reader.detail(
                entry, journal.find(unspell(entry.cause)), tuple(effects)
            )

    def effects_of(self, position: str) -> list[EntryView]:
        """Return the first entries that the entry at `position`, of any process, has caused."""
        with self.recorder.lock:
            caused = [entry for entry in self.recorder.journal if entry.cause == position]
            return [self.entry_reader.view(entry) for entry in caused[:EFFECTS]]

    def entry_view(self, offset: int) -> EntryView | None:
        """Return the row of one entry; None if it is gone."""
        with self.recorder.lock:
            entry = self.recorder.journal.get(offset)
            return self.entry_reader.view(entry) if entry is not None else None

    async def changes(
        self,
        offset: int,
        query: Query | None = None,
        *,
        connection: str | None = None,
        limit: int | None = None,
        must_reload: bool = False,
        with_connections: bool = True,
    ) -> Changes:
        """Return what changed since the entry at `offset`; see `Relay.changes`."""
        recorder = self.recorder
        with recorder.lock:
            position = recorder.journal.position
            changed = recorder.state.changed_since(offset)[::-1] if with_connections else []
            removed = recorder.state.removed_since(offset)
            most = MOST_JUDGED if query else limit
            judged, count, missed = self._candidates(offset, query, connection, most)
        wanted = await self._matching_entries(query, judged)
        kept = sample(wanted, limit) if query and limit is not None else wanted
        views: list[ConnectionView] = []
        await in_slices(
            [known for known in changed if connection in (None, known.id)],
            lambda known: views.append(self.view_of(known)),
            recorder.lock,
        )
        return Changes(
            position=position,
            connections=views,
            removed=removed,
            entries=await self._shown(kept),
            missed=missed,
            sampled_out=count - len(judged) + len(wanted) - len(kept),
            must_reload=must_reload,
        )

    def _candidates(
        self, offset: int, query: Query | None, connection: str | None, most: int | None
    ) -> tuple[list[Entry], int, int]:
        """Return the entries since `offset` that may be wanted, or about `most` of them.

        Returns:
            Those entries, how many may be wanted, and how many entries are gone.
        """
        journal = self.recorder.journal
        start, kinds, connections = journal.outline(offset)
        places: Sequence[int] = range(len(kinds))
        if query:
            possible = _kinds_of(query)
            # Thousands come between two looks, and mostly none of them is wanted.
            none = possible.isdisjoint(kinds)
            places = () if none else [one for one in places if kinds[one] in possible]
        if connection is not None:
            places = [one for one in places if _id_of(connections[one]) == connection]
        chosen = sample(places, most, kinds.__getitem__) if most is not None else places
        entries = [entry for place in chosen if (entry := journal.get(start + place)) is not None]
        return entries, len(places), max(start - offset, 0)

    def changed_ids(self, offset: int) -> tuple[Position, list[str], list[str]]:
        """Return where it stands, and the ids that changed and that went since `offset`."""
        recorder = self.recorder
        with recorder.lock:
            changed = [known.id for known in recorder.state.changed_since(offset)]
            return recorder.journal.position, changed, recorder.state.removed_since(offset)

    def opened_since(self, offset: int) -> list[str]:
        """Return the ids of the connections that opened since the entry at `offset`."""
        with self.recorder.lock:
            entries, _ = self.recorder.journal.since(offset)
            return [one.connection.id for one in entries if one.kind == "open" and one.connection]

    def totals(self) -> Totals:
        """Return the measurements of this process."""
        recorder = self.recorder
        with recorder.lock:
            state, journal = recorder.state, recorder.journal
            rate = self._rates_at(journal, recorder.clock())
            return Totals(
                in_rate=rate["in"],
                out_rate=rate["out"],
                layer_rate=rate["layer"] + rate["deliver"],
                held=len(journal),
                capacity=journal.capacity,
                held_bytes=journal.held_bytes,
                dropped=state.dropped,
                open_count=state.open_count,
                by_protocol=state.count_by_protocol(),
            )

    def _rates_at(self, journal: Journal, now: float) -> Mapping[Direction, float]:
        """Return the rates: counted once for all who ask within a moment."""
        if not 0.0 < now - self._rated_at < RATED_S:
            self._rates, self._rated_at = rates(journal, now), now
        return self._rates

    def _listed(self) -> list[ConnectionState]:
        with self.recorder.lock:
            return list(self.recorder.state)

    def view_of(self, known: ConnectionState, *, with_scope: bool = False) -> ConnectionView:
        """Return what may be seen of a connection; for who holds the recorder's lock."""
        recorder = self.recorder
        groups = recorder.state.memberships.of_channel(known.channel_name)
        return self._connections.view(known, groups, recorder.clock(), with_scope=with_scope)

    def glance(self, known: ConnectionState) -> Glance:
        """Return a connection looked at for single values; for who holds the recorder's lock."""
        recorder = self.recorder
        groups = recorder.state.memberships.of_channel(known.channel_name)
        return Glance(known, self._connections, groups, recorder.clock())

    async def _views(self, known: Iterable[ConnectionState]) -> list[ConnectionView]:
        views: list[ConnectionView] = []
        await in_slices(known, lambda one: views.append(self.view_of(one)), self.recorder.lock)
        return views

    async def _glances(self, query: Query | None) -> list[Glance]:
        """Return the listed connections that match, newest first, looked at no closer."""
        now = self.recorder.clock()
        memberships, reader = self.recorder.state.memberships, self._connections
        found: list[Glance] = []

        def look(known: ConnectionState) -> None:
            glance = Glance(known, reader, memberships.of_channel(known.channel_name), now)
            if not query or query.matches(glance):
                found.append(glance)

        await in_slices(self._listed(), look, self.recorder.lock)
        return found

    async def _shown(self, entries: Sequence[Entry]) -> list[EntryView]:
        views: list[EntryView] = []
        show = self.entry_reader.view
        await in_slices(entries, lambda entry: views.append(show(entry)), self.recorder.lock)
        return views

    async def _matching_entries(
        self, query: Query | None, entries: Sequence[Entry]
    ) -> Sequence[Entry]:
        if not query:
            return entries
        found: list[Entry] = []

        def look(entry: Entry) -> None:
            if query.matches(EntryRecord(entry, self.entry_reader)):
                found.append(entry)

        await in_slices(entries, look, self.recorder.lock)
        return found

    def _is_before(self, before: Before | None) -> Callable[[Entry], bool]:
        if before is None:
            return lambda entry: True
        epoch, end = before.position
        if epoch == self.recorder.journal.epoch:
            return lambda entry: entry.offset < end
        at = before.at
        return lambda entry: at is None or entry.at < at


def _first(
    listed: Sequence[ConnectionState], hidden: Sequence[str], limit: int
) -> list[ConnectionState]:
    """Return the first `limit` that are not hidden: open ones first, the newest at the top."""
    visible = [known for known in listed if known.protocol not in hidden]
    first = list(islice((known for known in visible if known.closed_at is None), limit))
    closed = (known for known in visible if known.closed_at is not None)
    return first + list(islice(closed, limit - len(first)))


def _is_on(entry: Entry, connection_id: str | None) -> bool:
    if connection_id is None:
        return True
    return entry.connection is not None and entry.connection.id == connection_id


def _id_of(known: ConnectionState | None) -> str:
    return known.id if known is not None else ""


def _kinds_of(query: Query | None) -> frozenset[Kind]:
    """Return the kinds of entries that may be what a query asks for."""
    return frozenset(
        kind
        for kind, direction in DIRECTIONS.items()
        if not query or query.may_match({"kind": kind, "dir": direction})
    )


def sample(
    entries: Sequence[T], limit: int, kind_of: Callable[[T], Kind] = attrgetter("kind")
) -> Sequence[T]:
    """Return about `limit` of `entries`, evenly chosen; errors and lives are all kept."""
    if len(entries) <= limit:
        return entries
    step = -(-len(entries) // limit)
    kinds = list(map(kind_of, entries))
    if _KEPT.isdisjoint(kinds):
        return entries[::step]
    return [
        entry
        for index, (entry, kind) in enumerate(zip(entries, kinds, strict=True))
        if index % step == 0 or kind in _KEPT
    ]
