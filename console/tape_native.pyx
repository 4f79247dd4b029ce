# cython: language_level=3, binding=False, wraparound=False
# cython: annotation_typing=False
"""The tape of `tape`, compiled: the same hooks and the same fold, for a fraction of the time.

A happening lies in an array of the machine's, and nothing but what it is about is an object. What
is captured is folded sooner than in `tape`, while it is still in the caches.

All of it runs under the interpreter's lock. To capture one runs no Python code but the clock's:
no other thread, and no finalizer, comes between.

Source: docs/decisions/0040-compiled-tape.md
"""

import time
from collections import deque
from sys import getsizeof
from threading import RLock

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.time cimport perf_counter as system_timer
from cpython.time cimport time as system_time
from libc.stdlib cimport free, realloc

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
    WIDTH = 11  # values of an entry, and where its duration is: see `journal`
    TOOK = 8

cdef Py_ssize_t MOST = 256  # happenings that wait to be folded, at most

cdef struct Happening:
    int code
    double at  # seconds since the Unix epoch
    double took_s  # FINISHED alone
    PyObject* connection
    PyObject* one  # RECEIVED: event; SENT: payload; STARTED, DELIVERED: message; FINISHED: Running
    PyObject* two  # RECEIVED: payload; SENT: effect of what; STARTED: Running; DELIVERED: Origin
    PyObject* three  # STARTED: cause of the message; DELIVERED: channel


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
    cdef readonly object lock
    cdef object _folding
    cdef bint _is_system_clock, _is_system_timer
    cdef Py_ssize_t _hot_size, _most
    cdef Happening* _captured
    cdef Py_ssize_t _count, _room
    cdef Happening* _spare  # what was folded before: the next to be captured into
    cdef Py_ssize_t _spare_room

    def __init__(self, folding, clock, timer, hot_size):
        self.clock = clock
        self.timer = timer
        self.origin = NOWHERE
        self.lock = RLock()
        self._folding = folding
        self._is_system_clock = clock is time.time
        self._is_system_timer = timer is time.perf_counter
        self._hot_size = hot_size
        self._most = MOST

    def __dealloc__(self):
        release(self._captured, self._count)
        free(self._captured)
        free(self._spare)

    def has_captured(self):
        """Return whether something was captured that nobody has taken."""
        return self._count > 0

    def is_full(self):
        """Return whether it is time to take what was captured."""
        return self._count > MOST

    def take(self):
        """Bring the connections up to date with what was captured; return what is to be written.

        Called under the lock. What happens meanwhile is left for the next time.
        """
        cdef Happening* captured = self._captured
        cdef Py_ssize_t count = self._count
        cdef Py_ssize_t room = self._room
        self._captured, self._room, self._count = self._spare, self._spare_room, 0
        self._spare, self._spare_room = NULL, 0
        try:
            return fold(captured, count, self._folding)
        finally:
            release(captured, count)
            if self._spare == NULL:
                self._spare, self._spare_room = captured, room
            else:
                free(captured)

    def wake_next(self):
        """Call `fill()` as soon as something more is captured."""
        self._most = 0

    def was_awaited(self):
        """Return whether `wake_next()` was called since this was asked last."""
        was_awaited = self._most == 0
        self._most = MOST
        return was_awaited

    # The hooks

    def event_received(self, connection, event):
        """Write an event of the client, which begins a trace; or a job, which goes on in one."""
        data = payload_of(event, "websocket.receive")
        if data is None or len(data) > self._hot_size:
            self.write_received(connection, event)
            return
        self._capture(RECEIVED, self._now(), 0.0, connection, event, data, None)
        if self._count > self._most:
            self.fill()

    def event_sent(self, connection, event):
        """Write an event of the application."""
        data = payload_of(event, "websocket.send")
        if data is None or len(data) > self._hot_size:
            self.write_sent(connection, event)
            return
        effect_of = current_cause.get() or connection.cause
        self._capture(SENT, self._now(), 0.0, connection, data, effect_of, None)
        if self._count > self._most:
            self.fill()

    def handler_started(self, connection, message, cause, waited_s):
        """Make what happens next on this connection an effect of `message`."""
        cdef Running running = Running.__new__(Running)
        running.message = message
        running.waited_s = waited_s
        running.since = self._elapsed()
        self._capture(STARTED, 0.0, 0.0, connection, message, running, cause)
        connection.cause = running  # not before it is on the tape: a thread may send already

    def handler_finished(self, connection, message, error):
        """Write how long the handler took and whether it failed."""
        cdef double now = self._elapsed()
        effect_of = connection.cause
        connection.cause = None
        if type(effect_of) is not Running or (<Running>effect_of).message is not message:
            # Another handler runs beside it: what this one is an effect of is in its context.
            effect_of = current_cause.get()
            if type(effect_of) is not Running or (<Running>effect_of).message is not message:
                return
        if error is not None:
            self.write_failure(connection, effect_of, error, now)
            return
        cdef double took_s = now - (<Running>effect_of).since
        self._capture(FINISHED, self._now(), took_s, connection, effect_of, None, None)
        if self._count > self._most:
            self.fill()

    def message_delivered(self, connection, channel, message, cause):
        """Write that a message reached a receiver."""
        cdef Origin origin = self.origin
        if cause is None or origin.cause is not cause:
            origin = self.origin_of(message, cause) or NOWHERE
        if connection is None:
            self.write_taken(channel, message, origin)
            return
        self._capture(DELIVERED, self._now(), 0.0, connection, message, origin, channel)
        if self._count > self._most:
            self.fill()

    cdef int _capture(
        self, int code, double at, double took_s, connection, one, two, three
    ) except -1:
        if self._count == self._room:
            self._make_room()
        cdef Happening* happening = &self._captured[self._count]
        happening.code = code
        happening.at = at
        happening.took_s = took_s
        happening.connection = <PyObject*>connection
        happening.one = <PyObject*>one
        happening.two = <PyObject*>two
        happening.three = <PyObject*>three
        Py_INCREF(connection)
        Py_INCREF(one)
        Py_INCREF(two)
        Py_INCREF(three)
        self._count += 1
        return 0

    cdef int _make_room(self) except -1:
        cdef Py_ssize_t room = 2 * self._room + MOST
        cdef Happening* more = <Happening*>realloc(self._captured, room * sizeof(Happening))
        if more == NULL:
            raise MemoryError
        self._captured, self._room = more, room
        return 0

    cdef double _now(self) except? -1:
        return system_time() if self._is_system_clock else self.clock()

    cdef double _elapsed(self) except? -1:
        return system_timer() if self._is_system_timer else self.timer()


cdef void release(Happening* captured, Py_ssize_t count):
    """Let go of what some happenings were about."""
    cdef Py_ssize_t index
    for index in range(count):
        Py_DECREF(<object>captured[index].connection)
        Py_DECREF(<object>captured[index].one)
        Py_DECREF(<object>captured[index].two)
        Py_DECREF(<object>captured[index].three)


cdef object fold(Happening* captured, Py_ssize_t count, folding):
    """Bring the connections up to date with what was captured; return what is to be written."""
    cdef dict listed = folding.state.listed
    cdef dict handled = None
    cdef list written = [None] * (count * WIDTH)
    cdef list earlier = []
    cdef Py_ssize_t first = folding.journal.position[1]
    cdef Py_ssize_t offset = first
    cdef Py_ssize_t received = 0, sent = 0, ended = 0, delivered = 0, held_bytes = 0
    cdef Py_ssize_t index, size, weight, caused
    cdef Happening* happening
    cdef PyObject* latest = NULL
    cdef Counted known = None
    cdef Running running
    cdef Origin origin
    cdef tuple waiting
    traces = folding.traces
    name = add_took = add_waited = None
    for index in range(count):
        happening = &captured[index]
        if happening.connection != latest:
            latest = happening.connection
            known = listed.get((<object>latest).id)
        if known is None:
            if happening.code == STARTED:
                running = <Running>happening.two
                running.trace = running.cause = running.name = ""
            continue

        if happening.code == STARTED:
            running = <Running>happening.two
            pending = known.pending
            size = len(pending)
            if size > known.deepest:
                known.deepest = size
            waiting = pending[0] if size else None
            if waiting is not None and <PyObject*>waiting[0] == happening.one:
                pending.popleft()
                running.trace, running.cause, running.name = waiting[1], waiting[2], waiting[3]
            else:
                folding.begin(known, <object>happening.one, running, <object>happening.three)
            continue

        if happening.code == FINISHED:
            running = <Running>happening.one
            if known.handled is not handled or running.name != name:
                handled, name = known.handled, running.name
                stats = handled.get(name) or folding.stats_of(known, name)
                add_took, add_waited = stats.begin(happening.at)
            took_s, waited_s, cause = happening.took_s, running.waited_s, running.cause
            add_took(took_s)
            add_waited(waited_s)
            if type(cause) is int:  # of an entry of our own: it took as long
                caused = cause
                if caused >= first:
                    written[(caused - first) * WIDTH + TOOK] = took_s
                else:
                    earlier.append((caused, took_s))
            put(
                written, offset - first, "handler", happening.at, name, known, None, 0,
                running.trace, cause, took_s, "", waited_s,
            )
            ended += 1
            known.revision = offset
            offset += 1
            continue

        if happening.at >= known.turns_at:
            known.turn(happening.at)
        known.last_at = happening.at
        known.revision = offset
        if happening.code == DELIVERED:
            origin = <Origin>happening.two
            known.layer_count += 1
            weight, origin.weight = origin.weight, 0
            put(
                written, offset - first, "deliver", happening.at, origin.type, known, origin.kept,
                weight, origin.trace, origin.position, None, <object>happening.three, origin.group,
            )
            if known.consumer_class is not None:
                known.pending.append((<object>happening.one, origin.trace, offset, origin.type))
            delivered += 1
        elif happening.code == RECEIVED:
            data = <object>happening.two
            size, weight = size_of(data)
            known.in_count += 1
            known.in_bytes += size
            trace = next(traces)
            put(
                written, offset - first, "in", happening.at, "websocket.receive", known, data,
                weight, trace, "", None, "", None,
            )
            if known.consumer_class is not None:
                waiting = (<object>happening.one, trace, offset, "websocket.receive")
                known.pending.append(waiting)
            received += 1
        else:
            data = <object>happening.one
            size, weight = size_of(data)
            known.out_count += 1
            known.out_bytes += size
            effect_of = <object>happening.two
            if type(effect_of) is Running:
                trace, cause = (<Running>effect_of).trace, (<Running>effect_of).cause
            else:
                trace, cause = effect_of or ("", "")
            put(
                written, offset - first, "out", happening.at, "websocket.send", known, data,
                weight, trace, cause, None, "", None,
            )
            sent += 1
        held_bytes += weight
        offset += 1
    del written[(offset - first) * WIDTH :]
    folded = Folded()
    folded.written, folded.earlier, folded.held_bytes = written, earlier, held_bytes
    folded.counts = {"in": received, "out": sent, "handler": ended, "deliver": delivered}
    return folded


cdef int put(
    list written, Py_ssize_t entry, kind, double at, type, known, kept, Py_ssize_t weight,
    trace, cause, took_s, place, extra,
) except -1:
    """Write an entry: see `journal` for its values."""
    cdef Py_ssize_t start = entry * WIDTH
    written[start] = kind
    written[start + 1] = at
    written[start + 2] = type
    written[start + 3] = known
    written[start + 4] = kept
    written[start + 5] = weight
    written[start + 6] = trace
    written[start + 7] = cause
    written[start + TOOK] = took_s
    written[start + 9] = place
    written[start + 10] = extra
    return 0


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
