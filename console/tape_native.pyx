# cython: language_level=3, binding=False, wraparound=False
# cython: annotation_typing=False
"""The tape of `tape`, compiled: what comes with every message is written at once, and fast.

Has the names of `tape`, and does what its hooks and its `fold()` do together: here nothing is
gained by waiting, because a happening costs a tenth, and its connection is still in the caches.

Everything runs under the interpreter's lock, and one happening is written without giving it up:
what could run Python code, as the making of an object that the garbage collector counts can,
comes first. What happens while somebody holds `Tape.lock`, or in a finalizer in the middle of a
happening, waits in `_late` until that is over, with its time.

Source: docs/decisions/0040-compiled-tape.md
"""

import time
from collections import deque
from sys import getsizeof
from threading import RLock

from cpython.time cimport perf_counter as system_timer
from cpython.time cimport time as system_time

from console.capture import NOTHING, utf8_size
from console.captured import PENDING, Folded
from runtime.taps import current_cause

cdef enum:
    RECEIVED
    SENT
    STARTED
    FINISHED
    DELIVERED

cdef enum:
    WIDTH = 11  # of an entry, and where its duration is: see `journal`
    TOOK = 8

cdef Py_ssize_t MOST = 512  # entries that wait for the journal, at most
cdef Py_ssize_t MOST_LATE = 5_000  # happenings that wait for whoever holds the lock


cdef class Running:
    """A handler that runs, and what everything that happens meanwhile is an effect of."""

    cdef public object message, trace, cause, name
    cdef public double since, waited_s


cdef class Origin:
    """The sending that deliveries come from: what they have in common is kept once."""

    cdef public object cause, type, group, kept, position, trace
    cdef public Py_ssize_t weight

    def __init__(self, cause, type, group, kept, weight=0):
        self.cause = cause
        self.trace, self.position = cause or ("", "")
        self.type = type
        self.group = group
        self.kept = kept
        self.weight = weight


cdef class Counted:
    """What messages change of a connection: `ConnectionState` has the rest."""

    cdef public object consumer_class, pending
    cdef public dict handled
    cdef public Py_ssize_t deepest, in_count, in_bytes, out_count, out_bytes, layer_count, revision
    cdef public double last_at, turns_at

    def __init__(self):
        self.handled = {}
        self.pending = deque(maxlen=PENDING)
        self.revision = -1

    def turn(self, now):
        """Begin the bucket of `now`: what was counted since the last turn was before it."""
        raise NotImplementedError


NOWHERE = Origin(None, "", "", NOTHING)


cdef class Hold:
    """The lock of whoever reads or writes what is known: what happens meanwhile is late."""

    cdef object _lock
    cdef Tape _tape

    def __init__(self, Tape tape):
        self._lock = RLock()
        self._tape = tape

    def __enter__(self):
        self._lock.acquire()
        self._tape._busy += 1
        return True

    cdef bint seize(self):
        """Take it if it is free, and return whether it was; whoever has it writes what is late."""
        if not self._lock.acquire(False):
            return False
        self._tape._busy += 1
        return True

    def __exit__(self, *error):
        try:
            self._tape._let_go()
        finally:
            self._lock.release()


cdef class Tape:
    """The hooks of an observer that come with every message; what is rare is left to a subclass.

    Args:
        folding: has the connections and the journal; it is told what is rare.
        clock: seconds since the Unix epoch.
        timer: seconds of a clock that is not set back, for durations.
        hot_size: characters or bytes of a payload that come with every message, at most.

    Attributes:
        lock: held by whoever reads or changes what is known; reentrant.
        origin: that of the message which was sent last, whose deliveries are probably next.
    """

    cdef public object clock, timer
    cdef public Origin origin
    cdef readonly Hold lock
    cdef object _folding, _traces
    cdef dict _listed
    cdef bint _is_system_clock, _is_system_timer, _is_awaited
    cdef int _busy  # who holds the lock, and a happening that is being written
    cdef list _late, _written, _earlier
    cdef bint _is_writing_late
    cdef Py_ssize_t _hot_size, _first, _next, _held_bytes
    cdef Py_ssize_t _received_count, _sent_count, _handled_count, _delivered_count
    cdef object _latest  # the connection that something happened to last
    cdef Counted _known  # and what is known of it
    cdef dict _handled  # whose handler ended last, and what takes note of it
    cdef object _name, _add_took, _add_waited

    def __init__(self, folding, clock, timer, hot_size):
        self.clock = clock
        self.timer = timer
        self.origin = NOWHERE
        self.lock = Hold(self)
        self._folding = folding
        self._traces = folding.traces
        self._listed = folding.state.listed
        self._is_system_clock = clock is time.time
        self._is_system_timer = timer is time.perf_counter
        self._hot_size = hot_size
        self._late, self._written, self._earlier = [], [], []
        self._first = self._next = folding.journal.position[1]

    def has_captured(self):
        """Return whether something was captured that nobody has taken."""
        return bool(self._written) or bool(self._late) or bool(self._earlier)

    def is_full(self):
        """Return whether it is time to take what was captured."""
        return self._next - self._first >= MOST

    def take(self):
        """Return what is to be written; the connections are up to date. Called under the lock."""
        self._write_late()
        folded = Folded()
        folded.written, self._written = self._written, []
        folded.earlier, self._earlier = self._earlier, []
        folded.held_bytes, self._held_bytes = self._held_bytes, 0
        folded.counts = {
            "in": self._received_count,
            "out": self._sent_count,
            "handler": self._handled_count,
            "deliver": self._delivered_count,
        }
        self._received_count = self._sent_count = self._handled_count = self._delivered_count = 0
        self._first = self._next
        self._handled = self._name = None
        return folded

    def wake_next(self):
        """Call `fill()` as soon as something more is captured."""
        self._is_awaited = True

    def was_awaited(self):
        """Return whether `wake_next()` was called since this was asked last."""
        was_awaited = self._is_awaited
        self._is_awaited = False
        return was_awaited

    # The hooks

    def event_received(self, connection, event):
        """Write an event of the client, which begins a trace; or a job, which goes on in one."""
        cdef object data = payload_of(event, "websocket.receive")
        if data is None or len(data) > self._hot_size:
            self.write_received(connection, event)
            return
        cdef double at = self._now()
        if self._busy:
            self._postpone((RECEIVED, at, connection, event, data, None))
            return
        self._busy = 1
        try:
            self._write_received(at, connection, event, data)
        except Exception:
            self.fail()
        finally:
            self._busy -= 1
        self._look_up()

    def event_sent(self, connection, event):
        """Write an event of the application."""
        cdef object data = payload_of(event, "websocket.send")
        if data is None or len(data) > self._hot_size:
            self.write_sent(connection, event)
            return
        cdef object effect_of = current_cause.get() or connection.cause
        cdef double at = self._now()
        if self._busy:
            self._postpone((SENT, at, connection, data, effect_of, None))
            return
        self._busy = 1
        try:
            self._write_sent(at, connection, data, effect_of)
        except Exception:
            self.fail()
        finally:
            self._busy -= 1
        self._look_up()

    def handler_started(self, connection, message, cause, waited_s):
        """Make what happens next on this connection an effect of `message`."""
        cdef Running running = Running.__new__(Running)
        running.message = message
        running.trace = running.cause = running.name = ""
        running.waited_s = waited_s
        running.since = self._elapsed()
        if self._busy:
            self._postpone((STARTED, 0.0, connection, message, running, cause))
        else:
            self._busy = 1
            try:
                self._write_started(connection, message, running, cause)
            except Exception:
                self.fail()
            finally:
                self._busy -= 1
        connection.cause = running  # not before that is written: a thread may send already
        if self._late:
            self._look_up()

    def handler_finished(self, connection, message, error):
        """Write how long the handler took and whether it failed."""
        cdef double now = self._elapsed()
        cdef object effect_of = connection.cause
        connection.cause = None
        if type(effect_of) is not Running or (<Running>effect_of).message is not message:
            # Another handler runs beside it: what this one is an effect of is in its context.
            effect_of = current_cause.get()
            if type(effect_of) is not Running or (<Running>effect_of).message is not message:
                return
        cdef Running running = <Running>effect_of
        if error is not None:
            self.write_failure(connection, running, error, now)
            return
        cdef double at = self._now()
        if self._busy:
            self._postpone((FINISHED, at, connection, running, now - running.since, None))
            return
        self._busy = 1
        try:
            self._write_finished(at, connection, running, now - running.since)
        except Exception:
            self.fail()
        finally:
            self._busy -= 1
        self._look_up()

    def message_delivered(self, connection, channel, message, cause):
        """Write that a message reached a receiver."""
        cdef Origin origin = self.origin
        if cause is None or origin.cause is not cause:
            origin = self.origin_of(message, cause) or NOWHERE
        if connection is None:
            self.write_taken(channel, message, origin)
            return
        cdef double at = self._now()
        if self._busy:
            self._postpone((DELIVERED, at, connection, channel, message, origin))
            return
        self._busy = 1
        try:
            self._write_delivered(at, connection, channel, message, origin)
        except Exception:
            self.fail()
        finally:
            self._busy -= 1
        self._look_up()

    # What they write

    cdef _write_received(self, double at, connection, event, data):
        cdef Counted known = self._known_of(connection)
        if known is None:
            return
        cdef Py_ssize_t size, weight, offset
        size, weight = size_of(data)
        if at >= known.turns_at:
            known.turn(at)
        trace = next(self._traces)
        if known.consumer_class is not None:
            while True:
                offset = self._next
                waiting = (event, trace, offset, "websocket.receive")
                if offset == self._next:  # nothing was written while it was made
                    break
            known.pending.append(waiting)
        known.in_count += 1
        known.in_bytes += size
        known.last_at = at
        self._received_count += 1
        self._write("in", at, "websocket.receive", known, data, weight, trace, "", None, "", None)

    cdef _write_sent(self, double at, connection, data, effect_of):
        cdef Counted known = self._known_of(connection)
        if known is None:
            return
        cdef Py_ssize_t size, weight
        size, weight = size_of(data)
        if at >= known.turns_at:
            known.turn(at)
        if type(effect_of) is Running:
            trace, cause = (<Running>effect_of).trace, (<Running>effect_of).cause
        elif effect_of is not None:
            trace, cause = effect_of
        else:
            trace = cause = ""
        known.out_count += 1
        known.out_bytes += size
        known.last_at = at
        self._sent_count += 1
        self._write("out", at, "websocket.send", known, data, weight, trace, cause, None, "", None)

    cdef _write_started(self, connection, message, Running running, cause):
        cdef Counted known = self._known_of(connection)
        if known is None:
            return
        cdef object waiting = known.pending
        cdef Py_ssize_t depth = len(waiting)
        if depth > known.deepest:
            known.deepest = depth
        cdef tuple first = waiting[0] if depth else None
        if first is not None and first[0] is message:
            waiting.popleft()
            running.trace, running.cause, running.name = first[1], first[2], first[3]
        else:
            self._folding.begin(known, message, running, cause)

    cdef _write_finished(self, double at, connection, Running running, double took_s):
        cdef Counted known = self._known_of(connection)
        if known is None:
            return
        name = running.name
        if known.handled is not self._handled or name != self._name:
            stats = known.handled.get(name) or self._folding.stats_of(known, name)
            self._add_took, self._add_waited = stats.begin(at)
            self._handled, self._name = known.handled, name
        took = took_s
        waited = running.waited_s
        self._add_took(took)
        self._add_waited(waited)
        cause = running.cause
        cdef Py_ssize_t offset
        if type(cause) is int:  # of an entry of our own: it took as long
            offset = cause
            if offset >= self._first:
                self._written[(offset - self._first) * WIDTH + TOOK] = took
            else:
                self._earlier.append((offset, took))
        self._handled_count += 1
        self._write("handler", at, name, known, None, 0, running.trace, cause, took, "", waited)

    cdef _write_delivered(self, double at, connection, channel, message, Origin origin):
        cdef Counted known = self._known_of(connection)
        if known is None:
            return
        if at >= known.turns_at:
            known.turn(at)
        cdef Py_ssize_t offset, weight
        if known.consumer_class is not None:
            while True:
                offset = self._next
                waiting = (message, origin.trace, offset, origin.type)
                if offset == self._next:  # nothing was written while it was made
                    break
            known.pending.append(waiting)
        weight, origin.weight = origin.weight, 0
        known.layer_count += 1
        known.last_at = at
        self._delivered_count += 1
        self._write(
            "deliver", at, origin.type, known, origin.kept, weight,
            origin.trace, origin.position, None, channel, origin.group,
        )

    cdef _write(
        self, kind, double at, type, Counted known, kept, Py_ssize_t weight,
        trace, cause, took, place, extra,
    ):
        """Write an entry: see `journal` for its values. Nothing in it runs Python code."""
        cdef list written = self._written
        written.append(kind)
        written.append(at)
        written.append(type)
        written.append(known)
        written.append(kept)
        written.append(weight)
        written.append(trace)
        written.append(cause)
        written.append(took)
        written.append(place)
        written.append(extra)
        known.revision = self._next
        self._next += 1
        self._held_bytes += weight

    cdef _postpone(self, tuple happening):
        """Let a happening wait until nobody holds the lock; but not any number of them."""
        self._late.append(happening)
        if len(self._late) > MOST_LATE:
            with self.lock:  # which writes them, as soon as whoever reads has read
                pass

    cdef _write_late(self):
        """Write what happened while somebody held the lock. Called with it, so that one does."""
        cdef list late
        if self._is_writing_late:  # a finalizer, in the middle of it: the rest follows in order
            return
        self._is_writing_late = True
        try:
            while self._late:
                late, self._late = self._late, []
                try:
                    for happening in late:
                        self._write_one_late(happening)
                except Exception:
                    self.fail()
        finally:
            self._is_writing_late = False

    cdef _write_one_late(self, tuple happening):
        code, at, connection, one, two, three = happening
        if code == RECEIVED:
            self._write_received(at, connection, one, two)
        elif code == SENT:
            self._write_sent(at, connection, one, two)
        elif code == STARTED:
            self._write_started(connection, one, two, three)
        elif code == FINISHED:
            self._write_finished(at, connection, one, two)
        else:
            self._write_delivered(at, connection, one, two, three)

    # Whose turn it is

    cdef _look_up(self):
        """See, after a happening, what else is to be done."""
        if self._busy:
            return
        if self._late and self.lock.seize():
            self.lock.__exit__()
        if self._is_awaited or self._next - self._first >= MOST:
            self.fill()

    cdef _let_go(self):
        """Somebody has read or written what is known, and gives up the lock."""
        self._latest = self._known = None  # it may be listed no more
        position = self._folding.journal.position[1]  # first: others may write while it is asked
        if not self._written:
            self._first = self._next = position
        if self._busy == 1 and self._late:
            self._write_late()
        self._busy -= 1

    cdef Counted _known_of(self, connection):
        if connection is not self._latest:
            self._known = self._listed.get(connection.id)
            self._latest = connection
        return self._known

    cdef double _now(self):
        return system_time() if self._is_system_clock else self.clock()

    cdef double _elapsed(self):
        return system_timer() if self._is_system_timer else self.timer()


cdef object payload_of(event, str kind):
    """Return the text or bytes of an event that is plain and of this type, else None."""
    if type(event) is not dict:
        return None
    cdef dict fields = <dict>event
    if fields["type"] != kind:
        return None
    data = fields.get("text")
    if type(data) is str:
        return data
    data = fields.get("bytes")
    return data if type(data) is bytes else None


cdef (Py_ssize_t, Py_ssize_t) size_of(data):
    """Return the bytes of a text or of bytes on their way, and what they weigh here."""
    cdef Py_ssize_t size
    if type(data) is bytes:
        size = len(<bytes>data)
        return size, size
    if (<str>data).isascii():
        size = len(<str>data)
        return size, size
    return utf8_size(data), getsizeof(data)
