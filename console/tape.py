"""What was captured and not yet folded: flat, because most of it is never looked at one by one.

Owns the layout of a captured happening. The recorder writes one in a fraction of a microsecond,
inside the application's own call; `folding` reads many at once. A tuple or an object for each
would cost more to make, and again in every run of the garbage collector. Pure.

Seven values a happening, one after another in one list. The first four are alike for all::

    code, time, connection, message

and the other three say by the code::

    RECEIVED   type, its text or bytes, None
    SENT       type, its text or bytes, what it is an effect of; the message is None
    STARTED    waited_s, Running, cause that the message carries or None
    FINISHED   seconds since the Unix epoch, None, None; the message is the Running
    DELIVERED  channel, Origin, None

Times are seconds since the Unix epoch, those of STARTED and FINISHED of the timer for durations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from console.capture import Kept
from runtime.taps import Cause

RECEIVED, SENT, STARTED, FINISHED, DELIVERED = range(5)

WIDTH = 7
"""Values of one happening."""

MOST = 512 * WIDTH
"""Values that wait to be folded, at most: a fifth of a millisecond's work."""

HOT_SIZE = 4_096
"""Longer ones are written at once: what is on the tape is not in the bound of the ring."""

Happening: TypeAlias = tuple[int, float, Any, Any, Any, Any, Any]


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


def happenings(values: list[Any]) -> Iterator[Happening]:
    """Return what was captured, one happening after another."""
    return zip(*[iter(values)] * WIDTH, strict=True)
