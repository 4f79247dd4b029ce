"""The observer that writes down what the runtime says: taps in, journal and state out.

Owns the order of the two and the links between cause and effect. Keeps
references and counts; it formats, parses and redacts nothing, because it runs
inside the application's own calls. Read through `relay`.

Source: decisions 9, 10 and 12 of the design
"""

from __future__ import annotations

import threading
import time
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from console import mount
from console.capture import NOTHING, Kept, keep_event, keep_message, keep_payload
from console.conf import Settings
from console.connection import ConnectionState, Running
from console.endings import Outcome, note_received, note_sent, settle
from console.entry import CONSOLE_TRACE, Entry, Kind, unspell
from console.journal import Journal
from console.process import ProcessView
from console.state import State
from runtime.taps import (
    Cause,
    Connection,
    DropReason,
    Observer,
    current_cause,
    current_connection,
)
from runtime.typing import ASGIApplication, Event, Message, Scope

TRACEBACK_CHARS = 16_384
NOTE_CHARS = 500

TAKEN_KEPT = 1_000
"""Messages that were taken from a channel, and may yet be handed to a worker's consumer."""


def _cause_of(connection: Connection | None) -> Cause | None:
    """Return what happens now is an effect of.

    A handler beside others has its cause in its own context: the connection knows one alone.
    """
    return current_cause.get() or (connection.cause if connection is not None else None)


def _never(scope: Scope) -> bool:
    return False


def _nothing(scope: Scope) -> None:
    return None


class Recorder(Observer):
    """Records one process.

    Taps come from the event loop and from handlers' threads; `lock` is held while one
    is written down, and by whoever reads. It is reentrant because a finalizer may
    run, and send, while it is held.

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
        on_change: called after each entry, while somebody watches; else None.
        on_serving: called when an event loop begins to serve, and for each scope; or None.
    """

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
        self.clock = clock
        self.lock = threading.RLock()
        self.journal = Journal(
            process.epoch, capacity=settings.RING_ENTRIES, capacity_bytes=settings.RING_BYTES
        )
        self.state = State(closed_kept=settings.CLOSED_KEPT)
        self._tally = self.state.tally
        self._totals = self._tally.totals
        self.on_change: Callable[[], None] | None = None
        self.on_serving: Callable[[], None] | None = None
        self._timer = timer
        self._live = live
        self._is_marked = is_marked
        self._opened_by = opened_by
        self._application_as = application_as
        self._traces = count(1)
        self._trace_head = process.epoch[:6]
        self._taken: dict[int, tuple[str, Cause]] = {}

    def __repr__(self) -> str:
        return f"<Recorder {self.process.name} entries={len(self.journal)}>"

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
        known = ConnectionState(connection, is_from_console=is_marked, opened_by=self._opened_by())
        with self.lock:
            self.state.open(known)
            self._write("open", known.protocol, known)

    def scope_closed(self, connection: Connection, error: BaseException | None) -> None:
        """List it as closed, with who did it."""
        outcome: Outcome = "returned" if error is None else "failed"
        if isinstance(error, CancelledError):
            outcome = "cancelled"
        with self.lock:
            if (known := self.state.get(connection.id)) is None:
                return
            known.release()
            if error is not None and outcome == "failed" and known.error_id != id(error):
                self._write_error(known, type(error).__name__, error)
            if not known.is_closed:
                settle(known, outcome)
                self._close(known)

    def consumer_started(self, connection: Connection, consumer: Any) -> None:
        """Know the consumer, whose scope is populated, and its channel."""
        with self.lock:
            if (known := self.state.get(connection.id)) is not None:
                known.start(connection, consumer)
                known.handled = self.state.handlers.of_class(known.consumer_class)
                self.state.name_channel(known)
                self.state.touch(known, self.journal.position[1])

    def route_matched(
        self, connection: Connection, route: str, arguments: Mapping[str, Any]
    ) -> None:
        """Know the route."""
        with self.lock:
            if (known := self.state.get(connection.id)) is not None:
                known.route, known.arguments = route, _by_name(arguments)
                self._write("route", "route", known).note = route

    def route_missed(self, connection: Connection, path: str, tried: Sequence[str]) -> None:
        """Say that no pattern took the path."""
        with self.lock:
            if (known := self.state.get(connection.id)) is not None:
                entry = self._write("error", "route", known)
                entry.note = known.last_error = "No route takes the path"
                entry.facts = {"tried": tuple(tried)}
                known.error_count += 1
                self.state.count_miss(known, tuple(tried), entry.at)

    # Events

    def event_received(self, connection: Connection, event: Event) -> None:
        """Write an event of the client, which begins a trace; or a job, which goes on in one."""
        with self.lock:
            if (known := self.state.get(connection.id)) is None:
                return
            is_job = known.protocol == "channel"
            keep = keep_message if is_job else keep_event  # a job may well have a key "text"
            kept = keep(event, self.settings.PAYLOAD_BYTES)
            trace, cause = self._taken_as(event) if is_job else ("", "")
            trace = trace or self._new_trace()
            entry = self._write("in", event["type"], known, kept, trace=trace, cause=cause)
            note_received(known, event, kept[1], entry.at)
            if known.consumer_class is not None:
                known.pending.append((event, entry))
            elif known.protocol == "http" and connection.cause is None:
                # No handler will say so: what a view does is an effect of its request.
                connection.cause = (entry.trace, self.journal.spell(entry))

    def event_sent(self, connection: Connection, event: Event) -> None:
        """Write an event of the application."""
        with self.lock:
            if (known := self.state.get(connection.id)) is None:
                return
            kept = keep_event(event, self.settings.PAYLOAD_BYTES)
            trace, cause = _cause_of(connection) or ("", "")
            kind: Kind = "accept" if event["type"] == "websocket.accept" else "out"
            entry = self._write(kind, event["type"], known, kept, trace=trace, cause=cause)
            if note_sent(known, event, kept[1], entry.at):
                self._close(known)

    # Handlers

    def handler_started(
        self, connection: Connection, message: Event, cause: Cause | None, waited_s: float
    ) -> None:
        """Make what happens next on this connection an effect of `message`."""
        with self.lock:
            if (known := self.state.get(connection.id)) is None:
                return
            entry = known.take_pending(message)
            if entry is not None:
                cause = (entry.trace, self.journal.spell(entry))
            connection.cause = cause or (self._new_trace(), "")
            known.running[id(message)] = Running(entry, self._timer(), waited_s, connection.cause)

    def handler_finished(
        self, connection: Connection, message: Event, error: BaseException | None
    ) -> None:
        """Write how long the handler took and whether it failed."""
        now = self._timer()
        with self.lock:
            known = self.state.get(connection.id)
            if known is None or (running := known.running.pop(id(message), None)) is None:
                return
            trace, cause = running.cause
            connection.cause = None
            name = str(message.get("type", ""))
            stats = known.handled.get(name) or self.state.handlers.of(known.consumer_class, name)
            if error is None or isinstance(error, CancelledError):
                entry = self._write("handler", name, known, trace=trace, cause=cause)
                entry.note = "cancelled" if error is not None else ""
            else:
                entry = self._write_error(known, name, error, trace, cause)
                stats.fail(entry.at)
            entry.took_s = took_s = now - running.since
            stats.add(took_s, running.waited_s, entry.at)
            entry.facts = entry.facts or {}
            entry.facts["waited_s"] = running.waited_s
            if running.entry is not None:
                running.entry.took_s = entry.took_s

    # The layer

    def message_sent(
        self, sender: Connection | None, layer: Any, channel: str, message: Message
    ) -> Cause | None:
        """Write a message to a channel."""
        with self.lock:
            entry = self._write_send("send", sender, message)
            entry.channel = channel
            return entry.trace, self.journal.spell(entry)

    def group_sent(
        self, sender: Connection | None, layer: Any, group: str, message: Message, receivers: int
    ) -> Cause | None:
        """Write a message to a group."""
        with self.lock:
            entry = self._write_send("group_send", sender, message)
            entry.group = group
            self.state.groups.of(group, entry.at).count_send(entry.at)
            if receivers >= 0:  # a layer of somebody else's does not say
                entry.facts = {"receivers": receivers}
            return entry.trace, self.journal.spell(entry)

    def message_delivered(
        self, connection: Connection | None, channel: str, message: Message, cause: Cause | None
    ) -> None:
        """Write that a message reached a receiver."""
        with self.lock:
            known = self._known(connection)
            trace, position = cause or ("", "")
            sent = self.journal.find(unspell(position)) if position else None
            # All members get the same message: what was kept when it was sent serves
            # for each delivery, and a broadcast is kept once.
            kept = (sent.payload, sent.size_bytes, 0, sent.is_cut) if sent else self._keep(message)
            name = str(message.get("type", ""))
            entry = self._write("deliver", name, known, kept, trace=trace, cause=position)
            entry.channel = channel
            entry.group = sent.group if sent else ""
            if known is None:
                if trace:
                    self._take_note(message, entry)
            else:
                known.count_layer(entry.at)
                if known.consumer_class is not None:
                    known.pending.append((message, entry))

    def message_dropped(
        self,
        connection: Connection | None,
        channel: str,
        message: Message,
        reason: DropReason,
        cause: Cause | None,
    ) -> None:
        """Write that a message was lost, and why."""
        with self.lock:
            known = self._known(connection)
            trace, position = self._cause_of_drop(connection, known, message, reason, cause)
            name = str(message.get("type", ""))
            kept = self._keep(message)
            entry = self._write("drop", name, known, kept, trace=trace, cause=position)
            entry.channel = channel
            entry.note = reason
            self.state.drops[reason] += 1

    def group_joined(self, layer: Any, group: str, channel: str) -> None:
        """Write a membership."""
        with self.lock:
            entry = self._write_membership("join", "group_add", group, channel)
            self.state.memberships.join(layer, group, channel, entry.at)
            self.state.groups.of(group, entry.at)

    def group_left(self, layer: Any, group: str, channel: str) -> None:
        """Write the end of a membership."""
        with self.lock:
            self.state.memberships.leave(layer, group, channel)
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
            kept = keep_payload(payload, self.settings.PAYLOAD_BYTES)
            trace = f"{CONSOLE_TRACE}{self._new_trace()}"
            entry = self._write("action", name, on, kept, trace=trace)
            entry.note = note
            return trace, self.journal.spell(entry)

    # Writing

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
        entry = Entry(self.clock(), kind, type, known, trace, cause)
        entry.payload, entry.size_bytes, entry.kept_bytes, entry.is_cut = kept
        self.journal.append(entry)
        if entry.at >= self._tally.ends_at:
            self._tally.turn_to(entry.at)
        self._totals[kind] += 1
        if known is not None:
            self.state.touch(known, entry.offset)
        if self.on_change is not None:
            self.on_change()
        return entry

    def _write_send(self, kind: Kind, sender: Connection | None, message: Message) -> Entry:
        known = self._known(sender)
        trace, cause = _cause_of(sender) or (self._new_trace(), "")
        name = str(message.get("type", ""))
        entry = self._write(kind, name, known, self._keep(message), trace=trace, cause=cause)
        if known is not None:
            known.count_layer(entry.at)
        return entry

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
                return waited.trace, self.journal.spell(waited)
        if cause is None and reason in ("no handler", "slow client"):
            cause = _cause_of(connection)
        return cause or ("", "")

    def _take_note(self, message: Message, entry: Entry) -> None:
        """Remember a message that somebody took: a worker hands it to a consumer as its event."""
        taken = self._taken
        taken[id(message)] = (entry.type, (entry.trace, self.journal.spell(entry)))
        if len(taken) > TAKEN_KEPT:
            del taken[next(iter(taken))]

    def _taken_as(self, event: Event) -> Cause:
        """Return the delivery that a worker's event was, if it was one."""
        # By its identity alone, so that no message is kept alive. Another one may come to have
        # that, and is then noted itself when it is taken.
        kind, cause = self._taken.pop(id(event), ("", ("", "")))
        return cause if kind == event["type"] else ("", "")

    def _write_membership(self, kind: Kind, name: str, group: str, channel: str) -> Entry:
        actor = current_connection.get()
        trace, cause = _cause_of(actor) or ("", "")
        known = self.state.of_channel(channel)
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
        lines = "".join(traceback.format_exception(error))
        entry = self._write("error", name, known, trace=trace, cause=cause)
        entry.note = sentence
        entry.facts = {"traceback": lines[-TRACEBACK_CHARS:]}
        known.count_error(sentence, error)
        consumer = known.consumer_class.__name__ if known.consumer_class is not None else ""
        self.state.count_error(consumer, type(error).__name__)
        return entry

    def _close(self, known: ConnectionState) -> None:
        entry = self._write("close", "close", known)
        known.end(entry.at)
        entry.facts = {
            "code": known.close_code,
            "by": known.closed_by,
            "reason": known.close_reason,
        }
        self.state.close(known, entry.offset)

    def _known(self, connection: Connection | None) -> ConnectionState | None:
        return self.state.get(connection.id) if connection is not None else None

    def _keep(self, message: Message) -> Kept:
        return keep_message(message, self.settings.PAYLOAD_BYTES)

    def _new_trace(self) -> str:
        return f"{self._trace_head}{next(self._traces) & 0xFFFFFF:06x}"


def _by_name(url_route: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a route by name; those without one by their number."""
    unnamed = {str(number): value for number, value in enumerate(url_route.get("args", ()))}
    return {**unnamed, **url_route.get("kwargs", {})}
