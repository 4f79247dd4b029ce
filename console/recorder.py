"""The observer that writes down what the runtime says: taps in, journal and state out.

Owns the order of the two and the links between cause and effect. Keeps
references and counts; it formats, parses and redacts nothing, because it runs
inside the application's own calls. What comes with every message is put on a tape and folded
later, many at once; what is rare is written at once. Read through `relay`.

Source: decisions 9, 10 and 12 of the design; docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

import time
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from sys import getsizeof
from typing import Any, Concatenate, ParamSpec, TypeVar

from console import mount
from console.capture import (
    NOTHING,
    TYPE_CHARS,
    Kept,
    keep_event,
    keep_message,
    keep_payload,
    type_of,
)
from console.conf import Settings
from console.connection import ConnectionState
from console.endings import Outcome, note_received, note_sent, settle
from console.entry import CONSOLE_TRACE, Entry, Kind, unspell
from console.folding import Folding
from console.journal import Journal
from console.process import ProcessView
from console.state import State
from console.tape import HOT_SIZE
from console.taping import Origin, Running, Tape
from console.time_line import TimeLine
from runtime.guards import has_type
from runtime.taps import (
    Cause,
    Connection,
    DropReason,
    Observer,
    current_cause,
    current_connection,
    taps,
)
from runtime.typing import ASGIApplication, Event, Message, Scope

P = ParamSpec("P")
R = TypeVar("R")

TRACEBACK_CHARS = 16_384
NOTE_CHARS = 500

NO_CAUSE = "this layer carries no cause"
"""Why a message is not linked to its deliveries."""

TAKEN_KEPT = 1_000
"""Messages that were taken from a channel, and may yet be handed to a worker's consumer."""


def _in_order(
    write: Callable[Concatenate[Recorder, P], R],
) -> Callable[Concatenate[Recorder, P], R | None]:
    """Make what writes at once wait until everything that was captured before it is folded.

    A finalizer may run, and send, while that is being done: then it is written afterwards, and
    None is returned. A fault of ours is no fault of the application: it ends the recording.
    """

    @wraps(write)
    def write_in_order(self: Recorder, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            with self.lock:
                if self.fold():
                    return write(self, *args, **kwargs)
                self._later.append(lambda: write(self, *args, **kwargs))
        except Exception:
            taps.give_up(self, write.__name__)
        return None

    return write_in_order  # type: ignore[return-value]  # `wraps` hides that it is a method


def _never(scope: Scope) -> bool:
    return False


def _nothing(scope: Scope) -> None:
    return None


class Recorder(Tape, Observer):
    """Records one process.

    Taps come from the event loop and from handlers' threads; `lock` is held while what is rare
    is written down, and by whoever reads.

    Args:
        process: which process this is; its epoch is the journal's.
        settings: the bounds.
        clock: seconds since the Unix epoch.
        timer: seconds of a clock that is not set back, for durations.
        live: returns the application that serves the console's own WebSocket.
        is_marked: tells whether a scope was opened by the console's client.
        opened_by: tells who opens a scope through the console, "" for nobody that is known.
        application_as: returns the application that serves a scope as another user, or None.

    Attributes:
        on_change: called once something is written after `wake_next()`, while somebody
            watches; else None.
        on_serving: called when an event loop begins to serve, and for each scope; or None.
    """

    never_raise = frozenset(
        {
            "event_received",
            "event_sent",
            "handler_started",
            "handler_finished",
            "message_delivered",
        }
    )

    def __init__(
        self,
        process: ProcessView,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
        live: Callable[[], ASGIApplication] | None = None,
        is_marked: Callable[[Scope], bool] = _never,
        opened_by: Callable[[], str] = str,
        application_as: Callable[[Scope], ASGIApplication | None] = _nothing,
    ) -> None:
        self.process = process
        self.settings = settings
        folding = Folding(
            process.epoch,
            capacity=settings.RING_ENTRIES,
            capacity_bytes=settings.RING_BYTES,
            closed_kept=settings.CLOSED_KEPT,
        )
        hot_size = min(HOT_SIZE, settings.PAYLOAD_BYTES // 4)  # a character takes up to 4
        super().__init__(folding, TimeLine(clock, timer), hot_size)
        self.clock = clock
        self.on_change: Callable[[], None] | None = None
        self.on_serving: Callable[[], None] | None = None
        self._folding = folding
        self._journal, self._state = self._folding.journal, self._folding.state
        self._is_folding = False
        self._later: list[Callable[[], object]] = []
        self._live = live
        self._is_marked = is_marked
        self._opened_by = opened_by
        self._application_as = application_as
        self._taken: dict[int, tuple[str, Cause]] = {}

    def __repr__(self) -> str:
        return f"<Recorder {self.process.name} entries={len(self.journal)}>"

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

    # Which connections are seen

    def is_muted(self, scope: Scope) -> bool:
        """Return whether the console itself answers here."""
        return mount.is_own(scope)

    def application_for(self, scope: Scope) -> ASGIApplication | None:
        """Return the console's own application for its own WebSocket, or for who opens one as
        another user.
        """
        self.serving_began()  # asked for every scope: no server can serve without it
        if self._live is not None and mount.is_live(scope):
            return self._live()
        return self._application_as(scope)

    def serving_began(self) -> None:
        """Let the relay know of the event loop."""
        if self.on_serving is not None:
            self.on_serving()

    # The life of a connection

    def scope_opened(self, connection: Connection) -> None:
        """Begin to list a connection."""
        is_marked = self._is_marked(connection.scope)
        self._open(
            ConnectionState(connection, is_from_console=is_marked, opened_by=self._opened_by())
        )

    @_in_order
    def scope_closed(self, connection: Connection, error: BaseException | None) -> None:
        """List it as closed, with who did it."""
        outcome: Outcome = "returned" if error is None else "failed"
        if isinstance(error, CancelledError):
            outcome = "cancelled"
        if (known := self._state.get(connection.id)) is None:
            return
        known.release()
        if error is not None and outcome == "failed" and known.error_id != id(error):
            self._write_error(known, type(error).__name__, error)
        if not known.is_closed:
            settle(known, outcome)
            self._close(known)

    @_in_order
    def consumer_started(self, connection: Connection, consumer: Any) -> None:
        """Know the consumer, whose scope is populated, and its channel."""
        if (known := self._state.get(connection.id)) is not None:
            known.start(connection, consumer)
            known.handled = self._state.handlers.of_class(known.consumer_class)
            self._state.name_channel(known)
            known.revision = self._journal.position[1]

    @_in_order
    def route_matched(
        self, connection: Connection, route: str, arguments: Mapping[str, Any]
    ) -> None:
        """Know the route."""
        if (known := self._state.get(connection.id)) is not None:
            known.route, known.arguments = route, _by_name(arguments)
            self._write("route", "route", known).note = route

    @_in_order
    def route_missed(self, connection: Connection, path: str, tried: Sequence[str]) -> None:
        """Say that no pattern took the path."""
        if (known := self._state.get(connection.id)) is not None:
            entry = self._write("error", "route", known)
            entry.note = known.last_error = "No route takes the path"
            entry.facts = {"tried": tuple(tried)}
            known.route = ""  # that of a router which has found nothing inside
            known.error_count += 1
            self._state.count_miss(known, tuple(tried), entry.at)

    # What comes with every message: see `tape`

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

    # Events and handlers that are rare

    @_in_order
    def write_received(self, connection: Connection, event: Event) -> None:
        """Write an event of the client that is rare or large."""
        if (known := self._state.get(connection.id)) is None or not has_type(event):
            return
        is_job = known.protocol == "channel"
        keep = keep_message if is_job else keep_event  # a job may well have a key "text"
        kept = keep(event, self.settings.PAYLOAD_BYTES)
        trace, cause = self._taken_as(event) if is_job else ("", "")
        trace = trace or self._folding.new_trace()
        entry = self._write("in", type_of(event), known, kept, trace=trace, cause=cause)
        note_received(known, event, kept[1], entry.at)
        if known.consumer_class is not None:
            known.pending.append((event, entry.trace, entry.offset, entry.type))
        elif known.protocol == "http" and connection.cause is None:
            # No handler will say so: what a view does is an effect of its request.
            connection.cause = (entry.trace, self._journal.spell(entry))

    @_in_order
    def write_sent(self, connection: Connection, event: Event) -> None:
        """Write an event of the application that is rare or large."""
        if (known := self._state.get(connection.id)) is None or not has_type(event):
            return
        kept = keep_event(event, self.settings.PAYLOAD_BYTES)
        trace, cause = self._cause_of(connection) or ("", "")
        kind: Kind = "accept" if event["type"] == "websocket.accept" else "out"
        entry = self._write(kind, event["type"], known, kept, trace=trace, cause=cause)
        if note_sent(known, event, kept[1], entry.at):
            self._close(known)

    @_in_order
    def write_failure(
        self, connection: Connection, running: Running, error: BaseException, now: float
    ) -> None:
        """Write that a handler failed, at `now` by the timer."""
        if (known := self._state.get(connection.id)) is None:
            return
        trace, cause = self._folding.cause(running) or ("", "")
        stats = self._state.handlers.of(known.consumer_class, running.name)
        if isinstance(error, CancelledError):
            entry = self._write("handler", running.name, known, trace=trace, cause=cause)
            entry.note = "cancelled"
        else:
            entry = self._write_error(known, running.name, error, trace, cause)
            stats.fail(entry.at)
        entry.took_s = now - running.since
        stats.add(entry.took_s, running.waited_s, entry.at)
        entry.facts = {**(entry.facts or {}), "waited_s": running.waited_s}
        if isinstance(running.cause, int):
            self._journal.took([(running.cause, entry.took_s)])

    # The layer

    @_in_order
    def message_sent(
        self, sender: Connection | None, layer: Any, channel: str, message: Message
    ) -> Cause | None:
        """Write a message to a channel."""
        entry = self._write_send("send", sender, message)
        entry.channel = channel
        try:
            is_linked = layer.fires_taps  # asked for each message: `getattr()` costs more
        except AttributeError:
            is_linked = False
        if not is_linked:
            entry.facts = {"unlinked": NO_CAUSE}
        return self._sent(entry)

    @_in_order
    def group_sent(
        self, sender: Connection | None, layer: Any, group: str, message: Message, receivers: int
    ) -> Cause | None:
        """Write a message to a group."""
        entry = self._write_send("group_send", sender, message)
        entry.group = group
        self._state.groups.of(group, entry.at).count_send(entry.at)
        # A layer of somebody else's does not say how many, and carries no cause to them.
        entry.facts = {"receivers": receivers} if receivers >= 0 else {"unlinked": NO_CAUSE}
        return self._sent(entry)

    @_in_order
    def write_taken(self, channel: str, message: Message, origin: Origin) -> None:
        """Write that a message was taken from a channel: a worker hands it to a consumer."""
        trace, cause = origin.trace, origin.position
        payload, size, _, is_cut = origin.kept
        weight, origin.weight = origin.weight, 0
        kept = (payload, size, weight, is_cut)
        entry = self._write("deliver", origin.type, None, kept, trace=trace, cause=cause)
        entry.channel, entry.group = channel, origin.group
        if trace:
            self._take_note(message, entry)

    @_in_order
    def message_dropped(
        self,
        connection: Connection | None,
        channel: str,
        message: Message,
        reason: DropReason,
        cause: Cause | None,
    ) -> None:
        """Write that a message was lost, and why."""
        known = self._known(connection)
        trace, position = self._cause_of_drop(connection, known, message, reason, cause)
        name = type_of(message)
        kept = self._keep(message)
        entry = self._write("drop", name, known, kept, trace=trace, cause=position)
        entry.channel = channel
        entry.note = reason
        self._state.drops[reason] += 1

    @_in_order
    def group_joined(self, layer: Any, group: str, channel: str) -> None:
        """Write a membership."""
        entry = self._write_membership("join", "group_add", group, channel)
        self._state.memberships.join(layer, group, channel, entry.at)
        self._state.groups.of(group, entry.at)

    @_in_order
    def group_left(self, layer: Any, group: str, channel: str) -> None:
        """Write the end of a membership."""
        self._state.memberships.leave(layer, group, channel)
        self._write_membership("leave", "group_discard", group, channel)

    # The console

    def action_began(
        self, name: str, note: str, payload: object, on: ConnectionState | None
    ) -> Cause:
        """Write that somebody acts through the console. Returns the cause of what comes of it.

        Args:
            name: what is done; `note` says by whom and to how many.
            payload: what is sent: text, bytes or a dict; or None.
        """
        with self.lock:
            self.fold()
            kept = keep_payload(payload, self.settings.PAYLOAD_BYTES)
            trace = f"{CONSOLE_TRACE}{self._folding.new_trace()}"
            entry = self._write("action", name, on, kept, trace=trace)
            entry.note = note
            return trace, self._journal.spell(entry)

    # Writing

    @_in_order
    def _open(self, known: ConnectionState) -> None:
        self._state.open(known)
        self._write("open", known.protocol, known)

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
        name = str(message.get("type", ""))[:TYPE_CHARS]
        kept = keep_message(message, self.settings.PAYLOAD_BYTES)
        entry = self._write(kind, name, known, kept, trace=trace, cause=cause)
        if known is not None:
            known.count_layer(entry.at)
        return entry

    def _sent(self, entry: Entry) -> Cause:
        """Return the cause that a message carries, whose deliveries are probably next."""
        cause = (entry.trace, self._journal.spell(entry))
        self.origin = self._origin_at(cause, entry, entry.type)
        return cause

    @_in_order
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

    def _cause_of_drop(
        self,
        connection: Connection | None,
        known: ConnectionState | None,
        message: Message,
        reason: DropReason,
        cause: Cause | None,
    ) -> Cause:
        """Return what a lost message is linked to, as far as that is known.

        One that was refused is an effect of its sending: the handler that runs at its receiver
        has nothing to do with it. One that waited too long is an effect of its delivery.
        """
        if reason == "expired" and known is not None:
            waited = known.give_up(message)
            if waited is not None:
                return self._folding.cause_of(waited)
        if cause is None and reason in ("no handler", "slow client"):
            cause = self._cause_of(connection)
        return cause or ("", "")

    def _cause_of(self, connection: Connection | None) -> Cause | None:
        return self._folding.cause(_effect_of(connection))

    def _take_note(self, message: Message, entry: Entry) -> None:
        """Remember a message that somebody took: a worker hands it to a consumer as its event."""
        taken = self._taken
        taken[id(message)] = (entry.type, (entry.trace, self._journal.spell(entry)))
        if len(taken) > TAKEN_KEPT:
            del taken[next(iter(taken))]

    def _taken_as(self, event: Event) -> Cause:
        """Return the delivery that a worker's event was, if it was one."""
        # By its identity alone, so that no message is kept alive. Another one may come to have
        # that, and is then noted itself when it is taken.
        kind, cause = self._taken.pop(id(event), ("", ("", "")))
        return cause if kind == type_of(event) else ("", "")

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

    def _known(self, connection: Connection | None) -> ConnectionState | None:
        return self._state.get(connection.id) if connection is not None else None

    def _keep(self, message: Message) -> Kept:
        return keep_message(message, self.settings.PAYLOAD_BYTES)


def _effect_of(connection: Connection | None) -> Any:
    """Return what happens now is an effect of.

    A handler beside others has its cause in its own context: the connection knows one alone.
    """
    return current_cause.get() or (connection.cause if connection is not None else None)


def _by_name(url_route: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a route by name; those without one by their number."""
    unnamed = {str(number): value for number, value in enumerate(url_route.get("args", ()))}
    return {**unnamed, **url_route.get("kwargs", {})}
