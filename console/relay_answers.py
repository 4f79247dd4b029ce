"""What a process says when another one's console asks: lists, one connection, one entry.

Owns the questions and their arguments. An answer is lines of JSON, the first of which
says what the others are. Called by `relay_requests` with what has been asked; asks the
reader of this process, so that nothing goes out that the pages here would not show.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import Any, TypeAlias

from console import plain
from console.activity_reading import read_activity
from console.entry import Entry
from console.group_reading import read_group, read_groups
from console.ordering import Order
from console.query import LONGEST, Query, QueryError, parse_narrowed
from console.reader import Reader
from console.reading import Before, ListingRequest, RecordsRequest
from console.relay_protocol import RefusedMessage, dumps
from console.slices import in_slices
from console.trace_glance import TracesRequest

MOST_ROWS = 10_000
LONGEST_QUERY = LONGEST + 1_000
"""Of a query, with what a page has narrowed it by; and of any name."""

MOST_RECORDS = 200
"""Entries that are looked at for one piece of an export."""

MOST_RECORD_CHARS = 2_000_000
"""Characters of a piece, after which it ends; one entry more may be in it."""

MOST_SCOPES = 100

Handler: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[list[str]]]


class Answers:
    """Answers about one process."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._handlers: dict[str, Handler] = {
            "listing": self._listing,
            "entries": self._entries,
            "connection": self._connection,
            "entry": self._entry,
            "effects": self._effects,
            "traces": self._traces,
            "matching": self._matching,
            "groups": self._groups,
            "group": self._group,
            "activity": self._activity,
            "connections": self._connections,
            "records": self._records,
            "routes": self._routes,
        }

    async def to(self, question: str, arguments: Mapping[str, Any]) -> str:
        """Return the answer as lines of JSON.

        Raises:
            RefusedMessage: nobody asks so.
        """
        handler = self._handlers.get(question)
        if handler is None:
            raise RefusedMessage(f"Expected one of {', '.join(self._handlers)}.")
        try:
            return "\n".join(await handler(arguments))
        except (plain.MalformedValue, KeyError) as error:
            raise RefusedMessage(f"{question}: {error}") from None

    async def _listing(self, arguments: Mapping[str, Any]) -> list[str]:
        asked = plain.from_plain(ListingRequest, arguments)
        found = await self._reader.listing(
            read_query(asked.query),
            Order.read(asked.sort),
            asked.hidden,
            max(0, min(asked.limit, MOST_ROWS)),
        )
        head = {
            "counts": dict(found.counts),
            "held": found.held,
            "offset": found.position[1],
        }
        return await self._lines(head, found.rows)

    async def _entries(self, arguments: Mapping[str, Any]) -> list[str]:
        page = await self._reader.journal_reader.entries(
            read_query(plain.read_text(arguments["query"], LONGEST_QUERY)),
            connection=plain.read_identifier(arguments["connection"]) or None,
            before=Before.read(plain.read_text(arguments["before"], 200)),
            limit=max(0, min(plain.read_int(arguments["limit"]), MOST_ROWS)),
        )
        head = {
            "matched": page.matched,
            "held": page.held,
            "offset": page.position[1],
            "density": page.density.as_plain(),
        }
        return await self._lines(head, page.entries)

    async def _connection(self, arguments: Mapping[str, Any]) -> list[str]:
        view = self._reader.connection(plain.read_identifier(arguments["id"]))
        return await self._lines({"is_found": view is not None}, [view] if view else [])

    async def _entry(self, arguments: Mapping[str, Any]) -> list[str]:
        offset = plain.read_offset(arguments["offset"])
        detail = await self._reader.journal_reader.entry(offset)
        return await self._lines({"is_found": detail is not None}, [detail] if detail else [])

    async def _effects(self, arguments: Mapping[str, Any]) -> list[str]:
        position = plain.read_text(arguments["position"], 100)
        return await self._lines({}, self._reader.journal_reader.effects_of(position))

    async def _traces(self, arguments: Mapping[str, Any]) -> list[str]:
        asked = plain.from_plain(TracesRequest, arguments)
        asked = replace(asked, limit=max(0, min(asked.limit, MOST_ROWS)))
        glances, matched = await self._reader.journal_reader.traces(read_query(asked.query), asked)
        return await self._lines({"matched": matched}, glances)

    async def _groups(self, arguments: Mapping[str, Any]) -> list[str]:
        contains = plain.read_text(arguments["contains"], LONGEST_QUERY)
        return await self._lines({}, await read_groups(self._reader, contains))

    async def _group(self, arguments: Mapping[str, Any]) -> list[str]:
        found = await read_group(self._reader, plain.read_text(arguments["name"], LONGEST_QUERY))
        return await self._lines({"is_found": found is not None}, [found] if found else [])

    async def _matching(self, arguments: Mapping[str, Any]) -> list[str]:
        query = read_query(plain.read_text(arguments["query"], LONGEST_QUERY))
        found = await self._reader.open_matching(query)
        # Ids alone: a row of each would be a hundred times as much.
        return [dumps({"ids": found[:MOST_ROWS], "matched": len(found)})]

    async def _activity(self, arguments: Mapping[str, Any]) -> list[str]:
        activity = await read_activity(self._reader, plain.read_int(arguments["steps"]))
        return await self._lines({}, [activity])

    async def _connections(self, arguments: Mapping[str, Any]) -> list[str]:
        ids = [plain.read_identifier(one) for one in plain.read_list(arguments["ids"])]
        found = (self._reader.connection(one) for one in ids[:MOST_SCOPES])
        return await self._lines({}, (view for view in found if view is not None))

    async def _records(self, arguments: Mapping[str, Any]) -> list[str]:
        asked = plain.from_plain(RecordsRequest, arguments)
        query, connections = read_query(asked.query), _set_of(asked.connections)
        entries, missed, until = self._reader.journal_reader.piece(
            asked.offset, asked.until, MOST_RECORDS
        )
        lines: list[str] = []
        chars, end = 0, until if not entries else asked.offset

        def write(entry: Entry) -> None:
            nonlocal chars, end
            end = entry.offset + 1
            if (found := self._reader.journal_reader.record(entry, query, connections)) is not None:
                lines.append(dumps(plain.to_plain(found)))
                chars += len(lines[-1])

        fitting = takewhile(lambda entry: chars < MOST_RECORD_CHARS, entries)
        await in_slices(fitting, write, self._reader.recorder.lock)
        return [dumps({"next": end, "until": until, "missed": missed}), *lines]

    async def _routes(self, arguments: Mapping[str, Any]) -> list[str]:
        return await self._lines({}, [self._reader.route_counts()])

    async def _lines(self, head: Mapping[str, Any], values: Iterable[Any]) -> list[str]:
        lines = [dumps(head)]
        lock = self._reader.recorder.lock
        await in_slices(values, lambda value: lines.append(dumps(plain.to_plain(value))), lock)
        return lines


def _set_of(ids: tuple[str, ...] | None) -> frozenset[str] | None:
    return frozenset(ids) if ids is not None else None


def read_query(text: str) -> Query | None:
    """Return the query that `text` spells, None for an empty one. Raises RefusedMessage."""
    if len(text) > LONGEST_QUERY:
        raise RefusedMessage(f"Expected a query of at most {LONGEST_QUERY} characters.")
    try:
        return parse_narrowed(text) or None
    except QueryError as error:
        raise RefusedMessage(f"Expected a query: {error}") from None
