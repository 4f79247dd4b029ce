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
from sys import getsizeof
from threading import RLock
from types import MemberDescriptorType

cimport cython
from cpython.contextvars cimport get_value_no_default as value_of
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from cpython.time cimport perf_counter as system_timer
from libc.math cimport ceil
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from console.capture import NOTHING, utf8_size
from console.captured import PENDING as MOST_PENDING
from console.captured import Folded
from runtime.taps import Connection, current_cause

cdef extern from "structmember.h":
    ctypedef struct PyMemberDef:
        Py_ssize_t offset

cdef extern from "Python.h":
    ctypedef struct PyMemberDescrObject:
        PyMemberDef* d_member

    PyObject* PyDict_GetItemWithError(dict fields, str key) except? NULL  # borrowed
    bint PyUnicode_IS_ASCII(str text)

cdef Py_ssize_t PENDING = MOST_PENDING

include "captured_native.pxi"

cdef enum:  # the kinds of a happening
    RECEIVED
    SENT
    STARTED
    FINISHED
    DELIVERED

cdef Py_ssize_t MOST = 256  # happenings that wait to be folded, at most

cdef PyObject* latest_received = NULL  # see `payload_of`
cdef PyObject* latest_sent = NULL

cdef Py_ssize_t CAUSE = place_of(Connection.cause)
cdef Py_ssize_t ID = place_of(Connection.id)

cdef struct Happening:
    int code
    double at  # seconds of the timer
    PyObject* connection
    PyObject* one  # RECEIVED: event; SENT: payload; STARTED, DELIVERED: message; FINISHED: Running
    PyObject* two  # RECEIVED: payload; SENT: effect of what; STARTED: Running; DELIVERED: Origin
    PyObject* three  # STARTED: cause of the message; DELIVERED: channel


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

    cdef readonly object line, timer
    cdef public Origin origin
    cdef readonly object lock
    cdef object _folding
    cdef bint _is_system_timer
    cdef Py_ssize_t _hot_size, _most
    cdef Happening* _captured
    cdef Py_ssize_t _count, _room
    cdef Happening* _spare  # what was folded before: the next to be captured into
    cdef Py_ssize_t _spare_room

    def __init__(self, folding, line, hot_size):
        self.line = line
        self.timer = line.timer
        self.origin = NOWHERE
        self.lock = RLock()
        self._folding = folding
        self._is_system_timer = self.timer is time.perf_counter
        self._hot_size = hot_size
        self._most = MOST

    def __dealloc__(self):
        release_all(self._captured, self._count)
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
            return self._fold(captured, count, self.line.offset_s())
        finally:
            release_all(captured, count)
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

    def event_received(self, connection, event, double at):
        """Write an event of the client, which begins a trace; or a job, which goes on in one."""
        data = payload_of(event, "websocket.receive", &latest_received)
        if data is None or len(data) > self._hot_size:
            self.write_received(connection, event)
            return
        self._capture(RECEIVED, at, connection, event, data, None)
        if self._count > self._most:
            self.fill()

    def event_sent(self, connection, event):
        """Write an event of the application."""
        data = payload_of(event, "websocket.send", &latest_sent)
        if data is None or len(data) > self._hot_size:
            self.write_sent(connection, event)
            return
        effect_of = value_of(current_cause) or slot(connection, CAUSE)
        self._capture(SENT, self._now(), connection, data, effect_of, None)
        if self._count > self._most:
            self.fill()

    def handler_started(self, connection, message, cause, double put_at):
        """Make what happens next on this connection an effect of `message`."""
        cdef Running running = Running.__new__(Running)
        running.message = message
        running.since = self._now()
        running.waited_s = running.since - put_at
        self._capture(STARTED, running.since, connection, message, running, cause)
        set_cause(connection, running)  # not before it is on the tape: a thread may send already

    def handler_finished(self, connection, message, error):
        """Write how long the handler took and whether it failed."""
        cdef double now = self._now()
        effect_of = slot(connection, CAUSE)
        set_cause(connection, None)
        if type(effect_of) is not Running or (<Running>effect_of).message is not message:
            # Another handler runs beside it: what this one is an effect of is in its context.
            effect_of = value_of(current_cause)
            if type(effect_of) is not Running or (<Running>effect_of).message is not message:
                return
        if error is not None:
            self.write_failure(connection, effect_of, error, now)
            return
        self._capture(FINISHED, now, connection, effect_of, None, None)
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
        self._capture(DELIVERED, self._now(), connection, message, origin, channel)
        if self._count > self._most:
            self.fill()

    cdef int _capture(
        self, int code, double at, connection, one, two, three
    ) except -1:
        if self._count == self._room:
            self._make_room()
        cdef Happening* happening = &self._captured[self._count]
        happening.code = code
        happening.at = at
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

    cdef object _fold(self, Happening* captured, Py_ssize_t count, double offset_s):
        """Bring the connections up to date with what was captured; return what is to be written."""
        folding = self._folding
        cdef dict listed = folding.state.listed
        cdef Numbers traces = folding.traces
        cdef Written written = Written.__new__(Written)
        cdef list earlier = []
        cdef long long first = folding.journal.position[1]
        cdef long long offset
        cdef double at, took_s
        cdef Py_ssize_t received = 0, sent = 0, ended = 0, delivered = 0, held_bytes = 0
        cdef Py_ssize_t index, size, weight
        cdef Happening* happening
        cdef PyObject* latest = NULL
        cdef PyObject* found
        cdef Counted known = None
        cdef Running running
        cdef Origin origin
        cdef Durations durations = None
        cdef dict handled = None
        cdef Row* row
        cdef Wait wait
        name = None
        written.make_room(count)
        for index in range(count):
            happening = &captured[index]
            if happening.connection != latest:
                latest = happening.connection
                found = PyDict_GetItemWithError(listed, slot(<object>latest, ID))
                known = <Counted><object>found if found != NULL else None
            if known is None:
                if happening.code == STARTED:
                    (<Running>happening.two).link("", "", "")
                continue

            if happening.code == STARTED:
                running = <Running>happening.two
                if known.pending.count > known.deepest:
                    known.deepest = known.pending.count
                if known.pending.count and known.pending.at(0).message == happening.one:
                    wait = known.pending.pull()
                    running.trace_number, running.cause_number = wait.trace, wait.cause
                    running.about, running.name = <object>wait.about, <object>wait.type
                    release_wait(&wait)
                else:
                    folding.begin(known, <object>happening.one, running, <object>happening.three)
                continue

            offset = first + written.count
            known.revision = offset
            at = happening.at + offset_s
            if happening.code == FINISHED:
                running = <Running>happening.one
                took_s = happening.at - running.since
                if (
                    known.handled is not handled
                    or running.name is not name
                    or at >= durations.ends_at
                ):
                    handled, name = known.handled, running.name
                    stats = handled.get(name) or folding.stats_of(known, name)
                    durations = stats.begin(at)
                durations.note(took_s, running.waited_s)
                if running.cause_number >= first:  # it is in `written`, and took as long
                    written.rows[running.cause_number - first].took_s = took_s
                elif running.cause_number >= 0:
                    earlier.append((running.cause_number, took_s))
                row = written.put(HANDLER, at, known, running.name, running.about, 0)
                row.trace, row.cause = running.trace_number, running.cause_number
                row.took_s, row.waited_s = took_s, running.waited_s
                ended += 1
                continue

            if at >= known.turns_at:
                known.turn(at)
            known.last_at = at
            if happening.code == DELIVERED:
                origin = <Origin>happening.two
                weight, origin.weight = origin.weight, 0
                written.put(
                    DELIVER, at, known, origin, <object>happening.three, weight
                )
                known.layer_count += 1
                if known.consumer_class is not None:
                    known.pending.push(<object>happening.one, origin.type, origin.trace, 0, offset)
                delivered += 1
            elif happening.code == RECEIVED:
                data = <object>happening.two
                measure(data, &size, &weight)
                row = written.put(IN, at, known, data, None, weight)
                row.trace = traces.next
                traces.next += 1
                known.in_count += 1
                known.in_bytes += size
                if known.consumer_class is not None:
                    known.pending.push(
                        <object>happening.one, "websocket.receive", None, row.trace, offset
                    )
                received += 1
            else:
                data = <object>happening.one
                measure(data, &size, &weight)
                effect_of = <object>happening.two
                if type(effect_of) is Running:
                    running = <Running>effect_of
                    row = written.put(OUT, at, known, data, running.about, weight)
                    row.trace, row.cause = running.trace_number, running.cause_number
                else:
                    about = tuple(effect_of or NO_CAUSE)
                    written.put(OUT, at, known, data, about, weight)
                known.out_count += 1
                known.out_bytes += size
                sent += 1
            held_bytes += weight
        folded = Folded(written)
        folded.earlier, folded.held_bytes = earlier, held_bytes
        folded.counts = {"in": received, "out": sent, "handler": ended, "deliver": delivered}
        return folded

    cdef double _now(self) except? -1:
        return system_timer() if self._is_system_timer else self.timer()


cdef void release_all(Happening* captured, Py_ssize_t count):
    """Let go of what some happenings were about."""
    cdef Py_ssize_t index
    for index in range(count):
        Py_DECREF(<object>captured[index].connection)
        Py_DECREF(<object>captured[index].one)
        Py_DECREF(<object>captured[index].two)
        Py_DECREF(<object>captured[index].three)


cdef object payload_of(event, str name, PyObject** latest):
    """Return the text or bytes of an event that is plain and of this type, else None.

    Args:
        latest: the object that such a type was last; most often it is that again.
    """
    if type(event) is not dict:
        return None
    cdef PyObject* found = PyDict_GetItemWithError(<dict>event, "type")
    if found != latest[0] or found == NULL:
        if found == NULL or <object>found != name:
            return None
        if type(<object>found) is str:
            Py_XDECREF(latest[0])
            latest[0] = hold(<object>found)
    found = PyDict_GetItemWithError(<dict>event, "text")
    if found != NULL and type(<object>found) is str:
        return <object>found
    found = PyDict_GetItemWithError(<dict>event, "bytes")
    return <object>found if found != NULL and type(<object>found) is bytes else None


cdef int measure(data, Py_ssize_t* size, Py_ssize_t* weight) except -1:
    """Say how many bytes a text or bytes are on their way, and what they weigh here."""
    if type(data) is bytes:
        size[0] = weight[0] = len(<bytes>data)
    elif PyUnicode_IS_ASCII(<str>data):
        size[0] = weight[0] = len(<str>data)
    else:
        size[0], weight[0] = utf8_size(data), getsizeof(data)
    return 0


cdef Py_ssize_t place_of(descriptor) except -1:
    """Return where in an object a slot of its class lies, in bytes."""
    if type(descriptor) is not MemberDescriptorType:
        raise TypeError(f"{descriptor!r} is no slot")
    return (<PyMemberDescrObject*>descriptor).d_member.offset


cdef object slot(connection, Py_ssize_t place):
    """Return what a connection has in a slot, without the way through its class."""
    if type(connection) is not Connection:
        return connection.cause if place == CAUSE else connection.id
    cdef PyObject* value = (<PyObject**>(<char*><PyObject*>connection + place))[0]
    return <object>value if value != NULL else None


cdef int set_cause(connection, cause) except -1:
    """Say what happens next on a connection is an effect of."""
    if type(connection) is not Connection:
        connection.cause = cause
        return 0
    cdef PyObject** place = <PyObject**>(<char*><PyObject*>connection + CAUSE)
    cdef PyObject* before = place[0]
    place[0] = hold(cause)
    Py_XDECREF(before)
    return 0
