"""From what was captured to what is known: many happenings at once, in the order of the tape.

Owns the fold of the happenings that come with every message; the rare ones are written one by
one by the recorder. What is done for each is written out where it is done, in one loop over
local names: a method for each would double what observation costs. Called by the recorder,
under its lock.

Source: docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from sys import getsizeof
from typing import Any, Final

from console.capture import utf8_size
from console.connection import ConnectionState, Waiting
from console.entry import Entry, Kind, spell
from console.journal import AT, TOOK, WIDTH, Journal
from console.state import State
from console.tape import FINISHED, RECEIVED, SENT, STARTED, Running, happenings
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
    """

    def __init__(self, epoch: str, *, capacity: int, capacity_bytes: int, closed_kept: int) -> None:
        self.state = State(closed_kept=closed_kept)
        self.journal = Journal(
            epoch, capacity=capacity, capacity_bytes=capacity_bytes, make=self._entry
        )
        self._trace_head = epoch[:6]
        self._traces = count(1)
        self._latest_at = 0.0

    def new_trace(self) -> str:
        """Return the id of a trace that begins."""
        return self._trace(next(self._traces))

    def cause(self, effect_of: Running | Cause | None) -> Cause | None:
        """Return the cause of what is an effect of a handler that runs, or of another cause."""
        if isinstance(effect_of, Running):
            return self._trace(effect_of.trace), self._position(effect_of.cause)
        return effect_of

    def cause_of(self, waited: Waiting) -> Cause:
        """Return the cause of what becomes of a message that waited for its handler."""
        _, trace, offset, _ = waited
        return self._trace(trace), self._position(offset)

    def fold(self, values: list[Any]) -> None:  # noqa: C901  # one loop: see above
        """Fold what was captured: `tape.WIDTH` values a happening."""
        journal, listed, traces = self.journal, self.state.listed, self._traces
        first = offset = journal.position[1]
        written: list[Any] = []
        write = written.extend
        held_bytes = 0
        earlier: list[tuple[int, float]] = []  # whose handlers have ended now
        took = earlier.append
        latest = known = handled = name = None
        for code, at, connection, message, one, two, three in happenings(values):
            if connection is not latest:
                latest = connection
                known = listed.get(connection.id)
            if known is None:
                if code == STARTED:
                    two.trace = two.cause = two.name = ""
                    two.since, two.waited_s = at, one
                continue

            if code == STARTED:
                waiting = known.pending
                if len(waiting) > known.deepest:
                    known.deepest = len(waiting)
                if waiting and waiting[0][0] is message:
                    _, two.trace, two.cause, two.name = waiting.popleft()
                else:
                    self._begin(known, message, two, three)
                two.since = at
                two.waited_s = one
                continue

            if code == FINISHED:
                trace, cause, waited_s = message.trace, message.cause, message.waited_s
                took_s, at = at - message.since, one
                if known.handled is not handled or message.name != name:
                    handled, name = known.handled, message.name
                    stats = handled.get(name)
                    if stats is None:
                        stats = self.state.handlers.of(known.consumer_class, name)
                    add_took, add_waited = stats.begin(at)
                add_took(took_s)
                add_waited(waited_s)
                write(("handler", at, name, known, None, 0, trace, cause, took_s, "", waited_s))
                if cause.__class__ is int:  # of an entry of our own: it took as long
                    if cause >= first:
                        written[(cause - first) * WIDTH + TOOK] = took_s
                    else:
                        took((cause, took_s))
                known.revision = offset
                offset += 1
                continue

            if at >= known.turns_at:
                known.turn(at)
            known.last_at = at
            known.revision = offset
            if code == RECEIVED:
                size = weight = len(two)
                if two.__class__ is str and not two.isascii():
                    size, weight = utf8_size(two), getsizeof(two)
                known.in_count += 1
                known.in_bytes += size
                held_bytes += weight
                trace = next(traces)
                write(("in", at, one, known, two, weight, trace, "", None, "", None))
                if known.consumer_class is not None:
                    known.pending.append((message, trace, offset, one))
            elif code == SENT:
                size = weight = len(two)
                if two.__class__ is str and not two.isascii():
                    size, weight = utf8_size(two), getsizeof(two)
                known.out_count += 1
                known.out_bytes += size
                held_bytes += weight
                if three.__class__ is Running:
                    trace, cause = three.trace, three.cause
                else:
                    trace, cause = three or ("", "")
                write(("out", at, one, known, two, weight, trace, cause, None, "", None))
            else:  # delivered
                known.layer_count += 1
                weight, two.weight = two.weight, 0
                held_bytes += weight
                kept, trace, cause = two.kept, two.trace, two.position
                write(
                    (
                        "deliver",
                        at,
                        two.type,
                        known,
                        kept,
                        weight,
                        trace,
                        cause,
                        None,
                        one,
                        two.group,
                    )
                )
                if known.consumer_class is not None:
                    known.pending.append((message, trace, offset, two.type))
            offset += 1
        if written:
            self._keep(written, held_bytes)
        if earlier:
            journal.took(earlier)

    def _begin(
        self, known: ConnectionState, message: Event, running: Running, cause: Cause | None
    ) -> None:
        """Say what a handler is an effect of, whose message is not the next that waits."""
        waited = known.take_pending(message)
        if waited is not None:
            _, running.trace, running.cause, running.name = waited
        else:
            running.trace, running.cause = cause or (next(self._traces), "")
            running.name = str(message.get("type", ""))

    def _keep(self, written: list[Any], held_bytes: int) -> None:
        """Count what was written by its kind, and put it into the journal."""
        times = written[AT::WIDTH]
        if times[0] < self._latest_at:
            self.state.turn_back()
        self._latest_at = times[-1]
        kinds: list[Kind] = written[::WIDTH]
        tally = self.state.tally
        if times[-1] < tally.ends_at:
            tally.add(Counter(kinds))
        else:  # a step has ended meanwhile
            for kind, at in zip(kinds, times, strict=True):
                tally.count(kind, at)
        self.journal.extend(written, held_bytes)

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
