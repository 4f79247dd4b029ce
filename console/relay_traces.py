"""Traces as all processes know them: which there are, and how much is held of each.

Owns the choice of the first among all, and the two askings that it takes. How entries become
a tree is in `traces`. Called by the relay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from console.entry_view import EntryView
from console.journal import Journal
from console.query import Query
from console.relay_processes import Processes
from console.relay_replies import heard
from console.trace_glance import TraceGlance, TraceListing, TracesRequest, in_order, joined
from console.traces import Held


async def ask_traces(
    processes: Processes, query: Query | None, asked: TracesRequest
) -> TraceListing:
    """Return the traces of which an entry in any process matches, in the order asked for."""
    found = await _listing(processes, query, asked)
    if len(processes.statuses()) == 1 or not found.traces:
        return found
    # A process lists what it knows best: of what the others chose it has to be asked.
    chosen = tuple(one.id for one in found.traces)
    whole = await _listing(processes, None, replace(asked, query="", ids=chosen))
    return replace(whole, is_cut=found.is_cut)


async def _listing(processes: Processes, query: Query | None, asked: TracesRequest) -> TraceListing:
    """Ask each process for traces, and put together what they say."""
    own_part = processes.reader.journal_reader.traces(query, asked)
    (own, count), others = await processes.ask_all(own_part, "traces", asked)
    answers = await heard(others, TraceGlance)
    parts = joined([*own, *(one for answer in answers for one in answer.values)])
    first = in_order(parts, is_slowest_first=asked.is_slowest_first)[: asked.limit]
    is_cut = count > len(own) or len(parts) > len(first)
    return TraceListing(first, is_cut, processes.silent_names(others))


def held_of(entries: Iterable[EntryView], journal: Journal) -> dict[str, Held]:
    """Return the offsets that each process holds, by its epoch, as far as `entries` show it.

    Args:
        journal: of this process, of which all is known.
    """
    held = {journal.epoch: Held(journal.first_offset, journal.position[1])}
    for entry in entries:
        epoch = entry.position.partition(":")[0]
        if epoch != journal.epoch:
            seen = held.get(epoch, Held(entry.offset, entry.offset + 1))
            first, end = min(seen.first, entry.offset), max(seen.end, entry.offset + 1)
            held[epoch] = Held(first, end)
    return held
