"""What the compiled tape keeps: the classes of `captured`, whose numbers are those of the machine.

Part of `tape_native`. What `captured` has in lists and tuples lies in arrays here, and only what
somebody else made is an object. Each array holds a reference to what is in it, and lets go of
one only once nothing leads to it any more: a finalizer may come back here.
"""

cdef enum:
    BUCKETS = 225  # as `latency` has them
    FIRST_ROOM = 4  # of a mailbox that something waits in

cdef enum:  # the kinds of a row
    IN
    OUT
    HANDLER
    DELIVER
    MADE
    EMPTY

cdef tuple KINDS = ("in", "out", "handler", "deliver")
cdef tuple NO_CAUSE = ("", "")

cdef struct Row:
    int kind
    double at  # seconds since the Unix epoch
    double took_s  # below 0: unknown
    double waited_s  # HANDLER alone
    long long trace, cause  # their numbers in this process; the cause below 0: none
    PyObject* known
    PyObject* what  # IN, OUT: payload; HANDLER: name; DELIVER: Origin; MADE: kind
    PyObject* about  # DELIVER: channel; else text for numbers: of the trace, or (trace, cause)
    Py_ssize_t weight

cdef struct Wait:
    PyObject* message
    PyObject* type
    PyObject* about  # the trace as text, or None
    long long trace, cause


@cython.freelist(64)
cdef class Running:
    """A handler that runs, and what everything that happens meanwhile is an effect of."""

    cdef public object message, name
    cdef public double since, waited_s
    cdef object about  # as in a row
    cdef long long trace_number, cause_number

    def link(self, trace, cause, name):
        """Say what it is an effect of, and what it handles."""
        self.name = name
        self.trace_number = self.cause_number = -1
        if type(cause) is int:
            self.cause_number = cause
        if type(trace) is int:
            self.trace_number, self.about = trace, None
        else:
            self.about = trace if type(cause) is int else (trace, cause)

    @property
    def trace(self):
        """Id of the trace, or its number here."""
        return trace_of(self.about, self.trace_number)

    @property
    def cause(self):
        """Position of what it handles, or its offset here; "" if unknown."""
        return cause_of(self.about, self.cause_number)


cdef class Origin:
    """The sending that deliveries come from: what they have in common is kept once."""

    cdef public object cause, type, group, kept, position, trace
    cdef public Py_ssize_t weight

    def __init__(self, cause, type, group, kept, weight=0):
        self.cause = cause
        self.trace, self.position = cause or NO_CAUSE
        self.type = type
        self.group = group
        self.kept = kept
        self.weight = weight


cdef class Numbers:
    """Counts up by one, as `itertools.count` does."""

    cdef long long next

    def __init__(self, start):
        self.next = start

    def __iter__(self):
        return self

    def __next__(self):
        self.next += 1
        return self.next - 1


cdef class Pending:
    """What waits for its handler, oldest first: a deque of `Waiting`, bounded by `PENDING`."""

    cdef Wait* waits  # a ring
    cdef Py_ssize_t first, count, room

    def __dealloc__(self):
        self.drop_all()
        free(self.waits)

    def __len__(self):
        return self.count

    def __iter__(self):
        cdef Py_ssize_t index = 0
        while index < self.count:
            yield self._tuple(index)
            index += 1

    def __getitem__(self, Py_ssize_t index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self._tuple(index)

    def __delitem__(self, Py_ssize_t index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        cdef Wait wait = self.at(index)[0]
        for index in range(index, self.count - 1):
            self.at(index)[0] = self.at(index + 1)[0]
        self.count -= 1
        release_wait(&wait)

    def append(self, tuple waiting):
        """Let a message wait; if too many do, the oldest loses its link."""
        message, trace, cause, type_ = waiting
        about = None if type(trace) is int else trace
        self.push(message, type_, about, 0 if about is not None else trace, cause)

    def extend(self, many):
        """Let messages wait."""
        for waiting in many:
            self.append(waiting)

    def popleft(self):
        """Remove and return the oldest."""
        waiting = self[0]
        del self[0]
        return waiting

    def clear(self):
        """Forget what waits."""
        self.drop_all()

    cdef int drop_all(self) except -1:
        cdef Wait wait
        while self.count:
            wait = self.pull()
            release_wait(&wait)
        return 0

    cdef Wait* at(self, Py_ssize_t index) noexcept:
        return &self.waits[(self.first + index) & (self.room - 1)]

    cdef Wait pull(self) noexcept:
        """Take the oldest out, with its references."""
        cdef Wait wait = self.waits[self.first]
        self.first = (self.first + 1) & (self.room - 1)
        self.count -= 1
        return wait

    cdef int push(self, message, type, about, long long trace, long long cause) except -1:
        cdef Wait oldest
        cdef bint is_full = self.count == PENDING
        if is_full:
            oldest = self.pull()
        elif self.count == self.room:
            self._make_room()
        cdef Wait* wait = self.at(self.count)
        wait.message, wait.type, wait.about = hold(message), hold(type), hold(about)
        wait.trace, wait.cause = trace, cause
        self.count += 1
        if is_full:
            release_wait(&oldest)
        return 0

    cdef int _make_room(self) except -1:
        cdef Py_ssize_t room = 2 * self.room or FIRST_ROOM
        cdef Wait* waits = <Wait*>malloc(room * sizeof(Wait))
        if waits == NULL:
            raise MemoryError
        cdef Py_ssize_t index
        for index in range(self.count):
            waits[index] = self.at(index)[0]
        free(self.waits)
        self.waits, self.first, self.room = waits, 0, room
        return 0

    cdef tuple _tuple(self, Py_ssize_t index):
        cdef Wait* wait = self.at(index)
        about = <object>wait.about
        trace = wait.trace if about is None else about
        return <object>wait.message, trace, wait.cause, <object>wait.type


cdef int release_wait(Wait* wait) except -1:
    """Let go of what was taken out."""
    Py_DECREF(<object>wait.message)
    Py_DECREF(<object>wait.type)
    Py_DECREF(<object>wait.about)
    return 0


cdef class Counted:
    """What messages change of a connection: `ConnectionState` has the rest."""

    cdef public object consumer_class
    cdef readonly Pending pending
    cdef public dict handled
    cdef public Py_ssize_t deepest, in_count, in_bytes, out_count, out_bytes, layer_count, revision
    cdef public double last_at, turns_at

    def __init__(self):
        self.handled = {}
        self.pending = Pending()
        self.revision = -1

    def turn(self, now):
        """Begin the bucket of `now`: what was counted since the last turn was before it."""
        raise NotImplementedError


cdef class Durations:
    """How long handlers took, and how long their messages had waited, until they are counted."""

    cdef public double ends_at
    cdef unsigned long long counts[BUCKETS]
    cdef Py_ssize_t count
    cdef double total_s, max_s, max_waited_s

    def is_full(self):
        """Return False: each is counted at once, and takes no room."""
        return False

    def add(self, double took_s, double waited_s):
        """Take note of one that has ended."""
        self.note(took_s, waited_s)

    def move_into(self, step):
        """Count what was noted into a step."""
        cdef Py_ssize_t bucket
        if self.count == 0:
            return
        buckets = step.buckets
        for bucket in range(BUCKETS):
            if self.counts[bucket]:
                buckets[bucket] += self.counts[bucket]
                self.counts[bucket] = 0
        step.count += self.count
        step.total_s += self.total_s
        step.max_s = max(step.max_s, self.max_s)
        step.max_waited_s = max(step.max_waited_s, self.max_waited_s)
        self.count = 0
        self.total_s = self.max_s = self.max_waited_s = 0.0

    cdef void note(self, double took_s, double waited_s) noexcept:
        self.counts[bucket_of(took_s)] += 1
        self.count += 1
        self.total_s += took_s
        if took_s > self.max_s:
            self.max_s = took_s
        if waited_s > self.max_waited_s:
            self.max_waited_s = waited_s


cdef Py_ssize_t bucket_of(double seconds) noexcept:
    """Return the bucket of a duration: see `latency`."""
    cdef double last = 1 << 30
    cdef long long number, shift = 0
    if seconds * 1e6 > last:
        return BUCKETS - 1
    number = <long long>ceil(seconds * 1e6) - 1
    if number < 8:
        return number if number > 0 else 0
    while number >> shift > 15:
        shift += 1
    return (shift << 3) + (number >> shift)


cdef class Written:
    """Entries that nobody has read yet, one after another."""

    cdef Row* rows
    cdef Py_ssize_t count, room

    def __dealloc__(self):
        cdef Py_ssize_t index
        for index in range(self.count):
            release_row(&self.rows[index])
        free(self.rows)

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t index):
        """Return the values of one, in the order of `captured.Written`."""
        cdef Row* row = self.row(index)
        known, what, about = <object>row.known, <object>row.what, <object>row.about
        took_s = row.took_s if row.took_s >= 0 else None
        if row.kind == DELIVER:
            return [
                "deliver", row.at, what.type, known, what.kept, row.weight, what.trace,
                what.position, took_s, about, what.group,
            ]
        trace, cause = trace_of(about, row.trace), cause_of(about, row.cause)
        if row.kind == HANDLER:
            return [
                "handler", row.at, what, known, None, 0, trace, cause, took_s, "", row.waited_s
            ]
        name = "websocket.receive" if row.kind == IN else "websocket.send"
        return [
            self.kind(index), row.at, name, known, what, row.weight, trace, cause, took_s, "", None
        ]

    def append(self, kind, double at, known, Py_ssize_t weight):
        """Write one that is an entry already."""
        self.put(MADE, at, known, kind, None, weight)

    def add(self, Written more):
        """Write what others are, which are here from now on."""
        self.make_room(more.count)
        memcpy(&self.rows[self.count], more.rows, more.count * sizeof(Row))
        self.count += more.count
        more.count = 0

    def kind(self, Py_ssize_t index):
        """Return the kind of one; None if it was emptied."""
        cdef Row* row = self.row(index)
        if row.kind == EMPTY:
            return None
        return <object>row.what if row.kind == MADE else KINDS[row.kind]

    def kinds(self, Py_ssize_t start=0):
        """Return the kinds of all from one on."""
        return [self.kind(index) for index in range(start, self.count)]

    def at(self, Py_ssize_t index):
        """Return the time of one."""
        return self.row(index).at

    def times(self, Py_ssize_t start=0):
        """Return the times of all from one on."""
        return [self.rows[index].at for index in range(start, self.count)]

    def connections(self, Py_ssize_t start=0):
        """Return the connections of all from one on."""
        return [<object>self.rows[index].known for index in range(start, self.count)]

    def weight(self, Py_ssize_t index):
        """Return the bytes that one keeps."""
        return self.row(index).weight

    def took(self, list durations, Py_ssize_t place, long long first):
        """Say how long handlers took: see `captured.Written`."""
        cdef tuple duration
        cdef long long index
        while place < len(durations):
            duration = durations[place]
            index = <long long>duration[0] - first
            if not 0 <= index < self.count:
                break
            self.rows[index].took_s = duration[1]
            place += 1
        return place

    def empty(self, Py_ssize_t index):
        """Let go of one, whose place stays."""
        cdef Row* row = self.row(index)
        cdef Row before = row[0]
        row.kind, row.weight = EMPTY, 0
        row.known = row.what = row.about = hold(None)
        Py_INCREF(None)
        Py_INCREF(None)
        release_row(&before)

    cdef Row* row(self, Py_ssize_t index) except NULL:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return &self.rows[index]

    cdef Row* put(
        self, int kind, double at, known, what, about, Py_ssize_t weight
    ) except NULL:
        """Write one, of which the rest is to be filled in."""
        if self.count == self.room:
            self.make_room(1)
        cdef Row* row = &self.rows[self.count]
        row.kind, row.at, row.weight = kind, at, weight
        row.took_s = row.cause = -1
        row.waited_s = row.trace = 0
        row.known, row.what, row.about = hold(known), hold(what), hold(about)
        self.count += 1
        return row

    cdef int make_room(self, Py_ssize_t more) except -1:
        if self.count + more <= self.room:
            return 0
        cdef Py_ssize_t room = max(self.count + more, 2 * self.room)
        cdef Row* rows = <Row*>realloc(self.rows, room * sizeof(Row))
        if rows == NULL:
            raise MemoryError
        self.rows, self.room = rows, room
        return 0


cdef int release_row(Row* row) except -1:
    """Let go of what a row holds."""
    Py_DECREF(<object>row.known)
    Py_DECREF(<object>row.what)
    Py_DECREF(<object>row.about)
    return 0


cdef PyObject* hold(what) noexcept:
    """Return a reference that is held from now on."""
    Py_INCREF(what)
    return <PyObject*>what


cdef object trace_of(about, long long number):
    """Return the id of a trace, or its number."""
    if about is None:
        return number
    return about if type(about) is str else (<tuple>about)[0]


cdef object cause_of(about, long long number):
    """Return the position of a cause, or its offset; "" if there is none."""
    if type(about) is tuple:
        return (<tuple>about)[1]
    return number if number >= 0 else ""
