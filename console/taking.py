"""A recording while it runs: takes what happens in all processes, and hands it to the table.

Owns the task, what it is interested in, and where it goes on from in each process. Reads
through the relay, so that whatever it takes is redacted by the process that has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from console import plain, recordings
from console.connection_view import ConnectionView
from console.entry import Entry
from console.exports.record import Record
from console.query import Query, parse
from console.reading import Interest, RecordsRequest
from console.relay import NoAnswer, Relay, relay
from console.relay_replies import heard
from console.slices import in_slices
from runtime.tasks import spawn

PAUSE_S = 0.25
"""Between two looks."""

MOST_MEMBERS = 40
"""Members of a group that are recorded; the query language has room for so many terms."""

ALL = 2**52
"""An offset that no journal reaches: whatever there is."""


class Taking:
    """One recording that runs.

    Args:
        number: of the recording.
        subject: "connection", "group" or "query".
        of: the connection's id, the group's name, or the query.
        source: the relay to take from.
        pause_s: seconds between two looks.
    """

    def __init__(
        self,
        number: int,
        subject: str,
        of: str,
        *,
        source: Relay = relay,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.number = number
        self._subject = subject
        self._of = of
        self._relay = source
        self._pause_s = pause_s
        self._offsets: dict[str, int] = {}
        self._views: dict[str, ConnectionView] = {}
        self._members: set[str] = set()
        self._is_stopped = asyncio.Event()

    async def prepare(self) -> None:
        """Know where to begin: with all that is held of a connection, with now for the rest."""
        if self._subject == "group":
            members = parse(f"group:{_quoted(self._of)} is:open")
            listing = await self._relay.listing(members, limit=MOST_MEMBERS)
            self._members = {view.id for view in listing.rows}
        page = await self._relay.entries(parse("id:nobody"), limit=1)
        now = {**page.since, page.position[0]: page.position[1]}
        self._offsets = dict.fromkeys(now, 0) if self._subject == "connection" else now

    async def run(self) -> None:
        """Take until it is stopped, or there is no more room."""
        why = "Its process ended."
        # Not for its entries, which it asks for whole: so that the others go on to answer.
        interest = Interest("tail", str(self.query), limit=1)
        watched = self._relay.subscribe(interest, self._offsets, _nothing)
        try:
            while True:
                if watched is not None:
                    watched.drain()
                is_last = self._is_stopped.is_set()
                records, missed = await self._taken()
                why = await recordings.add(self.number, records, await self._seen(), missed)
                if why or is_last:
                    break
                await self._wait()
        finally:
            self._relay.unsubscribe(watched)
            await recordings.end(self.number, why or "It was stopped.")

    def stop(self) -> None:
        """Take what there is, and end."""
        self._is_stopped.set()

    @property
    def query(self) -> Query:
        """What it takes now."""
        if self._subject == "connection":
            return parse(f"id:{_quoted(self._of)}")
        if self._subject == "group":
            terms = [f"group:{_quoted(self._of)}", *(f"id:{one}" for one in sorted(self._members))]
            return parse(" OR ".join(terms))
        return parse(self._of)

    async def _taken(self) -> tuple[list[Record], int]:
        query = self.query
        records, missed = await self._own(query)
        for status in self._relay.statuses():
            if not status.is_own and not status.is_stale:
                others, lost = await self._of_process(status.process.epoch, query)
                records += others
                missed += lost
        records.sort(key=lambda one: one.view.at)
        await self._know(records)
        return records, missed

    async def _own(self, query: Query) -> tuple[list[Record], int]:
        reader = self._relay.reader
        with reader.recorder.lock:
            epoch, end = reader.position
            offset = self._offsets.get(epoch, 0)
            entries, missed = reader.recorder.journal.since(offset)
        found: list[Record] = []

        def take(entry: Entry) -> None:
            if (one := reader.journal_reader.record(entry, query, None)) is not None:
                found.append(one)

        await in_slices([one for one in entries if one.offset < end], take, reader.recorder.lock)
        self._offsets[epoch] = end
        return found, missed if offset else 0

    async def _of_process(self, epoch: str, query: Query) -> tuple[list[Record], int]:
        offset = self._offsets.get(epoch, 0)
        asked = RecordsRequest(str(query), None, offset, ALL)
        replies = await self._relay.ask("records", plain.to_plain(asked), only=epoch)
        found: list[Record] = []
        missed = 0
        for answer in await heard(replies, Record):
            found += answer.values
            self._offsets[epoch] = max(answer.number("next"), offset)
            missed += answer.number("missed") if offset else 0
        return found, missed

    async def _know(self, records: Sequence[Record]) -> None:
        """Read the connections that are new, and the members that have joined."""
        for one in records:
            known = one.view.connection
            if known and self._is_join(one) and len(self._members) < MOST_MEMBERS:
                self._members.add(known)
            if known and known not in self._views:
                try:
                    view = await self._relay.connection(known)
                except NoAnswer:
                    continue
                if view is not None:
                    self._views[known] = view

    def _is_join(self, record: Record) -> bool:
        view = record.view
        return self._subject == "group" and view.kind == "join" and view.group == self._of

    async def _seen(self) -> dict[str, ConnectionView]:
        """Return the connections as they are now, with the scopes that they opened with."""
        for known in self._views:
            now = self._relay.reader.connection(known)
            if now is not None:
                self._views[known] = now
        return dict(self._views)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._pause_s):
                await self._is_stopped.wait()
        except TimeoutError:
            pass


_running: dict[int, Taking] = {}


async def start(number: int, subject: str, of: str) -> Taking:
    """Begin to take in this process, and go on when the caller has gone."""
    taking = Taking(number, subject, of)
    await taking.prepare()
    _running[number] = taking
    task = spawn(taking.run(), name=f"recording {number}")
    task.add_done_callback(lambda _: _running.pop(number, None))
    return taking


async def stop(number: int) -> None:
    """End a recording, wherever it runs."""
    taking = _running.get(number)
    if taking is not None:
        taking.stop()
    else:
        await recordings.ask_to_end(number)


def _nothing() -> None:
    """It looks by itself, often enough."""


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
