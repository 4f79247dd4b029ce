"""What the pages read: connections, entries and totals, redacted.

Reads the recorder of its own process only, in this step. Reading is a coroutine
all the same, because asking other processes will wait for their answers. Knows
no page and no HTML.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from console.connection import ConnectionState
from console.connection_view import ConnectionReader, ConnectionView
from console.entry import DIRECTIONS, Entry, Position, unspell
from console.entry_view import EntryDetail, EntryReader, EntryRecord, EntryView
from console.exports import prometheus
from console.exports.record import Record, record
from console.process import ProcessView
from console.query import Query
from console.rates import rates
from console.recorder import Recorder
from console.redact import Redactor
from console.traces import Held, Trace, build
from console.watch import Watch, Watchers

EFFECTS = 50

__all__ = ["Changes", "EntryPage", "Relay", "Totals", "Watch", "relay"]


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, oldest first.

    Attributes:
        matched: how many of those that are held match the query.
        held: how many are held.
        position: where to go on from with `changes()`.
    """

    entries: list[EntryView]
    matched: int
    held: int
    position: Position


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a position.

    Attributes:
        position: where to go on from.
        connections: those that changed, as they are now, oldest first.
        removed: ids of those that are no longer listed.
        entries: the new ones that match, oldest first.
        missed: entries that fell out of the ring before they were read: a gap.
        sampled_out: matching entries that were left out, to keep the answer small.
        must_reload: whether what was read before is void, because the process has
            started anew; this answer is then all that there is.
    """

    position: Position
    connections: list[ConnectionView]
    removed: list[str]
    entries: list[EntryView]
    missed: int
    sampled_out: int = 0
    must_reload: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """The measurements of the status bar.

    Attributes:
        in_rate, out_rate, layer_rate: happenings a second over the last 10 s.
        held, capacity, held_bytes: entries in the ring, how many fit, what they weigh.
        dropped: layer messages that did not reach a receiver, since the start.
        open_count: open connections; `by_protocol` says how many of each scope type.
    """

    in_rate: float
    out_rate: float
    layer_rate: float
    held: int
    capacity: int
    held_bytes: int
    dropped: int
    open_count: int
    by_protocol: dict[str, int]


class Relay:
    """Reads what a recorder has written.

    Args:
        recorder: whose journal and state are read; set later by `bind()` for the
            relay of the process, which exists before Django is ready.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._recorder: Recorder | None = None
        if recorder is not None:
            self.bind(recorder)

    def __repr__(self) -> str:
        return f"<Relay of {self._recorder!r}>"

    def bind(self, recorder: Recorder) -> None:
        """Read `recorder` from now on."""
        settings, process = recorder.settings, recorder.process
        redactor = Redactor(settings.REDACT)
        self._recorder = recorder
        self._watchers = Watchers(recorder, batch_s=settings.BATCH_MS / 1_000)
        self._connections = ConnectionReader(process.name, redactor, settings.IDLE_S)
        self._entries = EntryReader(process.name, process.epoch, redactor, settings.PREVIEW_CHARS)

    @property
    def recorder(self) -> Recorder:
        """The recorder that is read.

        Raises:
            RuntimeError: there is none, because Django has not set up the console.
        """
        if self._recorder is None:
            raise RuntimeError(
                'Nothing is recorded: expected "console" in INSTALLED_APPS and django.setup().'
            )
        return self._recorder

    async def connections(self, query: Query | None = None) -> list[ConnectionView]:
        """Return the listed connections that match, newest first, closed ones included."""
        recorder = self.recorder
        with recorder.lock:
            views = [self._view_of(known) for known in recorder.state]
        return [view for view in views if not query or query.matches(view.as_record())]

    async def connection(self, connection_id: str) -> ConnectionView | None:
        """Return one connection with its scope, or None if it is not listed."""
        recorder = self.recorder
        with recorder.lock:
            known = recorder.state.get(connection_id)
            return self._view_of(known, with_scope=True) if known is not None else None

    async def entries(
        self,
        query: Query | None = None,
        *,
        connection: str | None = None,
        before: Position | None = None,
        limit: int = 500,
    ) -> EntryPage:
        """Return the newest entries that match.

        Args:
            connection: only those of the connection with this id.
            before: only those older than this position.
            limit: return at most so many.
        """
        recorder = self.recorder
        with recorder.lock:
            journal = recorder.journal
            end = before[1] if before is not None else None
            found = [
                entry
                for entry in journal
                if (end is None or entry.offset < end)
                and _is_on(entry, connection)
                and self._matches(query, entry)
            ]
            page = [self._entries.view(entry) for entry in found[-limit:]]
            return EntryPage(page, len(found), len(journal), journal.position)

    async def entry(self, epoch: str, offset: int) -> EntryDetail | None:
        """Return one entry with its payload, its cause and its effects; None if it is gone."""
        recorder = self.recorder
        with recorder.lock:
            journal = recorder.journal
            entry = journal.find((epoch, offset))
            if entry is None:
                return None
            position = journal.spell(entry)
            effects = [other for other in journal if other.cause == position][:EFFECTS]
            return self._entries.detail(entry, journal.find(unspell(entry.cause)), tuple(effects))

    async def changes(
        self,
        position: Position | None,
        query: Query | None = None,
        *,
        connection: str | None = None,
        limit: int | None = None,
    ) -> Changes:
        """Return what changed since `position`.

        Args:
            position: that of an earlier answer; None for "from now on".
            query: which entries are wanted; connections are not filtered by it.
            connection: only what concerns the connection with this id.
            limit: about how many entries to return; beyond it they are sampled evenly,
                but those of errors and of a connection's life are all kept.
        """
        recorder = self.recorder
        with recorder.lock:
            epoch, offset = position or recorder.journal.position
            must_reload = epoch != recorder.journal.epoch
            offset = 0 if must_reload else offset
            entries, missed = recorder.journal.since(offset)
            wanted = [
                entry
                for entry in entries
                if _is_on(entry, connection) and self._matches(query, entry)
            ]
            kept = _sample(wanted, limit) if limit is not None else wanted
            changed = [
                known
                for known in reversed(recorder.state.changed_since(offset))
                if connection in (None, known.id)
            ]
            return Changes(
                position=recorder.journal.position,
                connections=[self._view_of(known) for known in changed],
                removed=recorder.state.removed_since(offset),
                entries=[self._entries.view(entry) for entry in kept],
                missed=missed,
                sampled_out=len(wanted) - len(kept),
                must_reload=must_reload,
            )

    def records(
        self, query: Query | None = None, *, connections: Collection[str] | None = None
    ) -> Iterator[Record]:
        """Yield the entries that match, oldest first, with their whole payloads.

        Those that are held now are those that are asked; each is redacted as it is taken, which
        takes long for a full ring: take them in a thread.

        Args:
            connections: only those of the connections with these ids.
        """
        recorder = self.recorder
        with recorder.lock:
            held = list(recorder.journal)
        for entry in held:
            is_on = connections is None or (
                entry.connection is not None and entry.connection.id in connections
            )
            if is_on and self._matches(query, entry):
                yield record(entry, self._entries)

    def metrics(self) -> str:
        """Return the counts of this process as Prometheus reads them."""
        recorder = self.recorder
        with recorder.lock:
            return prometheus.render(recorder.process, recorder.state, recorder.journal)

    def trace(self, trace_id: str) -> Trace | None:
        """Return all that one inbound event caused, as a tree; None if nothing is held of it."""
        recorder = self.recorder
        with recorder.lock:
            journal = recorder.journal
            found = [self._entries.view(entry) for entry in journal if entry.trace == trace_id]
            held = {journal.epoch: Held(journal.first_offset, journal.position[1])}
        return build(trace_id, found, held) if trace_id and found else None

    def watch(self) -> Watch:
        """Return a context in which `await watch.changed()` waits for the next change."""
        self.recorder  # noqa: B018 - says what is missing, if it is
        return self._watchers.watch()

    def totals(self) -> Totals:
        """Return the measurements of this process."""
        recorder = self.recorder
        with recorder.lock:
            state, journal = recorder.state, recorder.journal
            rate = rates(journal, recorder.clock())
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

    def processes(self) -> list[ProcessView]:
        """Return the processes that are read: this one."""
        return [self.recorder.process]

    def _view_of(self, known: ConnectionState, *, with_scope: bool = False) -> ConnectionView:
        recorder = self.recorder
        groups = recorder.state.memberships.of_channel(known.channel_name)
        return self._connections.view(known, groups, recorder.clock(), with_scope=with_scope)

    def _matches(self, query: Query | None, entry: Entry) -> bool:
        return not query or query.matches(EntryRecord(entry, self._entries))


def _is_on(entry: Entry, connection_id: str | None) -> bool:
    if connection_id is None:
        return True
    return entry.connection is not None and entry.connection.id == connection_id


def _sample(entries: Sequence[Entry], limit: int) -> Sequence[Entry]:
    if len(entries) <= limit:
        return entries
    step = -(-len(entries) // limit)
    return [
        entry
        for index, entry in enumerate(entries)
        if index % step == 0 or DIRECTIONS[entry.kind] in ("error", "life")
    ]


relay = Relay()
"""The relay of this process, bound to its recorder when Django is ready."""
