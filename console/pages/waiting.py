"""Why a message waited for its handler, and where the time went that it took.

Owns what is compared and what is said of it; the tree is `console.traces`. Says what ran
meanwhile, of which the handlers of the same connection had to be over first; what else kept the
process busy nobody has seen, and it is not guessed. Used by the page of a trace. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from console.entry_view import EntryView
from console.pages.waterfall import waited_s
from console.traces import Span

WIDTH = 100
LEAST_MS = 0.05
"""A wait below it is none: it is what a step of the loop takes."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the time.

    Attributes:
        number: of its colour, from 1 on.
        x, width: where it is on the bar, of 100.
    """

    number: int
    name: str
    ms: float
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """One handler that ran while a message waited, and for how much of the wait."""

    entry: EntryView
    ms: float

    @property
    def name(self) -> str:
        """The handler, as its class names it where that is known."""
        return self.entry.preview.strip() or self.entry.type


@dataclass(frozen=True, slots=True)
class Wait:
    """What ran while a message lay in its mailbox.

    Attributes:
        ms: how long that was.
        own: handlers of the same connection, which come one after the other; the longest first.
        others: those of other connections of the process.
    """

    ms: float
    own: tuple[Meanwhile, ...] = ()
    others: tuple[Meanwhile, ...] = ()


def handler_of(span: Span, spans: Sequence[Span]) -> Span | None:
    """Return the handler of a message, or the span itself if it is one; None if none is held."""
    if span.kind == "handler":
        return span
    return next(
        (
            one
            for one in spans
            if one.kind == "handler" and one.parent is not None and spans[one.parent] is span
        ),
        None,
    )


def parts(span: Span, spans: Sequence[Span]) -> list[Part]:
    """Return where the time went from the sending of a message to the end of its handler."""
    handler = handler_of(span, spans)
    if handler is None:
        return []
    message = spans[handler.parent] if handler.parent is not None else handler
    mailbox_s = handler.waited_s
    named = (
        ("in the layer", waited_s(message, spans) - message.waited_s),
        ("in the mailbox", mailbox_s),
        ("in its handler", handler.took_s),
    )
    total_s = sum(seconds for _, seconds in named)
    if total_s <= 0:
        return []
    found, x = [], 0.0
    for number, (name, seconds) in enumerate(named, 1):
        width = WIDTH * seconds / total_s
        if seconds > 0:
            found.append(Part(number, name, seconds * 1_000, f"{x:.2f}", f"{max(width, 0.5):.2f}"))
        x += width
    return found


def times_the_median(span: Span, spans: Sequence[Span]) -> tuple[float, int] | None:
    """Return how much longer a delivery was on its way than is usual among those of its message.

    Returns:
        The ratio, and of how many deliveries; None for anything but one of several.
    """
    if span.entry is None or span.entry.kind != "deliver":
        return None
    ways = [
        waited_s(one, spans)
        for one in spans
        if one.parent == span.parent and one.entry is not None and one.entry.kind == "deliver"
    ]
    usual = median(ways)
    return (waited_s(span, spans) / usual, len(ways)) if len(ways) > 2 and usual > 0 else None


def wait_of(handler: EntryView, earlier: Iterable[EntryView]) -> Wait | None:
    """Return what ran while what `handler` handled lay in its mailbox.

    Args:
        handler: its entry, which was written when it was over.
        earlier: entries of handlers of the same process, by the same clock.

    Returns:
        None if it did not wait.
    """
    ms = handler.waited_ms or 0.0
    if ms < LEAST_MS:
        return None
    end = handler.at - (handler.took_ms or 0.0) / 1_000
    begin = end - ms / 1_000
    found = [
        Meanwhile(one, lasted_s * 1_000)
        for one in earlier
        if one.took_ms is not None and one.position != handler.position
        if (lasted_s := min(one.at, end) - max(one.at - one.took_ms / 1_000, begin)) > 0
    ]
    found.sort(key=lambda one: -one.ms)
    own = tuple(one for one in found if one.entry.connection == handler.connection)
    others = tuple(one for one in found if one.entry.connection != handler.connection)
    return Wait(ms, own, others)
