"""Reads the recorder of one process: connections, changes and totals, redacted.

Owns the reading alone: it is what the relay asks in its own process, and what answers a
relay in another one. Entries are read by its `journal_reader`. Long lists are read in slices,
so that neither the application's events nor the recorder wait for them. Knows no page, no
layer and no HTML.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from console.connection import ConnectionState
from console.connection_glance import Glance
from console.connection_view import ConnectionReader, ConnectionView
from console.entry import Direction, Position
from console.entry_view import EntryReader
from console.exports import prometheus
from console.journal import Journal
from console.journal_reader import JournalReader
from console.ordering import Order
from console.process import ProcessView, Totals
from console.query import Query
from console.rates import rates
from console.reading import Changes, Listing, RouteCounts
from console.recorder import Recorder
from console.redact import Redactor
from console.sampling import sample
from console.slices import first_in_slices, in_slices
from console.watch import Watchers

MISSED = 20

MOST_JUDGED = 2_000
"""Entries that one look holds against a filter: of more, some are left out and counted."""

RATED_S = 0.2
"""How long a rate over the last 10 s holds for who else asks for it."""


class Reader:
    """Shows what `recorder` has written.

    Attributes:
        entry_reader: shows a single entry.
        journal_reader: reads the entries.
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
        self.journal_reader = JournalReader(recorder, self.entry_reader)

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
            judged, count, missed = self.journal_reader.candidates(offset, query, connection, most)
        wanted = await self.journal_reader.matching(query, judged)
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
            entries=await self.journal_reader.shown(kept),
            missed=missed,
            sampled_out=count - len(judged) + len(wanted) - len(kept),
            must_reload=must_reload,
        )

    def changed_ids(self, offset: int) -> tuple[Position, list[str], list[str]]:
        """Return where it stands, and the ids that changed and that went since `offset`."""
        recorder = self.recorder
        with recorder.lock:
            changed = [known.id for known in recorder.state.changed_since(offset)]
            return recorder.journal.position, changed, recorder.state.removed_since(offset)

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


def _first(
    listed: Sequence[ConnectionState], hidden: Sequence[str], limit: int
) -> list[ConnectionState]:
    """Return the first `limit` that are not hidden: open ones first, the newest at the top."""
    visible = [known for known in listed if known.protocol not in hidden]
    first = list(islice((known for known in visible if known.closed_at is None), limit))
    closed = (known for known in visible if known.closed_at is not None)
    return first + list(islice(closed, limit - len(first)))
