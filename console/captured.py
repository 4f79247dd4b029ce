"""What the tape keeps: of a connection, of a handler, of a message on its way, and what it writes.

`captured_native` has its own of the same names, whose numbers are those of the machine. Pure.

Source: docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import count, islice
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from console.capture import Kept
    from console.connection import ConnectionState
    from console.entry import Kind
    from console.handlers import HandlerStats, Step
    from runtime.taps import Cause
    from runtime.typing import Event

PENDING = 1_024
"""Events that may wait for their handlers; those before them lose their link, not their entry."""

COUNTED_AT_ONCE = 1_024
"""Durations that wait to be counted, at most."""

WIDTH = 11
"""Values of one entry that is written: see `Written`."""

AT, CONNECTION, WEIGHT, TOOK = 1, 3, 5, 8
"""Where its time, its connection, the bytes that it keeps, and its duration are."""

Numbers = count
"""Counts up by one: the numbers of traces."""

Waiting: TypeAlias = "tuple[Event, str | int, int, str]"
"""(message, trace or its number here, offset of its entry, type): what waits for its handler."""


class Pending(deque[Waiting]):
    """What waits for its handler, oldest first."""

    def __init__(self, waiting: Iterable[Waiting] = ()) -> None:
        super().__init__(waiting, PENDING)


class Running:
    """A handler that runs, and what everything that happens meanwhile is an effect of.

    Filled in when its beginning is folded.

    Attributes:
        message: what it handles.
        trace: id of the trace, or its number in this process.
        cause: position of what it handles, or its offset in this process; "" if unknown.
        name: the type of what it handles.
        since: when it began, by the timer for durations.
        waited_s: how long its message had waited.
    """

    __slots__ = ("cause", "message", "name", "since", "trace", "waited_s")

    message: Any
    trace: str | int
    cause: str | int
    name: str
    since: float
    waited_s: float

    def link(self, trace: str | int, cause: str | int, name: str) -> None:
        """Say what it is an effect of, and what it handles."""
        self.trace, self.cause, self.name = trace, cause, name


class Origin:
    """The sending that deliveries come from: what they have in common is kept once.

    Attributes:
        cause: what the message carries.
        type: of the message; `group` is where it was sent, "" for a channel or if unknown.
        kept: its payload as `capture` has it.
        weight: bytes that the first delivery accounts for, because no sending here does.
    """

    __slots__ = ("cause", "group", "kept", "position", "trace", "type", "weight")

    def __init__(
        self, cause: Cause | None, type: str, group: str, kept: Kept, weight: int = 0
    ) -> None:
        self.cause = cause
        self.trace, self.position = cause or ("", "")
        self.type = type
        self.group = group
        self.kept = kept
        self.weight = weight


class Counted:
    """What messages change of a connection: `ConnectionState` has the rest.

    Attributes:
        consumer_class: of the consumer that serves it, or None.
        handled: the counts of its consumer's handlers, by the type of what they handle.
        pending: what waits for its handler: message, trace, position, type.
        deepest: how many have waited at once.
        last_at: when it had its last message, in seconds since the Unix epoch.
        revision: offset of the last entry that changed it.
        turns_at: when the running bucket of its activity ends: to be asked before a message is
            counted, and if it is over, `turn()`.
    """

    __slots__ = (
        "consumer_class",
        "deepest",
        "handled",
        "in_bytes",
        "in_count",
        "last_at",
        "layer_count",
        "out_bytes",
        "out_count",
        "pending",
        "revision",
        "turns_at",
    )

    def __init__(self) -> None:
        self.consumer_class: type[Any] | None = None
        self.handled: dict[str, HandlerStats] = {}
        self.pending = Pending()
        self.deepest = 0
        self.in_count = self.in_bytes = self.out_count = self.out_bytes = self.layer_count = 0
        self.last_at = 0.0
        self.revision = -1
        self.turns_at = 0.0

    def turn(self, now: float) -> None:
        """Begin the bucket of `now`: what was counted since the last turn was before it."""
        raise NotImplementedError


class Durations:
    """How long handlers took, and how long their messages had waited, until they are counted.

    Attributes:
        ends_at: when the step ends that they are of, in seconds since the Unix epoch.
    """

    __slots__ = ("ends_at", "took_s", "waited_s")

    def __init__(self) -> None:
        self.ends_at = 0.0
        # To count many at once takes a fifth of the time.
        self.took_s: list[float] = []
        self.waited_s: list[float] = []

    def add(self, took_s: float, waited_s: float) -> None:
        """Take note of one that has ended."""
        self.took_s.append(took_s)
        self.waited_s.append(waited_s)

    def is_full(self) -> bool:
        """Return whether it is time to count them."""
        return len(self.took_s) >= COUNTED_AT_ONCE

    def move_into(self, step: Step) -> None:
        """Count what was noted into the step that it is of."""
        if self.took_s:
            step.count_all(self.took_s, self.waited_s)
            self.took_s.clear()
            self.waited_s.clear()


class Written:
    """Entries that nobody has read yet, one after another.

    The values of one are, and item by item it is a list of them::

        kind, at, type, connection, payload, weight, trace, cause, took_s, channel, extra

    `extra` is the seconds that a handler's message had waited, or the group of a delivery, whose
    payload is as `capture` has it. Trace and cause are numbers where they are of this process.
    """

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __len__(self) -> int:
        return len(self.values) // WIDTH

    def __getitem__(self, index: int) -> list[Any]:
        return self.values[index * WIDTH : (index + 1) * WIDTH]

    def append(self, kind: Kind, at: float, known: ConnectionState | None, weight: int) -> None:
        """Write one that is an entry already."""
        nothing = (None,) * (WIDTH - WEIGHT - 1)
        self.values += (kind, at, None, known, None, weight, *nothing)

    def add(self, more: Written) -> None:
        """Write what others are, which are here from now on."""
        self.values += more.values

    def kinds(self, start: int = 0) -> list[Kind]:
        """Return the kinds of all from one on."""
        return self.values[start * WIDTH :: WIDTH]

    def at(self, index: int) -> float:
        """Return the time of one."""
        at: float = self.values[index * WIDTH + AT]
        return at

    def times(self, start: int = 0) -> list[float]:
        """Return the times of all from one on."""
        return self.values[start * WIDTH + AT :: WIDTH]

    def connections(self, start: int = 0) -> list[ConnectionState | None]:
        """Return the connections of all from one on."""
        return self.values[start * WIDTH + CONNECTION :: WIDTH]

    def weight(self, index: int) -> int:
        """Return the bytes that one keeps."""
        weight: int = self.values[index * WIDTH + WEIGHT]
        return weight

    def took(self, durations: list[tuple[int, float]], place: int, first: int) -> int:
        """Say how long the handlers of some took.

        Args:
            durations: offset and seconds of each; those from `place` on are looked at, up to
                one that is not of these entries.
            first: the offset of the first of these.

        Returns:
            The place of that one, or where `durations` end.
        """
        end = first + len(self)
        for offset, seconds in islice(durations, place, None):
            if not first <= offset < end:
                break
            self.values[(offset - first) * WIDTH + TOOK] = seconds
            place += 1
        return place

    def empty(self, index: int) -> None:
        """Let go of one, whose place stays."""
        self.values[index * WIDTH : (index + 1) * WIDTH] = (None,) * WIDTH


class Folded:
    """What was made of some happenings.

    Attributes:
        written: entries for the journal.
        counts: how many there are of each kind.
        held_bytes: what their payloads weigh.
        earlier: offset and seconds for each earlier entry whose handler has ended now.
    """

    __slots__ = ("counts", "earlier", "held_bytes", "written")

    def __init__(self, written: Written) -> None:
        self.written = written
        self.counts: dict[Kind, int] = {}
        self.held_bytes = 0
        self.earlier: list[tuple[int, float]] = []
