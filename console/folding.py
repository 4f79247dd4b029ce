"""From what was captured to what is known: many happenings at once, in the order of the tape.

Owns the journal and the state, and how what `tape` has folded comes into them; what is rare is
written one by one by the recorder. Called by the recorder, under its lock.

Source: docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

from typing import Any, Final

from console.capture import type_of, utf8_size
from console.captured import Folded, Waiting
from console.connection import ConnectionState
from console.entry import Entry, spell
from console.handlers import HandlerStats
from console.journal import Journal
from console.state import State
from console.taping import Numbers, Running
from runtime.taps import Cause
from runtime.typing import Event

TRACES: Final = 0x1000000
"""Traces of one process that have an id of their own."""


class Folding:
    """The journal and the state of one process, and how what was captured comes into them.

    Args:
        epoch: of the process; the ids of its traces begin with the first half of it.
        capacity: entries that the journal keeps at most; `capacity_bytes` is what they weigh.
        closed_kept: closed connections that stay listed, for each protocol.

    Attributes:
        traces: the numbers of the traces that begin from now on.
    """

    def __init__(self, epoch: str, *, capacity: int, capacity_bytes: int, closed_kept: int) -> None:
        self.state = State(closed_kept=closed_kept)
        self.journal = Journal(
            epoch, capacity=capacity, capacity_bytes=capacity_bytes, make=self._entry
        )
        self._trace_head = epoch[:6]
        self.traces = Numbers(1)
        self._latest_at = 0.0

    def new_trace(self) -> str:
        """Return the id of a trace that begins."""
        return self._trace(next(self.traces))

    def cause(self, effect_of: Running | Cause | None) -> Cause | None:
        """Return the cause of what is an effect of a handler that runs, or of another cause."""
        if isinstance(effect_of, Running):
            return self._trace(effect_of.trace), self._position(effect_of.cause)
        return effect_of

    def cause_of(self, waited: Waiting) -> Cause:
        """Return the cause of what becomes of a message that waited for its handler."""
        _, trace, offset, _ = waited
        return self._trace(trace), self._position(offset)

    def keep(self, folded: Folded) -> None:
        """Put what was captured into the journal, and count it."""
        if folded.written:
            self._count(folded)
            self.journal.extend(folded.written, folded.held_bytes)
        if folded.earlier:
            self.journal.took(folded.earlier)

    def begin(
        self, known: ConnectionState, message: Event, running: Running, cause: Cause | None
    ) -> None:
        """Say what a handler is an effect of, whose message is not the next that waits."""
        waited = known.take_pending(message)
        if waited is not None:
            running.link(*waited[1:])
        else:
            trace, position = cause or (next(self.traces), "")
            running.link(trace, position, type_of(message))

    def stats_of(self, known: ConnectionState, name: str) -> HandlerStats:
        """Return the counts of a handler that has not ended before."""
        return self.state.handlers.of(known.consumer_class, name)

    def _count(self, folded: Folded) -> None:
        """Count what was captured by its kind."""
        written = folded.written
        first, last = written.at(0), written.at(len(written) - 1)
        if first < self._latest_at:
            self.state.turn_back()
        self._latest_at = last
        tally = self.state.tally
        if last < tally.ends_at:
            tally.add(folded.counts)
        else:  # a step has ended meanwhile
            for kind, at in zip(written.kinds(), written.times(), strict=True):
                tally.count(kind, at)

    def _entry(self, values: list[Any], offset: int) -> Entry:
        """Return an entry as somebody reads it, of what was written of it."""
        kind, at, type, known, kept, kept_bytes, trace, cause, took_s, place, extra = values
        entry = Entry(at, kind, type, known, self._trace(trace), self._position(cause))
        entry.offset = offset
        entry.took_s = took_s
        entry.channel = place
        if kind == "handler":
            entry.facts = {"waited_s": extra}
        elif kind == "deliver":
            entry.group = extra
            entry.payload, entry.size_bytes, _, entry.is_cut = kept
            entry.kept_bytes = kept_bytes
        else:
            entry.payload, entry.kept_bytes = kept, kept_bytes
            entry.size_bytes = len(kept) if isinstance(kept, bytes) else utf8_size(kept)
        return entry

    def _trace(self, trace: str | int) -> str:
        if isinstance(trace, str):
            return trace
        return f"{self._trace_head}{trace % TRACES:06x}"

    def _position(self, cause: str | int) -> str:
        return cause if isinstance(cause, str) else spell(self.journal.epoch, cause)
