"""What the console hands over as a file, from all processes: whole entries, and connections.

Owns the reading in pieces, so that neither a process nor the console ever holds a ring twice,
and the saying of what is missing: who did not answer, and what was pushed out meanwhile.
Asks through the relay, and each process redacts its own. Knows no format. Used by `downloads`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

from asgiref.sync import sync_to_async

from console import plain
from console.connection_view import ConnectionView
from console.exports.record import Record
from console.query import Query
from console.reading import RecordsRequest
from console.relay import Relay
from console.relay_replies import heard

PIECE = 50
"""Own entries that are read at once: a thread does not keep the interpreter for longer."""

MOST_IDS = 2_000
"""Connections that can be asked for: of more, their entries are left out."""

IDS_AT_ONCE = 50

PATIENCE_S = 10.0
"""How long one piece of another process is waited for."""


@dataclass(slots=True)
class Missing:
    """What an export does not have.

    Attributes:
        silent: names of processes that did not answer, or not to the end.
        pushed_out: entries that were pushed out while they were read, by the process's name.
    """

    silent: list[str] = field(default_factory=list)
    pushed_out: dict[str, int] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """Return what is missing, a sentence each."""
        silent = [f"{name} did not answer: its part is not here." for name in self.silent]
        pushed = [
            f"{name} pushed {count} entries out of its ring before they were read."
            for name, count in self.pushed_out.items()
        ]
        return silent + pushed


class Source(Protocol):
    """The records of one process, oldest first."""

    async def next(self) -> Sequence[Record] | None:
        """Return some more; None when there are no more."""


class Own:
    """The records of this process, read in a thread."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records

    async def next(self) -> Sequence[Record] | None:
        """Return some more; None when there are no more."""
        return await sync_to_async(self._take, thread_sensitive=False)() or None

    def _take(self) -> list[Record]:
        return list(islice(self._records, PIECE))


class Other:
    """The records of another process, asked for piece by piece."""

    def __init__(self, relay: Relay, epoch: str, asked: RecordsRequest, missing: Missing) -> None:
        self._relay = relay
        self._epoch = epoch
        self._asked: RecordsRequest | None = asked
        self._missing = missing

    async def next(self) -> Sequence[Record] | None:
        """Return some more, perhaps none this time; None when there are no more."""
        if self._asked is None:
            return None
        replies = await self._relay.ask(
            "records", plain.to_plain(self._asked), only=self._epoch, timeout_s=PATIENCE_S
        )
        answers = await heard(replies, Record)
        (name,) = self._relay.names_of([self._epoch])
        if not answers:
            self._missing.silent.append(name)
            self._asked = None
            return None
        (answer,) = answers
        if pushed_out := answer.number("missed"):
            counts = self._missing.pushed_out
            counts[name] = counts.get(name, 0) + pushed_out
        offset, until = answer.number("next"), answer.number("until")
        is_on_its_way = self._asked.offset < offset < until
        self._asked = replace(self._asked, offset=offset, until=until) if is_on_its_way else None
        return answer.values


class Gathered:
    """Entries of several processes, in the order of their times.

    Args:
        sources: of the processes.

    Attributes:
        missing: what is not among them; whole when all have been read.
    """

    def __init__(self, sources: Sequence[Source], missing: Missing) -> None:
        self.missing = missing
        self._sources = sources

    @classmethod
    async def of(
        cls, relay: Relay, query: Query | None, connections: Sequence[str] | None = None
    ) -> Gathered:
        """Return the entries of all processes that match.

        Args:
            relay: reads this process and asks the others.
            query: which entries; None for all.
            connections: only those of the connections with these ids.
        """
        # Who there is: a console that nobody has looked at yet knows no other process.
        replies = await relay.ask("connections", {"ids": []})
        answered = list(replies.texts) if replies is not None else []
        missing = Missing(relay.names_of(replies.silent) if replies is not None else [])
        ids = tuple(connections[:MOST_IDS]) if connections is not None else None
        asked = RecordsRequest(str(query or ""), ids)
        own = Own(
            relay.reader.journal_reader.records(query, connections=frozenset(ids) if ids else ids)
        )
        return cls([own, *(Other(relay, one, asked, missing) for one in answered)], missing)

    async def pieces(self) -> AsyncIterator[list[Record]]:
        """Yield the entries, some at once."""
        waiting: list[deque[Record]] = [deque() for _ in self._sources]
        ended = [False for _ in self._sources]
        while not all(ended) or any(waiting):
            for number, source in enumerate(self._sources):
                while not waiting[number] and not ended[number]:
                    some = await source.next()
                    waiting[number].extend(some or ())
                    ended[number] = some is None
            # What is older than the newest that each has said cannot be overtaken any more.
            open_ends = [
                records[-1].view.at
                for records, is_over in zip(waiting, ended, strict=True)
                if not is_over
            ]
            sure = min(open_ends, default=None)
            yield _in_order(_taken(records, sure) for records in waiting)

    async def all(self) -> list[Record]:
        """Return the entries at once."""
        return [one async for piece in self.pieces() for one in piece]


async def scopes(relay: Relay, ids: Sequence[str]) -> list[ConnectionView]:
    """Return the connections with these ids that any process lists, with their scopes."""
    found: dict[str, ConnectionView] = {}
    for one in ids:
        if (view := relay.reader.connection(one)) is not None:
            found[one] = view
    elsewhere = [one for one in ids if one and one not in found]
    for at in range(0, len(elsewhere), IDS_AT_ONCE):
        asked = {"ids": elsewhere[at : at + IDS_AT_ONCE]}
        replies = await relay.ask("connections", asked, timeout_s=PATIENCE_S)
        for answer in await heard(replies, ConnectionView):
            found |= {view.id: view for view in answer.values}
    return [found[one] for one in ids if one in found]


def _taken(records: deque[Record], sure: float | None) -> Iterator[Record]:
    while records and (sure is None or records[0].view.at <= sure):
        yield records.popleft()


def _in_order(parts: Iterable[Iterable[Record]]) -> list[Record]:
    return sorted((one for part in parts for one in part), key=lambda one: one.view.at)
