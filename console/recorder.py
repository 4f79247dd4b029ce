"""The observer that writes down what the runtime says: taps in, journal and state out.

Owns what each tap means: which entry it makes, what it changes of a connection, of a group or of
the counts. What comes with every message is answered by the tape; how an entry is written is the
writer's. Read through `relay`.

Source: decisions 9, 10 and 12 of the design; docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from console import mount
from console.capture import keep_event, keep_message, keep_payload, type_of
from console.conf import Settings
from console.connection import ConnectionState
from console.endings import Outcome, note_received, note_sent, settle
from console.entry import CONSOLE_TRACE, Entry, Kind
from console.process import ProcessView
from console.taping import Origin, Running
from console.time_line import TimeLine
from console.writer import Writer, in_order
from runtime.guards import has_type
from runtime.layers.tapping import FIRES_TAPS
from runtime.taps import Cause, Connection, DropReason
from runtime.typing import ASGIApplication, Event, Message, Scope

NO_CAUSE = "this layer carries no cause"
"""Why a message is not linked to its deliveries."""

TAKEN_KEPT = 1_000
"""Messages that were taken from a channel, and may yet be handed to a worker's consumer."""


def _never(scope: Scope) -> bool:
    return False


def _nothing(scope: Scope) -> None:
    return None


class Recorder(Writer):
    """Records one process.

    Args:
        process: which process this is.
        settings: the bounds.
        clock: seconds since the Unix epoch.
        timer: seconds of a clock that is not set back, for durations.
        live: returns the application that serves the console's own WebSocket.
        is_marked: tells whether a scope was opened by the console's client.
        opened_by: tells who opens a scope through the console, "" for nobody that is known.
        application_as: returns the application that serves a scope as another user, or None.

    Attributes:
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
        super().__init__(process, settings, TimeLine(clock, timer))
        self.clock = clock
        self.on_serving: Callable[[], None] | None = None
        self._live = live
        self._is_marked = is_marked
        self._opened_by = opened_by
        self._application_as = application_as
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
        self._open(
            ConnectionState(connection, is_from_console=is_marked, opened_by=self._opened_by())
        )

    @in_order
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

    @in_order
    def consumer_started(self, connection: Connection, consumer: Any) -> None:
        """Know the consumer, whose scope is populated, and its channel."""
        if (known := self._state.get(connection.id)) is not None:
            known.start(connection, consumer)
            known.handled = self._state.handlers.of_class(known.consumer_class)
            self._state.name_channel(known)
            known.revision = self._journal.position[1]

    @in_order
    def route_matched(
        self, connection: Connection, route: str, arguments: Mapping[str, Any]
    ) -> None:
        """Know the route."""
        if (known := self._state.get(connection.id)) is not None:
            known.route, known.arguments = route, _by_name(arguments)
            self._write("route", "route", known).note = route

    @in_order
    def route_missed(self, connection: Connection, path: str, tried: Sequence[str]) -> None:
        """Say that no pattern took the path."""
        if (known := self._state.get(connection.id)) is not None:
            entry = self._write("error", "route", known)
            entry.note = known.last_error = "No route takes the path"
            entry.facts = {"tried": tuple(tried)}
            known.route = ""  # that of a router which has found nothing inside
            known.error_count += 1
            self._state.count_miss(known, tuple(tried), entry.at)

    # Events and handlers that are rare

    @in_order
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

    @in_order
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

    @in_order
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

    @in_order
    def message_sent(
        self, sender: Connection | None, layer: Any, channel: str, message: Message
    ) -> Cause | None:
        """Write a message to a channel."""
        entry = self._write_send("send", sender, message)
        entry.channel = channel
        if not getattr(layer, FIRES_TAPS, False):
            entry.facts = {"unlinked": NO_CAUSE}
        return self._sent(entry)

    @in_order
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

    @in_order
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

    @in_order
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

    @in_order
    def group_joined(self, layer: Any, group: str, channel: str) -> None:
        """Write a membership."""
        entry = self._write_membership("join", "group_add", group, channel)
        self._state.memberships.join(layer, group, channel, entry.at)
        self._state.groups.of(group, entry.at)

    @in_order
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

    # What the taps have in common

    @in_order
    def _open(self, known: ConnectionState) -> None:
        self._state.open(known)
        self._write("open", known.protocol, known)

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


def _by_name(url_route: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a route by name; those without one by their number."""
    unnamed = {str(number): value for number, value in enumerate(url_route.get("args", ()))}
    return {**unnamed, **url_route.get("kwargs", {})}
