"""Reads the journal of one process: entries, alone and in their traces, redacted.

Owns which entries match, and how much of each is handed over: a row, the whole of it, or what
an export holds. Long lists are read in slices, so that neither the application's events nor the
recorder wait for them. Knows no connection but as what an entry is of. Used by the reader, and
by what answers another process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from console.connection import ConnectionState
from console.density import density_of
from console.entry import DIRECTIONS, Entry, Kind, Position, unspell
from console.entry_view import EntryDetail, EntryReader, EntryRecord, EntryView
from console.exports.record import Record, record
from console.query import Query
from console.reading import Before, EntryPage
from console.recorder import Recorder
from console.sampling import sample
from console.slices import in_slices
from console.trace_glance import TraceFold, TraceGlance, TracesRequest

EFFECTS = 50


class JournalReader:
    """Shows the entries that `recorder` holds.

    Args:
        entries: shows a single one.
    """

    def __init__(self, recorder: Recorder, entries: EntryReader) -> None:
        self._recorder = recorder
        self._entries = entries

    def __repr__(self) -> str:
        return f"<JournalReader of {self._recorder!r}>"

    async def entries(
        self,
        query: Query | None = None,
        *,
        connection: str | None = None,
        before: Before | None = None,
        limit: int = 500,
    ) -> EntryPage:
        """Return the newest entries that match; see `Relay.entries`."""
        recorder = self._recorder
        held, position = await self.held()
        is_before = self._is_before(before)
        candidates = [entry for entry in held if is_before(entry) and _is_on(entry, connection)]
        found = await self.matching(query, candidates)
        density = density_of(((DIRECTIONS[one.kind], one.at) for one in found), recorder.clock())
        return EntryPage(
            await self.shown(found[-limit:]), len(found), len(held), position, density=density
        )

    async def entry(self, offset: int) -> EntryDetail | None:
        """Return one entry with its payload, its cause and its effects; None if it is gone."""
        recorder = self._recorder
        with recorder.lock:
            journal = recorder.journal
            entry = journal.get(offset)
            if entry is None:
                return None
            position = journal.spell(entry)
            effects = [other for other in journal if other.cause == position][:EFFECTS]
            return self._entries.detail(entry, journal.find(unspell(entry.cause)), tuple(effects))

    def effects_of(self, position: str) -> list[EntryView]:
        """Return the first entries that the entry at `position`, of any process, has caused."""
        with self._recorder.lock:
            caused = [entry for entry in self._recorder.journal if entry.cause == position]
            return [self._entries.view(entry) for entry in caused[:EFFECTS]]

    async def traces(
        self, query: Query | None, asked: TracesRequest
    ) -> tuple[list[TraceGlance], int]:
        """Return the first traces of which an entry here matches, and how many do."""
        recorder = self._recorder
        held, _ = await self.held()
        fold = TraceFold(asked.ids)
        await in_slices(held, fold.add, recorder.lock)
        wanted = fold.ids_of(await self.matching(query, held)) if query else None
        with recorder.lock:
            return fold.glances(wanted, asked, self._entries)

    def records(
        self, query: Query | None = None, *, connections: Collection[str] | None = None
    ) -> Iterator[Record]:
        """Yield the entries that match, oldest first, with their whole payloads.

        Those that are held now are those that are asked; each is redacted as it is taken, which
        takes long for a full ring: take them in a thread.

        Args:
            connections: only those of the connections with these ids.
        """
        with self._recorder.lock:
            held = list(self._recorder.journal)
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
        if is_on and (not query or query.matches(EntryRecord(entry, self._entries))):
            return record(entry, self._entries)
        return None

    def piece(self, offset: int, until: int, most: int) -> tuple[list[Entry], int, int]:
        """Return the first entries from `offset` on, how many of them are gone, and the end.

        Args:
            until: without the entries from there on; 0 for those that are held now, of which
                none is gone.
            most: how many entries at most.
        """
        with self._recorder.lock:
            journal = self._recorder.journal
            end = min(until or journal.position[1], journal.position[1])
            missed = max(journal.first_offset - offset, 0) if until else 0
            held, _ = journal.since(offset)
        return [entry for entry in held[:most] if entry.offset < end], missed, end

    def opened_since(self, offset: int) -> list[str]:
        """Return the ids of the connections that opened since the entry at `offset`."""
        with self._recorder.lock:
            entries, _ = self._recorder.journal.since(offset)
            return [one.connection.id for one in entries if one.kind == "open" and one.connection]

    def candidates(
        self, offset: int, query: Query | None, connection: str | None, most: int | None
    ) -> tuple[list[Entry], int, int]:
        """Return the entries since `offset` that may be wanted; for who holds the lock.

        Args:
            most: about how many of them: of more, some are left out.

        Returns:
            Those entries, how many may be wanted, and how many entries are gone.
        """
        journal = self._recorder.journal
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

    async def held(self) -> tuple[list[Entry], Position]:
        """Return the entries that are held, and where the next one will lie.

        They are made in slices: those that go meanwhile are left out.
        """
        lock = self._recorder.lock
        with lock:
            journal = self._recorder.journal
            position = journal.position
            offsets = range(journal.first_offset, position[1])
        found: list[Entry] = []

        def take(offset: int) -> None:
            if (entry := journal.get(offset)) is not None:
                found.append(entry)

        await in_slices(offsets, take, lock)
        return found, position

    async def matching(self, query: Query | None, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return those of `entries` that match, in slices."""
        if not query:
            return entries
        found: list[Entry] = []

        def look(entry: Entry) -> None:
            if query.matches(EntryRecord(entry, self._entries)):
                found.append(entry)

        await in_slices(entries, look, self._recorder.lock)
        return found

    async def shown(self, entries: Sequence[Entry]) -> list[EntryView]:
        """Return the rows of `entries`, made in slices."""
        views: list[EntryView] = []
        show = self._entries.view
        await in_slices(entries, lambda entry: views.append(show(entry)), self._recorder.lock)
        return views

    def _is_before(self, before: Before | None) -> Callable[[Entry], bool]:
        if before is None:
            return lambda entry: True
        epoch, end = before.position
        if epoch == self._recorder.journal.epoch:
            return lambda entry: entry.offset < end
        at = before.at
        return lambda entry: at is None or entry.at < at


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
