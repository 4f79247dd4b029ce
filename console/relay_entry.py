"""One entry as all processes know it: with its payload, its cause and its effects.

Owns whom to ask for which part: the process that holds the entry has the payload, any other
may have its cause or some of its effects. Called by the relay.
"""

from __future__ import annotations

from dataclasses import replace

from console.entry import spell, unspell
from console.entry_view import EntryDetail, EntryView
from console.relay_processes import NoAnswer, Processes
from console.relay_replies import heard

EFFECTS = 50


async def ask_entry(processes: Processes, epoch: str, offset: int) -> EntryDetail | None:
    """Return one entry; None if it is gone.

    Raises:
        NoAnswer: its process did not answer.
    """
    detail = await _detail(processes, epoch, offset)
    if detail is None or processes.node is None:
        return detail
    return await _linked(processes, detail, spell(epoch, offset))


async def _detail(processes: Processes, epoch: str, offset: int) -> EntryDetail | None:
    if epoch == processes.reader.position[0]:
        return await processes.reader.journal_reader.entry(offset)
    replies = await processes.ask("entry", {"offset": offset}, only=epoch)
    if replies is not None and replies.silent:
        if epoch not in {status.process.epoch for status in processes.statuses()}:
            return None  # of a process that has ended
        raise NoAnswer(processes.names_of(replies.silent))
    details = [one for answer in await heard(replies, EntryDetail) for one in answer.values]
    return details[0] if details else None


async def _linked(processes: Processes, detail: EntryDetail, position: str) -> EntryDetail:
    """Add what other processes know of an entry's cause and of its effects."""
    cause = unspell(detail.view.cause)
    effects = {one.position: one for one in detail.effects}
    replies = await processes.ask("effects", {"position": position})
    for answer in await heard(replies, EntryView):
        effects |= {one.position: one for one in answer.values}
    effects |= {one.position: one for one in processes.reader.journal_reader.effects_of(position)}
    caused_by = detail.caused_by
    if caused_by is None and cause is not None:
        found = await _detail(processes, *cause)
        caused_by = found.view if found is not None else None
    in_order = sorted(effects.values(), key=lambda entry: entry.at)
    return replace(detail, caused_by=caused_by, effects=tuple(in_order[:EFFECTS]))
