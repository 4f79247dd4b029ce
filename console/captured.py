"""What the tape keeps of a connection, of a handler that runs, and of a message on its way.

`tape_native` has its own of the same names, whose numbers are those of the machine. Pure.

Source: docs/decisions/0039-the-tape.md
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from console.capture import Kept
    from console.entry import Kind
    from console.handlers import HandlerStats
    from runtime.taps import Cause
    from runtime.typing import Event

PENDING = 1_024
"""Events that may wait for their handlers; those before them lose their link, not their entry."""

Waiting: TypeAlias = "tuple[Event, str | int, int, str]"
"""(message, trace or its number here, offset of its entry, type): what waits for its handler."""


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
        self.pending: deque[Waiting] = deque(maxlen=PENDING)
        self.deepest = 0
        self.in_count = self.in_bytes = self.out_count = self.out_bytes = self.layer_count = 0
        self.last_at = 0.0
        self.revision = -1
        self.turns_at = 0.0

    def turn(self, now: float) -> None:
        """Begin the bucket of `now`: what was counted since the last turn was before it."""
        raise NotImplementedError


class Folded:
    """What was made of some happenings.

    Attributes:
        written: entries for the journal, `journal.WIDTH` values each.
        counts: how many there are of each kind.
        held_bytes: what their payloads weigh.
        earlier: offset and seconds for each earlier entry whose handler has ended now.
    """

    __slots__ = ("counts", "earlier", "held_bytes", "written")

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.counts: dict[Kind, int] = {}
        self.held_bytes = 0
        self.earlier: list[tuple[int, float]] = []
