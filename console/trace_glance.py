"""Traces seen from afar: of each its beginning, how long it lasted, and what took part.

Owns the folding of a process's entries into traces, and the putting together of what several
processes say of one. The tree of a trace is `traces`. The times of several processes are taken
as their clocks say them: only the tree knows enough to set clocks right. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from console.entry import DIRECTIONS, Entry
from console.entry_view import EntryView

if TYPE_CHECKING:
    from console.entry_view import EntryReader


@dataclass(frozen=True, slots=True)
class TraceGlance:
    """One trace in a list.

    Attributes:
        started_at: seconds since the Unix epoch.
        ended_at: when the last that is known of it was over.
        entry_count: entries that are held of it.
        delivery_count: layer messages that were delivered.
        error_count: handlers that failed, and messages that were dropped.
        processes: names of those that took part, the one that began it first.
        root: the entry that it began with, or the oldest that is held.
    """

    id: str
    started_at: float
    ended_at: float
    entry_count: int
    delivery_count: int
    error_count: int
    processes: tuple[str, ...]
    root: EntryView

    @property
    def took_ms(self) -> float:
        """How long it lasted, as far as it is held."""
        return max(self.ended_at - self.started_at, 0.0) * 1_000


@dataclass(frozen=True, slots=True)
class TracesRequest:
    """Which traces are wanted.

    Attributes:
        query: its filter: a trace is listed when one of its entries matches.
        is_slowest_first: in place of the newest first.
        ids: only these, whatever the filter says; none for all.
    """

    query: str = ""
    is_slowest_first: bool = False
    limit: int = 100
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraceListing:
    """The first traces of a list.

    Attributes:
        is_cut: whether there are more than these.
        silent: names of processes that did not answer: their part is missing.
    """

    traces: list[TraceGlance]
    is_cut: bool = False
    silent: Sequence[str] = ()


class TraceFold:
    """Folds the entries of one process into traces, one entry at a time.

    Args:
        ids: only these traces; none for all.
    """

    def __init__(self, ids: Collection[str] = ()) -> None:
        self._ids = frozenset(ids)
        self._tracks: dict[str, _Track] = {}

    def add(self, entry: Entry) -> None:
        """Take the next entry, which came after those before it."""
        trace = entry.trace
        if not trace or (self._ids and trace not in self._ids):
            return
        track = self._tracks.get(trace)
        if track is None:
            track = self._tracks[trace] = _Track(entry)
        track.add(entry)

    def ids_of(self, entries: Iterable[Entry]) -> set[str]:
        """Return the traces that these entries belong to."""
        return {entry.trace for entry in entries if entry.trace in self._tracks}

    def glances(
        self, wanted: Collection[str] | None, asked: TracesRequest, reader: EntryReader
    ) -> tuple[list[TraceGlance], int]:
        """Return the first traces in the order that is asked for, and how many there are.

        Args:
            wanted: only these; None for all.
        """
        found = [
            (name, track)
            for name, track in self._tracks.items()
            if wanted is None or name in wanted
        ]
        found.sort(key=lambda one: one[1].rank(is_slowest_first=asked.is_slowest_first))
        first = found[: asked.limit]
        return [track.glance(name, reader) for name, track in first], len(found)


def joined(parts: Iterable[TraceGlance]) -> list[TraceGlance]:
    """Return what several processes say of the same traces as one glance each."""
    known: dict[str, TraceGlance] = {}
    for part in parts:
        other = known.get(part.id)
        known[part.id] = part if other is None else _both(other, part)
    return list(known.values())


def in_order(glances: Iterable[TraceGlance], *, is_slowest_first: bool) -> list[TraceGlance]:
    """Return traces with the newest first, or with the slowest first."""
    if is_slowest_first:
        return sorted(glances, key=lambda one: (-one.took_ms, -one.started_at))
    return sorted(glances, key=lambda one: -one.started_at)


class _Track:
    """What is known of one trace while it is folded."""

    __slots__ = ("deliveries", "ended_at", "entries", "errors", "root", "started_at")

    def __init__(self, root: Entry) -> None:
        self.root = root
        self.started_at = root.at - _before(root)
        self.ended_at = root.at
        self.entries = self.deliveries = self.errors = 0

    def add(self, entry: Entry) -> None:
        self.started_at = min(self.started_at, entry.at - _before(entry))
        self.ended_at = max(self.ended_at, entry.at)
        self.entries += 1
        self.deliveries += entry.kind == "deliver"
        self.errors += DIRECTIONS[entry.kind] == "error"

    def rank(self, *, is_slowest_first: bool) -> tuple[float, float]:
        took_s = self.started_at - self.ended_at if is_slowest_first else 0.0
        return took_s, -self.started_at

    def glance(self, trace_id: str, reader: EntryReader) -> TraceGlance:
        return TraceGlance(
            id=trace_id,
            started_at=self.started_at,
            ended_at=self.ended_at,
            entry_count=self.entries,
            delivery_count=self.deliveries,
            error_count=self.errors,
            processes=(reader.process,),
            root=reader.view(self.root),
        )


def _before(entry: Entry) -> float:
    """Return how long before it was written an entry began: a handler is written as it ends."""
    is_handler = entry.kind in ("handler", "error")
    return (entry.took_s or 0.0) if is_handler else 0.0


def _both(one: TraceGlance, other: TraceGlance) -> TraceGlance:
    # What has no cause began the trace, whatever the clocks of its effects say.
    first, then = sorted((one, other), key=lambda part: (bool(part.root.cause), part.started_at))
    return replace(
        first,
        started_at=min(one.started_at, other.started_at),
        ended_at=max(one.ended_at, other.ended_at),
        entry_count=one.entry_count + other.entry_count,
        delivery_count=one.delivery_count + other.delivery_count,
        error_count=one.error_count + other.error_count,
        processes=tuple(dict.fromkeys((*first.processes, *then.processes))),
    )
