"""What the pages read: connections, entries and totals of all processes, redacted.

Owns the putting together: this process is read directly, the others answer through the
project's channel layer (`relay_node`). Each says no more than its own pages would show.
Knows no page and no HTML.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Container, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from console import plain, vitals
from console.acting import Acting
from console.action import Action, Outcome, failure
from console.activity import Activity, bounded
from console.activity_reading import read_activity
from console.connection_view import ConnectionView
from console.density import Density
from console.entry import Position, spell, unspell
from console.entry_view import EntryDetail, EntryView
from console.group_reading import read_group, read_groups
from console.group_view import GroupDetail, GroupRow, merged
from console.handlers import STEPS
from console.ordering import Order
from console.process import ProcessReport, ProcessStatus, ProcessView, Totals
from console.query import Query, parse
from console.reader import Reader
from console.reading import (
    Before,
    Changes,
    EntryPage,
    Interest,
    Listing,
    ListingRequest,
    RouteCounts,
    RowChanges,
)
from console.recorder import Recorder
from console.relay_joining import Joining
from console.relay_node import ANSWER_S, RelayNode
from console.relay_replies import Replies, heard
from console.relay_watching import Watched
from console.row_reading import read_rows
from console.sharing import Shared
from console.trace_glance import TraceGlance, TraceListing, TracesRequest, in_order, joined
from console.traces import Held, Trace, build
from console.watch import Watch

T = TypeVar("T")

EFFECTS = 50
TRACE_ENTRIES = 2_000

__all__ = [
    "Before",
    "Changes",
    "EntryPage",
    "Interest",
    "Listing",
    "NoAnswer",
    "Relay",
    "Totals",
    "Watch",
    "relay",
]


class NoAnswer(LookupError):
    """A process that was asked did not answer in time.

    Attributes:
        names: of the processes.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.names = names

    def __str__(self) -> str:
        return (
            f"{', '.join(self.names)} did not answer. A process that is busy answers late, and one"
            " that has ended is taken from the list after half a minute: try again."
        )


class Relay:
    """Reads what the recorders have written.

    Args:
        recorder: that of this process; set later by `bind()` for the relay of the
            process, which exists before Django is ready.

    Attributes:
        shared: what one viewer has asked of all processes, for the others who look.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self._reader: Reader | None = None
        self._joining: Joining | None = None
        self.shared = Shared()
        if recorder is not None:
            self.bind(recorder)

    def __repr__(self) -> str:
        return f"<Relay of {self._reader!r}>"

    def bind(self, recorder: Recorder, joining: Joining | None = None) -> None:
        """Read `recorder` from now on, and the others through `joining`."""
        self._reader = joining.reader if joining is not None else Reader(recorder)
        self.shared = Shared()
        self._joining = joining

    @property
    def reader(self) -> Reader:
        """The reader of this process.

        Raises:
            RuntimeError: there is none, because Django has not set up the console.
        """
        if self._reader is None:
            raise RuntimeError(
                'Nothing is recorded: expected "console" in INSTALLED_APPS and django.setup().'
            )
        return self._reader

    @property
    def recorder(self) -> Recorder:
        """The recorder of this process. Raises RuntimeError if there is none."""
        return self.reader.recorder

    @property
    def limit(self) -> str:
        """Why only this process is seen, and what to do about it, as a sentence; else ""."""
        return self._joining.obstacle if self._joining is not None else ""

    @property
    def joining(self) -> Joining | None:
        """How this process comes to speak with the others."""
        return self._joining

    async def connections(self, query: Query | None = None) -> list[ConnectionView]:
        """Return the connections of this process that match, newest first, closed ones too."""
        return await self.reader.connections(query)

    async def listing(
        self,
        query: Query | None = None,
        order: Order | None = None,
        hidden: Sequence[str] = (),
        limit: int = 200,
    ) -> Listing:
        """Return the first rows of the connections of all processes.

        Args:
            hidden: protocols that are counted, and not listed.
            limit: how many rows.
        """
        order = order or Order()
        node = self._node()
        asked = ListingRequest(str(query or ""), str(order), tuple(hidden), limit)
        own, others = await _both(
            self.reader.listing(query, order, hidden, limit), node, "listing", asked
        )
        rows, held, elsewhere, since = list(own.rows), own.held, {}, {}
        for answer in await heard(others, ConnectionView):
            rows += answer.values
            elsewhere[answer.epoch] = answer.counts("counts")
            held += answer.number("held")
            since[answer.epoch] = answer.number("offset")
        if elsewhere:
            rows.sort(key=lambda view: -view.opened_at)
            rows = order.sort(rows)[:limit]
        silent = self.names_of(others.silent) if others is not None else ()
        return Listing(rows, own.protocols, held, own.position, elsewhere, since, silent)

    async def connection(self, connection_id: str) -> ConnectionView | None:
        """Return one connection with its scope, or None if no process lists it.

        Raises:
            NoAnswer: nobody who answered knows it, and somebody did not answer.
        """
        if (own := self.reader.connection(connection_id)) is not None:
            return own
        replies = await self.ask("connection", {"id": connection_id})
        for answer in await heard(replies, ConnectionView):
            if answer.values:
                return answer.values[0]
        if replies is not None and replies.silent:
            raise NoAnswer(self.names_of(replies.silent))
        return None

    async def groups(
        self, contains: str = "", process: str = ""
    ) -> tuple[list[GroupRow], list[str]]:
        """Return the groups that have members in any process, each once, in no order.

        Args:
            contains: only those whose name has this in it, in any case.
            process: only what the process of this name says.

        Returns: besides them the names of processes that did not answer.
        """
        asked = {"contains": contains}
        own, others = await _both(read_groups(self.reader, contains), self._node(), "groups", asked)
        answers = {self.reader.process.epoch: own}
        for answer in await heard(others, GroupRow):
            answers[answer.epoch] = answer.values
        return merged(self._only(process, answers)), self._silent(others)

    async def group(self, name: str, process: str = "") -> tuple[GroupDetail | None, list[str]]:
        """Return one group as all processes know it; None if none does.

        Returns: besides it the names of processes that did not answer.
        """
        own, others = await _both(
            read_group(self.reader, name), self._node(), "group", {"name": name}
        )
        answers = {self.reader.process.epoch: [own] if own is not None else []}
        for answer in await heard(others, GroupDetail):
            answers[answer.epoch] = answer.values
        found = [one for said in self._only(process, answers) for one in said[:1]]
        whole = found[0] if found else None
        for one in found[1:]:
            whole = whole + one if whole is not None else one
        return whole, self._silent(others)

    async def matching(self, query: Query | None = None) -> tuple[dict[str, list[str]], list[str]]:
        """Return the ids of the open connections that match, by the epoch of their process.

        Returns: besides them the names of processes that did not answer.
        """
        asked = {"query": str(query or "")}
        own, others = await _both(self.reader.open_matching(query), self._node(), "matching", asked)
        found = {self.reader.process.epoch: own}
        for answer in await heard(others, ConnectionView):
            found[answer.epoch] = answer.identifiers("ids")
        silent = self._silent(others)
        return {epoch: ids for epoch, ids in found.items() if ids}, silent

    async def act(self, action: Action, epoch: str = "") -> Outcome:
        """Carry out an action in the process with this epoch, or in this one.

        Returns: what became of it; that a process does not answer is part of it.
        """
        if epoch in ("", self.reader.process.epoch):
            return await Acting(self.recorder).carry_out(action)
        count = max(len(action.connections), 1)
        node = self._node()
        replies = await node.act(action, epoch) if node is not None else None
        if replies is None:
            if epoch not in {status.process.epoch for status in self.statuses()}:
                return Outcome(gone=count)
            return failure("The action could not be sent: the channel layer takes nothing.", count)
        for answer in await heard(replies, Outcome):
            if answer.values:
                return answer.values[0]
        return failure(f"{NoAnswer(self.names_of([epoch]))} It may have happened.", count)

    async def entries(
        self,
        query: Query | None = None,
        *,
        connection: str | None = None,
        before: Before | Position | None = None,
        limit: int = 500,
        process: str = "",
    ) -> EntryPage:
        """Return the newest entries of all processes that match, in the order of their times.

        Args:
            process: ask the process with this epoch alone, besides this one.
            connection: only those of the connection with this id.
            before: only those that are older.
            limit: return at most so many.
        """
        if isinstance(before, tuple):
            before = Before(before)
        asked = {
            "query": str(query or ""),
            "connection": connection or "",
            "before": before.spell() if before else "",
            "limit": limit,
        }
        is_own = connection is not None and self.is_own(connection)
        own, others = await _both(
            self.reader.entries(query, connection=connection, before=before, limit=limit),
            None if is_own else self._node(),
            "entries",
            asked,
            only=process,
        )
        entries, matched, held, since = list(own.entries), own.matched, own.held, {}
        for answer in await heard(others, EntryView):
            entries += answer.values
            matched += answer.number("matched")
            held += answer.number("held")
            since[answer.epoch] = answer.number("offset")
            if (density := Density.read(answer.head.get("density"))) is not None:
                own.density.merge(density)
        if len(entries) > len(own.entries):
            entries.sort(key=lambda entry: entry.at)
        silent = self.names_of(others.silent) if others is not None else ()
        return EntryPage(entries[-limit:], matched, held, own.position, since, silent, own.density)

    async def entry(self, epoch: str, offset: int) -> EntryDetail | None:
        """Return one entry with its payload, its cause and its effects; None if it is gone.

        Raises:
            NoAnswer: its process did not answer.
        """
        detail = await self._detail(epoch, offset)
        if detail is None or self._node() is None:
            return detail
        return await self._linked(detail, spell(epoch, offset))

    async def changes(
        self,
        position: Position | None,
        query: Query | None = None,
        *,
        connection: str | None = None,
        limit: int | None = None,
        with_connections: bool = True,
    ) -> Changes:
        """Return what changed in this process since `position`.

        Args:
            position: that of an earlier answer; None for "from now on".
            query: which entries are wanted; connections are not filtered by it.
            connection: only what concerns the connection with this id.
            limit: about how many entries to return; beyond it they are sampled evenly,
                but those of errors and of a connection's life are all kept.
            with_connections: False for entries alone.
        """
        reader = self.reader
        epoch, offset = position or reader.position
        must_reload = epoch != reader.position[0]
        return await reader.changes(
            0 if must_reload else offset,
            query,
            connection=connection,
            limit=limit,
            must_reload=must_reload,
            with_connections=with_connections,
        )

    async def rows(
        self,
        position: Position | None,
        query: Query | None = None,
        *,
        shown: Container[str],
        listed: Container[str],
    ) -> RowChanges:
        """Return what changed in this process since `position` of the rows that a list shows.

        Args:
            position: that of an earlier answer; None for "from now on".
            query: what a connection has to match to come into the list.
            shown: ids of those on the screen; nobody wants to know more of the others.
            listed: ids of those that are in the list, shown or not.
        """
        reader = self.reader
        epoch, offset = position or reader.position
        must_reload = epoch != reader.position[0]
        return await read_rows(
            reader,
            0 if must_reload else offset,
            query,
            shown=shown,
            listed=listed,
            must_reload=must_reload,
        )

    async def activity(
        self, steps: int = STEPS, *, timeout_s: float = ANSWER_S
    ) -> tuple[dict[str, Activity], list[str]]:
        """Return what each process did, by its epoch, and the epochs of who did not answer.

        Args:
            steps: of how many of the last steps it is wanted what happened in each.
        """
        own, others = await _both(
            read_activity(self.reader, steps),
            self._node(),
            "activity",
            {"steps": steps},
            timeout_s=timeout_s,
        )
        found = {self.reader.position[0]: own}
        for answer in await heard(others, Activity):
            for one in answer.values[:1]:
                found[answer.epoch] = bounded(one)
        return found, list(others.silent) if others is not None else []

    async def trace(self, trace_id: str) -> Trace | None:
        """Return all that one inbound event caused, as a tree; None if nothing is held of it."""
        if not (match := re.fullmatch(r"[\w-]+", trace_id)):
            return None
        page = await self.entries(parse(f"trace:{match.group()}"), limit=TRACE_ENTRIES)
        journal = self.recorder.journal
        held = {journal.epoch: Held(journal.first_offset, journal.position[1])}
        for entry in page.entries:
            epoch = entry.position.partition(":")[0]
            if epoch != journal.epoch:
                seen = held.get(epoch, Held(entry.offset, entry.offset + 1))
                first, end = min(seen.first, entry.offset), max(seen.end, entry.offset + 1)
                held[epoch] = Held(first, end)
        return build(trace_id, page.entries, held) if page.entries else None

    async def traces(
        self, query: Query | None = None, *, is_slowest_first: bool = False, limit: int = 100
    ) -> TraceListing:
        """Return the traces of which an entry in any process matches, the newest first.

        Args:
            is_slowest_first: in place of that.
        """
        asked = TracesRequest(str(query or ""), is_slowest_first, limit)
        found = await self._traces(query, asked)
        if len(self.statuses()) == 1 or not found.traces:
            return found
        # A process lists what it knows best: of what the others chose it has to be asked.
        chosen = tuple(one.id for one in found.traces)
        whole = await self._traces(None, replace(asked, query="", ids=chosen))
        return replace(whole, is_cut=found.is_cut)

    def watch(self) -> Watch:
        """Return a context in which `await watch.changed()` waits for the next change."""
        return self.reader.watchers.watch(self.recorder.settings.BATCH_MS / 1_000)

    def subscribe(
        self, interest: Interest, since: Mapping[str, int], on_news: Callable[[], None]
    ) -> Watched | None:
        """Hear of what changes in the other processes; None if there are none to hear.

        Args:
            since: the offset that each process goes on from, by its epoch.
            on_news: called when there is something to `drain()`.
        """
        node = self._node()
        return node.subscribe(interest, since, on_news) if node is not None else None

    def unsubscribe(self, watched: Watched | None) -> None:
        """Hear no more of it."""
        node = self._node()
        if watched is not None and node is not None:
            node.unsubscribe(watched)

    async def ask(
        self, question: str, arguments: Any, *, only: str = "", timeout_s: float = ANSWER_S
    ) -> Replies | None:
        """Ask the other processes; None if there are none to ask.

        Args:
            question: one that `relay_answers` knows, with its own `arguments`.
            only: the epoch of the one process that is asked; "" for all.
        """
        node = self._node()
        if node is None:
            return None
        return await node.ask(question, arguments, only=only, timeout_s=timeout_s)

    async def routes(self, *, timeout_s: float = ANSWER_S) -> tuple[list[RouteCounts], list[str]]:
        """Return who is connected where in each process, this one first.

        Returns: besides them the names of processes that did not answer.
        """
        replies = await self.ask("routes", {}, timeout_s=timeout_s)
        others = [one for answer in await heard(replies, RouteCounts) for one in answer.values]
        silent = self.names_of(replies.silent) if replies is not None else []
        return [self.reader.route_counts(), *others], silent

    def totals(self, process: str = "", statuses: Sequence[ProcessStatus] | None = None) -> Totals:
        """Return the measurements of all processes that speak, or of those with one name.

        Args:
            statuses: how they are, if that was asked just now.
        """
        chosen = [
            status.report.totals
            for status in (self.statuses() if statuses is None else statuses)
            if not status.is_stale and process in ("", status.process.name)
        ]
        first = chosen[0] if chosen else self.reader.totals()
        for other in chosen[1:]:
            first = first + other
        return first

    def processes(self) -> list[ProcessView]:
        """Return the processes that are read, this one first."""
        return [status.process for status in self.statuses()]

    def statuses(self) -> list[ProcessStatus]:
        """Return how the processes are, this one first."""
        node = self._known()
        report = (
            node.report()
            if node is not None
            else ProcessReport(self.reader.process, self.reader.totals(), vitals.rss_bytes())
        )
        others = node.statuses() if node is not None else []
        return [ProcessStatus(report, is_own=True), *others]

    def other_versions(self) -> dict[str, int]:
        """Return the names of processes that speak another version of the relay, and which."""
        node = self._known()
        return dict(node.watching.other_versions) if node is not None else {}

    def foreign(self) -> str:
        """Return a sentence if another project speaks on the same channel layer; else ""."""
        node = self._known()
        return node.watching.foreign if node is not None else ""

    def is_own(self, connection_id: str) -> bool:
        """Return whether a connection is one of this process."""
        return self.recorder.state.get(connection_id) is not None

    def names_of(self, epochs: Sequence[str]) -> list[str]:
        """Return what processes are called; those that nobody knows by their epoch."""
        if not epochs:
            return []
        names = {status.process.epoch: status.process.name for status in self.statuses()}
        return [names.get(epoch, epoch) for epoch in epochs]

    def _only(self, process: str, answers: Mapping[str, list[T]]) -> list[list[T]]:
        """Return the answers of the processes with one name, or of all."""
        names = {one.process.epoch: one.process.name for one in self.statuses()}
        return [said for epoch, said in answers.items() if process in ("", names.get(epoch, epoch))]

    def _silent(self, replies: Replies | None) -> list[str]:
        return self.names_of(replies.silent) if replies is not None else []

    def _known(self) -> RelayNode | None:
        # Templates are rendered on threads of their own, and ask how the processes are.
        return self._joining.known if self._joining is not None else None

    def _node(self) -> RelayNode | None:
        return self._joining.node if self._joining is not None else None

    async def _detail(self, epoch: str, offset: int) -> EntryDetail | None:
        if epoch == self.reader.position[0]:
            return await self.reader.entry(offset)
        replies = await self.ask("entry", {"offset": offset}, only=epoch)
        if replies is not None and replies.silent:
            if epoch not in {status.process.epoch for status in self.statuses()}:
                return None  # of a process that has ended
            raise NoAnswer(self.names_of(replies.silent))
        details = [one for answer in await heard(replies, EntryDetail) for one in answer.values]
        return details[0] if details else None

    async def _traces(self, query: Query | None, asked: TracesRequest) -> TraceListing:
        """Ask each process for traces, and put together what they say."""
        (own, count), others = await _both(
            self.reader.traces(query, asked), self._node(), "traces", asked
        )
        answers = await heard(others, TraceGlance)
        parts = joined([*own, *(one for answer in answers for one in answer.values)])
        first = in_order(parts, is_slowest_first=asked.is_slowest_first)[: asked.limit]
        silent = self.names_of(others.silent) if others is not None else ()
        return TraceListing(first, count > len(own) or len(parts) > len(first), silent)

    async def _linked(self, detail: EntryDetail, position: str) -> EntryDetail:
        """Add what other processes know of an entry's cause and of its effects."""
        cause = unspell(detail.view.cause)
        effects = {one.position: one for one in detail.effects}
        replies = await self.ask("effects", {"position": position})
        for answer in await heard(replies, EntryView):
            effects |= {one.position: one for one in answer.values}
        effects |= {one.position: one for one in self.reader.effects_of(position)}
        caused_by = detail.caused_by
        if caused_by is None and cause is not None:
            found = await self._detail(*cause)
            caused_by = found.view if found is not None else None
        in_order = sorted(effects.values(), key=lambda entry: entry.at)
        return replace(detail, caused_by=caused_by, effects=tuple(in_order[:EFFECTS]))


async def _both(
    own: Coroutine[Any, Any, T],
    node: RelayNode | None,
    question: str,
    arguments: Any,
    only: str = "",
    timeout_s: float = ANSWER_S,
) -> tuple[T, Replies | None]:
    """Read this process, and ask the others meanwhile."""
    if node is None:
        return await own, None
    if not isinstance(arguments, Mapping):
        arguments = plain.to_plain(arguments)
    asking = node.ask(question, arguments, only=only, timeout_s=timeout_s)
    found, replies = await asyncio.gather(own, asking)
    return found, replies


relay = Relay()
"""The relay of this process, bound to its recorder when Django is ready."""
