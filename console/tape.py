"""What comes with every message: put on a tape as it happens, and folded later, many at once.

Owns the layout of a captured happening, the hooks that write one inside the application's own
call, and the loop that reads them. A tuple or an object for each would cost more to make, and
again in every run of the garbage collector. Pure.

Seven values a happening, one after another in one list. The first four are alike for all::

    code, time, connection, message

and the other three say by the code::

    RECEIVED   type, its text or bytes, None
    SENT       type, its text or bytes, what it is an effect of; the message is None
    STARTED    when the message was put in the mailbox, Running, cause that it carries or None
    FINISHED   None, None, None; the message is the Running
    DELIVERED  channel, Origin, None

Times are seconds of the timer. What they are since the Unix epoch is said for all at once when they
are folded: `console/time_line.py`.

Where a wheel was built with a compiler, `tape_native` has the same names and does the same.

Source: docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from sys import getsizeof
from typing import TYPE_CHECKING, Any

from console.capture import NOTHING, utf8_size
from console.captured import TOOK, Folded, Origin, Running, Written
from console.captured import WIDTH as ENTRY_WIDTH
from runtime.taps import current_cause

if TYPE_CHECKING:
    from console.folding import Folding
    from console.time_line import TimeLine
    from runtime.taps import Cause, Connection
    from runtime.typing import Event, Message

RECEIVED, SENT, STARTED, FINISHED, DELIVERED = range(5)

WIDTH = 7
"""Values of one happening."""

MOST = 512 * WIDTH
"""Values that wait to be folded, at most: a fifth of a millisecond's work."""

HOT_SIZE = 4_096
"""Longer ones are written at once: what is on the tape is not in the bound of the ring."""


NOWHERE = Origin(None, "", "", NOTHING)


class Tape:
    """The hooks of an observer that come with every message; what is rare is left to a subclass.

    No lock: `list += tuple` is atomic, and whoever folds takes off what is there.

    Args:
        folding: has the connections and the journal; it is told what is rare.
        line: the timer, and what its seconds are since the Unix epoch.
        hot_size: characters or bytes of a payload that come with every message, at most.

    Attributes:
        lock: held by whoever reads or changes what is known. Reentrant, because a finalizer may
            run, and send, while it is held.
        origin: that of the message which was sent last, whose deliveries are probably next.
    """

    def __init__(
        self,
        folding: Folding,
        line: TimeLine,
        hot_size: int,
    ) -> None:
        self.line = line
        self.timer = line.timer
        self.origin = NOWHERE
        self.lock = threading.RLock()
        self._folding = folding
        self._hot_size = hot_size
        self._captured: list[Any] = []
        self._most = MOST

    def has_captured(self) -> bool:
        """Return whether something was captured that nobody has taken."""
        return bool(self._captured)

    def is_full(self) -> bool:
        """Return whether it is time to take what was captured."""
        return len(self._captured) > MOST

    def take(self) -> Folded:
        """Bring the connections up to date with what was captured; return what is to be written.

        Called under the lock. What other threads capture meanwhile is left for the next time.
        """
        captured = self._captured[:]
        del self._captured[: len(captured)]
        return fold(captured, self._folding, self.line.offset_s())

    def wake_next(self) -> None:
        """Call `fill()` as soon as something more is captured."""
        self._most = 0

    def was_awaited(self) -> bool:
        """Return whether `wake_next()` was called since this was asked last."""
        was_awaited = self._most == 0
        self._most = MOST
        return was_awaited

    # The hooks

    def event_received(self, connection: Connection, event: Event, at: float) -> None:
        """Write an event of the client, which begins a trace; or a job, which goes on in one."""
        data: Any = None
        if type(event) is dict and event.get("type") == "websocket.receive":
            data = event.get("text")
            if type(data) is not str:
                data = event.get("bytes")
        if not (type(data) is str or type(data) is bytes) or len(data) > self._hot_size:
            self.write_received(connection, event)
            return
        captured = self._captured
        captured += (RECEIVED, at, connection, event, event["type"], data, None)
        if len(captured) > self._most:
            self.fill()

    def event_sent(self, connection: Connection, event: Event) -> None:
        """Write an event of the application."""
        data: Any = None
        if type(event) is dict and event.get("type") == "websocket.send":
            data = event.get("text")
            if type(data) is not str:
                data = event.get("bytes")
        if not (type(data) is str or type(data) is bytes) or len(data) > self._hot_size:
            self.write_sent(connection, event)
            return
        captured = self._captured
        effect_of = current_cause.get() or connection.cause
        captured += (SENT, self.timer(), connection, None, event["type"], data, effect_of)
        if len(captured) > self._most:
            self.fill()

    def handler_started(
        self, connection: Connection, message: Event, cause: Cause | None, put_at: float
    ) -> None:
        """Make what happens next on this connection an effect of `message`."""
        running = Running()
        running.message = message
        captured = self._captured
        captured += (STARTED, self.timer(), connection, message, put_at, running, cause)
        connection.cause = running  # not before it is on the tape: a thread may send already

    def handler_finished(
        self, connection: Connection, message: Event, error: BaseException | None
    ) -> None:
        """Write how long the handler took and whether it failed."""
        now = self.timer()
        running = connection.cause
        connection.cause = None
        if type(running) is not Running or running.message is not message:
            # Another handler runs beside it: what this one is an effect of is in its context.
            running = current_cause.get()
            if type(running) is not Running or running.message is not message:
                return
        if error is not None:
            self.write_failure(connection, running, error, now)
            return
        captured = self._captured
        captured += (FINISHED, now, connection, running, None, None, None)
        if len(captured) > self._most:
            self.fill()

    def message_delivered(
        self, connection: Connection | None, channel: str, message: Message, cause: Cause | None
    ) -> None:
        """Write that a message reached a receiver."""
        origin = self.origin
        if cause is None or origin.cause is not cause:
            origin = self.origin_of(message, cause) or NOWHERE
        if connection is None:
            self.write_taken(channel, message, origin)
            return
        captured = self._captured
        captured += (DELIVERED, self.timer(), connection, message, channel, origin, None)
        if len(captured) > self._most:
            self.fill()

    # What a subclass does

    def fill(self) -> None:
        """Take what was captured if it is time, and say so to whoever waits for it."""
        raise NotImplementedError

    def fail(self) -> None:
        """End the recording: a fault of ours, which is being handled, is no fault of the caller."""
        raise NotImplementedError

    def origin_of(self, message: Message, cause: Cause | None) -> Origin | None:
        """Return what all deliveries of a message have in common."""
        raise NotImplementedError

    def write_received(self, connection: Connection, event: Event) -> None:
        """Write an event that is rare or large."""
        raise NotImplementedError

    def write_sent(self, connection: Connection, event: Event) -> None:
        """Write an event that is rare or large."""
        raise NotImplementedError

    def write_failure(
        self, connection: Connection, running: Running, error: BaseException, now: float
    ) -> None:
        """Write that a handler failed, at `now` by the timer."""
        raise NotImplementedError

    def write_taken(self, channel: str, message: Message, origin: Origin) -> None:
        """Write that a message was taken from a channel that belongs to no connection."""
        raise NotImplementedError


def happenings(values: list[Any]) -> Iterator[tuple[int, float, Any, Any, Any, Any, Any]]:
    """Return what was captured, one happening after another."""
    return zip(*[iter(values)] * WIDTH, strict=True)


def fold(values: list[Any], folding: Folding, offset_s: float) -> Folded:  # noqa: C901
    """Bring the connections up to date with what was captured; return what is to be written.

    What is done for each is written out where it is done, in one loop over local names: a
    method for each would double what observation costs.

    Args:
        values: `WIDTH` of them a happening.
        folding: has the connections that are listed; called for what is rare.
        offset_s: added to a time of the timer, it is one since the Unix epoch.
    """
    listed, traces = folding.state.listed, folding.traces
    folded = Folded(Written())
    written = folded.written.values
    first = offset = folding.journal.position[1]
    held_bytes = received = sent = ended = delivered = 0
    latest = known = handled = name = None
    ends_at = 0.0  # of the step that the handlers end in which are counted now
    for code, at, connection, message, one, two, three in happenings(values):
        if connection is not latest:
            latest = connection
            known = listed.get(connection.id)
        if known is None:
            if code == STARTED:
                two.link("", "", "")
                two.since, two.waited_s = at, at - one
            continue

        if code == STARTED:
            running = two
            waiting = known.pending
            if len(waiting) > known.deepest:
                known.deepest = len(waiting)
            if waiting and waiting[0][0] is message:
                _, running.trace, running.cause, running.name = waiting.popleft()
            else:
                folding.begin(known, message, running, three)
            running.since = at
            running.waited_s = at - one
            continue

        if code == FINISHED:
            running = message
            took_s, at = at - running.since, at + offset_s
            if known.handled is not handled or running.name != name or at >= ends_at:
                handled, name = known.handled, running.name
                stats = handled.get(name) or folding.stats_of(known, name)
                durations = stats.begin(at)
                add_took, add_waited = durations.took_s.append, durations.waited_s.append
                ends_at = durations.ends_at
            add_took(took_s)
            add_waited(running.waited_s)
            cause = running.cause
            written += (
                *("handler", at, name, known, None, 0, running.trace, cause, took_s),
                *("", running.waited_s),
            )
            if type(cause) is int:  # of an entry of our own: it took as long
                if cause >= first:
                    written[(cause - first) * ENTRY_WIDTH + TOOK] = took_s
                else:
                    folded.earlier.append((cause, took_s))
            ended += 1
            known.revision = offset
            offset += 1
            continue

        at += offset_s
        if at >= known.turns_at:
            known.turn(at)
        known.last_at = at
        known.revision = offset
        if code == DELIVERED:
            origin = two
            delivered += 1
            known.layer_count += 1
            weight, origin.weight = origin.weight, 0
            held_bytes += weight
            name_of_it, trace, cause = origin.type, origin.trace, origin.position
            written += (
                *("deliver", at, name_of_it, known, origin.kept, weight, trace, cause, None),
                *(one, origin.group),
            )
            if known.consumer_class is not None:
                known.pending.append((message, trace, offset, name_of_it))
            offset += 1
            continue

        size = weight = len(two)
        if type(two) is str:
            text = two
            if not text.isascii():
                size, weight = utf8_size(text), getsizeof(text)
        held_bytes += weight
        if code == RECEIVED:
            received += 1
            known.in_count += 1
            known.in_bytes += size
            trace = next(traces)
            written += ("in", at, one, known, two, weight, trace, "", None, "", None)
            if known.consumer_class is not None:
                known.pending.append((message, trace, offset, one))
        else:
            sent += 1
            known.out_count += 1
            known.out_bytes += size
            if type(three) is Running:
                running = three
                trace, cause = running.trace, running.cause
            else:
                trace, cause = three or ("", "")
            written += ("out", at, one, known, two, weight, trace, cause, None, "", None)
        offset += 1
    folded.held_bytes = held_bytes
    folded.counts = {"in": received, "out": sent, "handler": ended, "deliver": delivered}
    return folded
