"""Writing down what happened in one process: many happenings at once off the tape, and one at once.

Owns the order of the two, how an entry is made and counted, and the links between cause and
effect. It formats, parses and redacts nothing, because it runs inside the application's own
calls. The recorder says what is to be written.

Source: decisions 9, 10 and 12 of the design; docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from sys import getsizeof
from typing import Any, Concatenate, ParamSpec, TypeVar

from console.capture import NOTHING, Kept, keep_message, type_of
from console.conf import Settings
from console.connection import ConnectionState
from console.entry import Entry, Kind, unspell
from console.folding import Folding
from console.journal import Journal
from console.process import ProcessView
from console.state import State
from console.tape import HOT_SIZE
from console.taping import Origin, Tape
from console.time_line import TimeLine
from runtime.taps import (
    Cause,
    Connection,
    Observer,
    current_cause,
    current_connection,
    taps,
)
from runtime.typing import Message

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", bound="Writer")

TRACEBACK_CHARS = 16_384
NOTE_CHARS = 500


def in_order(
    write: Callable[Concatenate[W, P], R],
) -> Callable[Concatenate[W, P], R | None]:
    """Make what writes at once wait until everything that was captured before it is folded.

    A finalizer may run, and send, while that is being done: then it is written afterwards, and
    None is returned. A fault of ours is no fault of the application: it ends the recording.
    """

    @wraps(write)
    def write_in_order(self: W, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            with self.lock:
                if self.fold():
                    return write(self, *args, **kwargs)
                self._later.append(lambda: write(self, *args, **kwargs))
        except Exception:
            taps.give_up(self, write.__name__)
        return None

    return write_in_order  # type: ignore[return-value]  # `wraps` hides that it is a method


class Writer(Tape, Observer):
    """Writes the journal and the state of one process.

    Taps come from the event loop and from handlers' threads; `lock` is held while what is rare
    is written down, and by whoever reads.

    Args:
        process: which process this is; its epoch is the journal's.
        settings: the bounds.
        time_line: what time it is.

    Attributes:
        on_change: called once something is written after `wake_next()`, while somebody
            watches; else None.
    """

    def __init__(self, process: ProcessView, settings: Settings, time_line: TimeLine) -> None:
        folding = Folding(
            process.epoch,
            capacity=settings.RING_ENTRIES,
            capacity_bytes=settings.RING_BYTES,
            closed_kept=settings.CLOSED_KEPT,
        )
        hot_size = min(HOT_SIZE, settings.PAYLOAD_BYTES // 4)  # a character takes up to 4
        super().__init__(folding, time_line, hot_size)
        self.process = process
        self.settings = settings
        self.on_change: Callable[[], None] | None = None
        self._folding = folding
        self._journal, self._state = folding.journal, folding.state
        self._is_folding = False
        self._later: list[Callable[[], object]] = []

    @property
    def journal(self) -> Journal:
        """What happened, up to now."""
        self.fold()
        return self._journal

    @property
    def state(self) -> State:
        """What is true now."""
        self.fold()
        return self._state

    def cause_of(self, connection: Connection | None) -> Cause | None:
        """Return what happens now on a connection is an effect of."""
        self.fold()
        return self._folding.cause(_effect_of(connection))

    def fold(self) -> bool:
        """Bring what is known up to date. Returns False if that is being done just now."""
        if not self.has_captured():
            return not self._is_folding
        with self.lock:
            if self._is_folding:
                return False
            self._is_folding = True
            try:
                self._folding.keep(self.take())
            finally:
                self._is_folding = False
            while self._later:
                self._later.pop(0)()
        return True

    def fill(self) -> None:
        """Take what was captured if it is time, and say so to whoever waits for it."""
        if self.was_awaited() and self.on_change is not None:
            self.on_change()
        if self.is_full():
            try:
                self.fold()
            except Exception:
                self.fail()

    def fail(self) -> None:
        """End the recording: a fault of ours, which is being handled, is no fault of the caller."""
        taps.give_up(self, "fold")

    # What is written at once

    def _write(
        self,
        kind: Kind,
        type: str,
        known: ConnectionState | None,
        kept: Kept = NOTHING,
        *,
        trace: str = "",
        cause: str = "",
    ) -> Entry:
        entry = Entry(self.line(), kind, type, known, trace, cause)
        entry.payload, entry.size_bytes, entry.kept_bytes, entry.is_cut = kept
        self._journal.append(entry)
        self._state.tally.count(kind, entry.at)
        if known is not None:
            known.revision = entry.offset
        if self.was_awaited() and self.on_change is not None:
            self.on_change()
        return entry

    def _write_send(self, kind: Kind, sender: Connection | None, message: Message) -> Entry:
        known = self._known(sender)
        trace, cause = self._cause_of(sender) or (self._folding.new_trace(), "")
        kept = self._keep(message)
        entry = self._write(kind, type_of(message), known, kept, trace=trace, cause=cause)
        if known is not None:
            known.count_layer(entry.at)
        return entry

    def _sent(self, entry: Entry) -> Cause:
        """Return the cause that a message carries, whose deliveries are probably next."""
        cause = (entry.trace, self._journal.spell(entry))
        self.origin = self._origin_at(cause, entry, entry.type)
        return cause

    @in_order
    def origin_of(self, message: Message, cause: Cause | None) -> Origin:
        """Return what all deliveries of a message have in common: it is kept once."""
        sent = self._journal.find(unspell(cause[1])) if cause is not None else None
        name = type_of(message)
        if sent is not None:  # by a layer, or by somebody who acts through the console
            origin = self._origin_at(cause, sent, name)
        else:
            kept = self._keep(message)
            origin = Origin(cause, name, "", kept, weight=kept[2])
        if cause is not None:
            self.origin = origin
        return origin

    @staticmethod
    def _origin_at(cause: Cause | None, sent: Entry, name: str) -> Origin:
        kept = (sent.payload, sent.size_bytes, 0, sent.is_cut)
        return Origin(cause, name, sent.group, kept)

    def _write_membership(self, kind: Kind, name: str, group: str, channel: str) -> Entry:
        actor = current_connection.get()
        trace, cause = self._cause_of(actor) or ("", "")
        known = self._state.of_channel(channel)
        entry = self._write(kind, name, known, trace=trace, cause=cause)
        entry.group, entry.channel = group, channel
        return entry

    def _write_error(
        self,
        known: ConnectionState,
        name: str,
        error: BaseException,
        trace: str = "",
        cause: str = "",
    ) -> Entry:
        # format_exception_only() stands an exception whose own __str__ raises.
        sentence = " ".join("".join(traceback.format_exception_only(error)).split())[:NOTE_CHARS]
        lines = "".join(traceback.format_exception(error))[-TRACEBACK_CHARS:]
        kept = (None, None, getsizeof(lines) + getsizeof(sentence), False)
        entry = self._write("error", name, known, kept, trace=trace, cause=cause)
        entry.note = sentence
        entry.facts = {"traceback": lines}
        known.count_error(sentence, error)
        consumer = known.consumer_class.__name__ if known.consumer_class is not None else ""
        self._state.count_error(consumer, type(error).__name__)
        return entry

    def _close(self, known: ConnectionState) -> None:
        entry = self._write("close", "close", known)
        known.end(entry.at)
        entry.facts = {
            "code": known.close_code,
            "by": known.closed_by,
            "reason": known.close_reason,
        }
        self._state.close(known, entry.offset)

    # What an entry is linked to

    def _cause_of(self, connection: Connection | None) -> Cause | None:
        return self._folding.cause(_effect_of(connection))

    def _known(self, connection: Connection | None) -> ConnectionState | None:
        return self._state.get(connection.id) if connection is not None else None

    def _keep(self, message: Message) -> Kept:
        return keep_message(message, self.settings.PAYLOAD_BYTES)


def _effect_of(connection: Connection | None) -> Any:
    """Return what happens now is an effect of.

    A handler beside others has its cause in its own context: the connection knows one alone.
    """
    return current_cause.get() or (connection.cause if connection is not None else None)
