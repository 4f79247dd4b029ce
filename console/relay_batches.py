"""What changed in this process, as batches for one subscription after the other.

Owns how a look at the journal becomes messages of a bounded size, and the rosters of those
who look at the list of connections. Called by the publisher, four times a second as long as a
console is open; sends nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from console import plain
from console.connection_view import ConnectionView
from console.entry_view import EntryView
from console.query import Query
from console.reader import Reader
from console.reading import Changes
from console.relay_answers import read_query
from console.relay_leases import Told
from console.relay_protocol import PART_CHARS, Batch, RefusedMessage, dumps
from console.roster import Roster
from console.slices import in_slices

ROWS_PER_BATCH = 100
ROWS_AT_FIRST = 200
"""Rows of a process that appears: the others are counted, and shown when the list is asked for."""

T = TypeVar("T", ConnectionView, EntryView)


class Batches:
    """The batches of one process."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def next(self, told: Told) -> list[Batch]:
        """Return what there is to tell, and note that it was looked at; often nothing.

        Each batch lies where the one before it ended. The caller moves `told.sent` as
        they go out; if one does not, the next look begins there again.
        """
        try:
            query = read_query(told.interest.query)
        except RefusedMessage:
            return []
        if told.interest.subject == "rows":
            return await self._rows(told, query)
        position = self._reader.position[1]
        if position == told.cursor:
            return []
        is_one = told.interest.subject == "one"
        changes = await self._reader.changes(
            told.cursor,
            query,
            connection=told.interest.connection if is_one else None,
            limit=told.interest.limit,
            with_connections=is_one,
        )
        told.cursor = changes.position[1]
        if is_one:
            gone = [one for one in changes.removed if one == told.interest.connection]
            changes = replace(changes, removed=gone, missed=0)
        else:
            changes = replace(changes, removed=[])
        return _packed(told, self._reader.process.epoch, changes) if changes else []

    def rewound(self, told: Told) -> None:
        """The viewer goes back: what it may not have heard of is told again."""
        if told.roster is not None:
            _, changed, _ = self._reader.changed_ids(told.cursor)
            told.roster.again(changed)
            told.is_rewound = True

    def not_sent(self, told: Told, batches: Sequence[Batch]) -> None:
        """These did not go out: the next look begins where they did."""
        told.cursor = told.sent
        if told.roster is not None:
            told.roster.again(one for batch in batches for one in batch.came)
            told.roster.note((view.id for batch in batches for view in batch.rows), [])
            told.is_rewound = True

    async def _rows(self, told: Told, query: Query | None) -> list[Batch]:
        roster = told.roster
        if roster is None:
            roster = told.roster = await self._new_roster(told, query)
        position, changed, removed = self._reader.changed_ids(told.cursor)
        gone = roster.note(changed[::-1], removed)
        told.cursor = position[1]
        views, came = await self._told_rows(roster, query, told.interest.limit)
        if told.is_rewound:
            gone, told.is_rewound = removed, False
        changes = Changes(position, views, gone, [], 0, came=came, counts=roster.take_counts())
        return _packed(told, self._reader.process.epoch, changes) if changes else []

    async def _new_roster(self, told: Told, query: Query | None) -> Roster:
        matching = await self._reader.matching(query)
        roster = Roster(matching)
        if told.is_unknown:  # a process that the list has never shown: its rows are new
            roster.again([*matching][:ROWS_AT_FIRST])
        else:  # what opened while the question was on its way is new, too
            roster.again(self._reader.journal_reader.opened_since(told.cursor))
        return roster

    async def _told_rows(
        self, roster: Roster, query: Query | None, limit: int
    ) -> tuple[list[ConnectionView], list[str]]:
        views: list[ConnectionView] = []
        came: list[str] = []

        def tell(connection_id: str) -> None:
            view = self._reader.connection(connection_id, with_scope=False)
            if view is None:
                return
            matches = not query or query.matches(view.as_record())
            news = roster.tell(view.id, view.protocol, matches)
            if news:
                views.append(view)
            if news == "came":
                came.append(view.id)

        turn = roster.next(min(limit, ROWS_PER_BATCH))
        await in_slices(turn, tell, self._reader.recorder.lock)
        return views, came


def _packed(told: Told, epoch: str, changes: Changes) -> list[Batch]:
    """Return the changes as batches that fit into a message each, one after the other."""
    end = changes.position[1]
    row_groups, entry_groups = _groups(changes.connections), _groups(changes.entries)
    said = sum(map(len, entry_groups))
    first = Batch(
        told.subscription,
        epoch,
        told.origin,
        told.sent,
        end,
        removed=tuple(changes.removed),
        missed=changes.missed,
        # One that is too large for any message is left out, as one too many is.
        sampled_out=changes.sampled_out + len(changes.entries) - said,
        counts=changes.counts,
    )
    if row_groups:  # a group of each fits into one message
        first = _with_rows(first, row_groups.pop(0), changes.came)
    starts = [group[0].offset for group in entry_groups[1:]]
    parts = [replace(first, end=starts[0] if starts else end, entries=_first(entry_groups))]
    bare = Batch(told.subscription, epoch, told.origin, end, end)
    for group, start, next_start in zip(entry_groups[1:], starts, [*starts[1:], end], strict=False):
        parts.append(replace(bare, start=start, end=next_start, entries=tuple(group)))
    return parts + [_with_rows(bare, rows, changes.came) for rows in row_groups]


def _first(groups: Sequence[Sequence[EntryView]]) -> tuple[EntryView, ...]:
    return tuple(groups[0]) if groups else ()


def _with_rows(batch: Batch, rows: Sequence[ConnectionView], came: Sequence[str]) -> Batch:
    ids = {view.id for view in rows}
    return replace(batch, rows=tuple(rows), came=tuple(one for one in came if one in ids))


def _groups(values: Sequence[T]) -> list[list[T]]:
    """Return `values` in groups that are small enough for a message."""
    groups: list[list[T]] = []
    room = 0
    for value in values:
        size = len(dumps(plain.to_plain(value)))
        if size > PART_CHARS:
            continue
        if size > room or not groups:
            groups.append([])
            room = PART_CHARS
        groups[-1].append(value)
        room -= size
    return groups
