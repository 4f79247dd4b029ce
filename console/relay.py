"""What the pages read: connections, entries and changes of all processes, redacted.

Owns what can be asked, and the putting together of rows and entries: this process is read
directly, the others answer through the project's channel layer (`relay_node`). Each says no
more than its own pages would show. Who they are is in `relay_processes`; what is put together
in more than one step is in `relay_entry`, `relay_groups` and `relay_traces`. Knows no page and
no HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping, Sequence

from console.acting import Acting
from console.action import Action, Outcome, failure
from console.activity import Activity, bounded
from console.activity_reading import read_activity
from console.connection_view import ConnectionView
from console.density import Density
from console.entry import Position
from console.entry_view import EntryDetail, EntryView
from console.group_view import GroupDetail, GroupRow
from console.handlers import STEPS
from console.ordering import Order
from console.process import Totals
from console.query import Query, parse
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
from console.relay_entry import ask_entry
from console.relay_groups import ask_group, ask_groups
from console.relay_node import ANSWER_S
from console.relay_processes import NoAnswer, Processes
from console.relay_replies import Replies, heard
from console.relay_traces import ask_traces, held_of
from console.relay_watching import Watched
from console.row_reading import read_rows
from console.trace_glance import TraceListing, TracesRequest
from console.traces import Trace, build
from console.watch import Watch

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


class Relay(Processes):
    """Reads what the recorders of all processes have written."""

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
        asked = ListingRequest(str(query or ""), str(order), tuple(hidden), limit)
        own, others = await self.ask_all(
            self.reader.listing(query, order, hidden, limit), "listing", asked
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
        silent = self.silent_names(others)
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
        return await ask_groups(self, contains, process)

    async def group(self, name: str, process: str = "") -> tuple[GroupDetail | None, list[str]]:
        """Return one group as all processes know it; None if none does.

        Returns: besides it the names of processes that did not answer.
        """
        return await ask_group(self, name, process)

    async def matching(self, query: Query | None = None) -> tuple[dict[str, list[str]], list[str]]:
        """Return the ids of the open connections that match, by the epoch of their process.

        Returns: besides them the names of processes that did not answer.
        """
        asked = {"query": str(query or "")}
        own, others = await self.ask_all(self.reader.open_matching(query), "matching", asked)
        found = {self.reader.process.epoch: own}
        for answer in await heard(others, ConnectionView):
            found[answer.epoch] = answer.identifiers("ids")
        return {epoch: ids for epoch, ids in found.items() if ids}, self.silent_names(others)

    async def act(self, action: Action, epoch: str = "") -> Outcome:
        """Carry out an action in the process with this epoch, or in this one.

        Returns: what became of it; that a process does not answer is part of it.
        """
        if epoch in ("", self.reader.process.epoch):
            return await Acting(self.recorder).carry_out(action)
        count = max(len(action.connections), 1)
        node = self.node
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
        own_page = self.reader.journal_reader.entries(
            query, connection=connection, before=before, limit=limit
        )
        others: Replies | None = None
        if connection is not None and self.is_own(connection):
            own = await own_page
        else:
            own, others = await self.ask_all(own_page, "entries", asked, only=process)
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
        silent = self.silent_names(others)
        return EntryPage(entries[-limit:], matched, held, own.position, since, silent, own.density)

    async def entry(self, epoch: str, offset: int) -> EntryDetail | None:
        """Return one entry with its payload, its cause and its effects; None if it is gone.

        Raises:
            NoAnswer: its process did not answer.
        """
        return await ask_entry(self, epoch, offset)

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
        own, others = await self.ask_all(
            read_activity(self.reader, steps), "activity", {"steps": steps}, timeout_s=timeout_s
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
        held = held_of(page.entries, self.recorder.journal)
        return build(trace_id, page.entries, held) if page.entries else None

    async def traces(
        self, query: Query | None = None, *, is_slowest_first: bool = False, limit: int = 100
    ) -> TraceListing:
        """Return the traces of which an entry in any process matches, the newest first.

        Args:
            is_slowest_first: in place of that.
        """
        asked = TracesRequest(str(query or ""), is_slowest_first, limit)
        return await ask_traces(self, query, asked)

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
        node = self.node
        return node.subscribe(interest, since, on_news) if node is not None else None

    def unsubscribe(self, watched: Watched | None) -> None:
        """Hear no more of it."""
        node = self.node
        if watched is not None and node is not None:
            node.unsubscribe(watched)

    async def routes(self, *, timeout_s: float = ANSWER_S) -> tuple[list[RouteCounts], list[str]]:
        """Return who is connected where in each process, this one first.

        Returns: besides them the names of processes that did not answer.
        """
        replies = await self.ask("routes", {}, timeout_s=timeout_s)
        others = [one for answer in await heard(replies, RouteCounts) for one in answer.values]
        return [self.reader.route_counts(), *others], self.silent_names(replies)


relay = Relay()
"""The relay of this process, bound to its recorder when Django is ready."""
