"""What a reader of one process asks for and gets: requests, pages and changes, as values.

Owns their shapes. They are the same for the process that the console runs in and for one
that answers through the channel layer, so they are plain and small. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from console.connection_row import Row
from console.connection_view import ConnectionView
from console.density import Density
from console.entry import Position, spell, unspell
from console.entry_view import EntryView

Subject: TypeAlias = Literal["rows", "tail", "one"]


@dataclass(frozen=True, slots=True)
class Interest:
    """What a page wants to hear of while somebody looks at it.

    Attributes:
        subject: the rows of the connection list, the tail of the traffic, or one connection.
        query: its filter, as the query language has it.
        connection: the id, for one connection.
        limit: rows or entries in one batch.
    """

    subject: Subject
    query: str = ""
    connection: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ListingRequest:
    """A page of the connection list.

    Attributes:
        query: its filter, as the query language has it.
        sort: its order, as `Order.read` has it.
        hidden: protocols that are counted and not listed.
        limit: how many of the first rows are wanted.
    """

    query: str = ""
    sort: str = ""
    hidden: tuple[str, ...] = ()
    limit: int = 200


@dataclass(frozen=True, slots=True)
class Listing:
    """The first rows of a list of connections.

    Attributes:
        protocols: of all in this process that match, hidden ones too, by id.
        held: how many there are, with those that do not match.
        position: where to go on from with `changes()`.
        elsewhere: how many match in each other process, by its epoch and by protocol.
        since: where the other processes go on from, by their epoch.
        silent: names of processes that did not answer: their rows are missing.
    """

    rows: list[ConnectionView]
    protocols: Mapping[str, str]
    held: int
    position: Position
    elsewhere: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)
    silent: Sequence[str] = ()

    @property
    def counts(self) -> Counter[str]:
        """How many match in all processes, by protocol."""
        counts = Counter(self.protocols.values())
        for others in self.elsewhere.values():
            counts.update(others)
        return counts


@dataclass(frozen=True, slots=True)
class RecordsRequest:
    """A piece of what is exported of one process.

    Attributes:
        query: a filter, as the query language has it.
        connections: only what happened on those with these ids; None for all.
        offset: where to go on from.
        until: where to end; 0 for what is held now.
    """

    query: str = ""
    connections: tuple[str, ...] | None = None
    offset: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class RouteCounts:
    """Who is connected where in one process, and what found no route.

    Attributes:
        leaves: (scope type, route, open connections); of channels the name is the route.
        missed: (path, how often), the most frequent first.
    """

    leaves: tuple[tuple[str, str, int], ...] = ()
    missed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """Where to go back from in a list of entries.

    Attributes:
        position: of the entry that the list goes back from.
        at: when that happened, for processes that have other positions; None for none.
    """

    position: Position
    at: float | None = None

    def spell(self) -> str:
        """Return it as text, for an address."""
        place = spell(*self.position)
        return place if self.at is None else f"{place}@{self.at!r}"

    @classmethod
    def read(cls, text: str) -> Before | None:
        """Understand "epoch:offset" and "epoch:offset@seconds"; None for anything else."""
        place, _, moment = text.partition("@")
        position = unspell(place)
        if position is None:
            return None
        try:
            at = float(moment) if moment else None
        except ValueError:
            return None
        return cls(position, at)


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, oldest first.

    Attributes:
        matched: how many of those that are held match the query.
        held: how many are held.
        position: where to go on from with `changes()`.
        since: where the other processes go on from, by their epoch.
        silent: names of processes that did not answer: their entries are missing.
        density: when those that match passed, as far as that is lately.
    """

    entries: list[EntryView]
    matched: int
    held: int
    position: Position
    since: Mapping[str, int] = field(default_factory=dict)
    silent: Sequence[str] = ()
    density: Density = field(default_factory=lambda: Density(0.0))


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What changed since a position of the rows that a list shows, in one process.

    Attributes:
        position: where to go on from.
        changed: ids of all connections that changed, whether they are shown or not.
        rows: those that are shown and changed, and those that came, as they are now.
        came: ids of those that match and were not listed before.
        removed: ids of those that are no longer listed.
        must_reload: whether the process has started anew; see `Changes`.
    """

    position: Position
    changed: Sequence[str]
    rows: list[Row]
    came: frozenset[str]
    removed: list[str]
    must_reload: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a position, in one process.

    Attributes:
        position: where to go on from.
        connections: those that changed, as they are now, oldest first.
        removed: ids of those that are no longer listed.
        entries: the new ones that match, oldest first.
        missed: entries that fell out of the ring before they were read: a gap.
        sampled_out: matching entries that were left out, to keep the answer small.
        must_reload: whether what was read before is void, because the process has
            started anew; this answer is then all that there is.
        came: ids of the connections that match and did not before, as far as somebody
            keeps count: those of other processes.
        counts: of all that match, by protocol, if they changed and somebody keeps count.
    """

    position: Position
    connections: list[ConnectionView]
    removed: list[str]
    entries: list[EntryView]
    missed: int
    sampled_out: int = 0
    must_reload: bool = False
    came: list[str] = field(default_factory=list)
    counts: Mapping[str, int] | None = None

    def __bool__(self) -> bool:
        return bool(
            self.connections
            or self.removed
            or self.entries
            or self.missed
            or self.sampled_out
            or self.counts is not None
        )
