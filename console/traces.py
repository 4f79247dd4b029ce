"""Everything that one inbound event caused, in every process, as one tree with times.

Owns the tree, the starts and durations, the correction of clocks, and the saying of what is
missing. Takes entries as they may be shown, from any number of processes, in any order, and
believes none of them: they may lack parts, repeat, or lead in a circle. Pure.

What a handler did names the same cause as the handler itself: the event or delivery that it
handled. It is put below the handler. What crosses a layer that carries no cause is not
linked, and nothing is guessed.

Source: decision 8 of the design, "Causality rides in the envelope"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from console.clocks import Crossing, corrections
from console.entry import unspell
from console.entry_view import EntryView

FAN_OUT = 20
"""Effects of one kind that are shown of one cause; the rest is counted."""

Missing: TypeAlias = Literal["", "left", "gap", "unknown process", "circle", "not seen", "unlinked"]
"""Why something is not there:

- left: it was pushed out of the ring of its process.
- gap: its process holds it, or held it a moment ago, and it was not read.
- unknown process: nobody has read its process.
- circle: its cause is one of its own effects, so that the link was cut.
- not seen: a message had receivers, and no more deliveries than these have been seen.
- unlinked: it went through a layer that carries no cause.
"""

Kind: TypeAlias = Literal["entry", "handler", "missing", "folded"]

Children: TypeAlias = dict[str | None, list[str]]
"""The effects of each position, as they began; those of nothing are at the top."""


@dataclass(frozen=True, slots=True)
class Held:
    """What was read of a process: the entries from one offset up to, without, another."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """One row of a trace.

    Attributes:
        kind: an entry that lasts no time, or waits for its handler; a handler; something that
            is missing; or several that were folded into one row.
        entry: what is shown; None for what is missing.
        position: that of the entry, or of the one that is missing; "" if nobody knows.
        parent: index of the span that caused it; None at the top.
        depth: how far below the top.
        start_s: seconds after the trace began, by corrected clocks.
        took_s: how long it took, with what it waited; 0.0 for what lasts no time.
        waited_s: how long it lay in a mailbox.
        count: how many it stands for: 1, or those that were folded or are not there.
        failed: of those that were folded, how many had a handler that failed.
        missing: why it is not there, or what of it is not.
        is_moved: whether it was moved behind its cause, which no correction of clocks achieved.
    """

    kind: Kind
    entry: EntryView | None
    position: str
    parent: int | None
    depth: int
    start_s: float
    took_s: float = 0.0
    waited_s: float = 0.0
    count: int = 1
    failed: int = 0
    missing: Missing = ""
    is_moved: bool = False

    @property
    def end_s(self) -> float:
        """When it was over, in seconds after the trace began."""
        return self.start_s + self.took_s


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace.

    Attributes:
        id: the id that its entries share.
        started_at: seconds since the Unix epoch, by the clock of the process that began it.
        took_s: from the beginning of the first span to the end of the last.
        spans: in the order of the tree: each after its parent, and siblings as they began.
        processes: names of the processes that took part, in the order of their first span.
        corrections: {epoch: seconds that were added to what its clock said}, without zeros.
        entry_count: entries that it was made from.
    """

    id: str
    started_at: float
    took_s: float
    spans: tuple[Span, ...]
    processes: tuple[str, ...]
    corrections: Mapping[str, float]
    entry_count: int

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, as far as anybody can tell."""
        return not any(span.missing for span in self.spans)


def build(trace_id: str, entries: Iterable[EntryView], held: Mapping[str, Held]) -> Trace:
    """Return the trace of these entries.

    Args:
        trace_id: entries of other traces are left out.
        entries: of any process, in any order.
        held: what was read, by epoch.
    """
    return _Builder(trace_id, entries, held).build()


@dataclass(slots=True)
class _Node:
    """An entry, or what stands in the place of one, while its tree is built."""

    entry: EntryView | None
    position: str
    at: float
    kind: Kind = "entry"
    took_s: float = 0.0
    waited_s: float = 0.0
    count: int = 1
    failed: int = 0
    missing: Missing = ""


class _Builder:
    def __init__(
        self, trace_id: str, entries: Iterable[EntryView], held: Mapping[str, Held]
    ) -> None:
        self.id = trace_id
        self.held = held
        known = {one.position: one for one in entries if one.trace == trace_id}
        ordered = sorted(known.values(), key=lambda one: (one.at, one.offset))
        self.entries = {one.position: one for one in ordered}
        self.nodes: dict[str, _Node] = {}
        self.parents: dict[str, str] = {}

    def build(self) -> Trace:
        self._link()
        shifts = corrections(self._crossings(), self._reference())
        for node in self.nodes.values():
            node.at += shifts.get(_epoch(node.position), 0.0) if node.entry is not None else 0.0
        self._time_missing()
        self._mark_unseen()
        spans = tuple(self._spans())
        begun = min((span.start_s for span in spans), default=0.0)
        spans = tuple(replace(span, start_s=span.start_s - begun) for span in spans)
        seen = (span.entry.process for span in spans if span.entry is not None)
        return Trace(
            id=self.id,
            started_at=begun,
            took_s=max((span.end_s for span in spans), default=0.0),
            spans=spans,
            processes=tuple(dict.fromkeys(seen)),
            corrections={epoch: by for epoch, by in shifts.items() if by},
            entry_count=len(self.entries),
        )

    # The links

    def _link(self) -> None:
        # By the connection as well: members of a group handle one message, each their own.
        handlers: dict[tuple[str, str], str] = {}
        for position, entry in self.entries.items():
            self.nodes[position] = _node(entry)
            if _is_handler(entry) and entry.cause:
                handlers.setdefault((entry.cause, entry.connection), position)
        for position, entry in self.entries.items():
            cause = entry.cause
            if not cause:
                continue
            if not _is_handler(entry):
                cause = handlers.get((cause, entry.connection), cause)
            if cause not in self.nodes:
                why = self._why_missing(cause)
                self.nodes[cause] = _Node(None, cause, entry.at, "missing", missing=why)
            self.parents[position] = cause
        # A handler of something that is missing hangs below that, and so do its effects.
        self._cut_circles()
        self._let_wait()

    def _cut_circles(self) -> None:
        is_safe: set[str] = set()
        for start in list(self.nodes):
            path: dict[str, None] = {}
            at: str | None = start
            while at is not None and at not in is_safe and at not in path:
                path[at] = None
                at = self.parents.get(at)
            if at is not None and at in path:
                del self.parents[at]
                self.nodes[at].missing = "circle"
            is_safe.update(path)

    def _let_wait(self) -> None:
        """An event or delivery lasts until its handler begins, and the handler knows how long."""
        for position, node in self.nodes.items():
            parent = self.nodes.get(self.parents.get(position, ""))
            if node.kind == "handler" and parent is not None and parent.kind == "entry":
                parent.waited_s = node.waited_s
                parent.took_s = max(parent.took_s, node.waited_s + node.took_s)

    def _why_missing(self, position: str) -> Missing:
        read = unspell(position)
        held = self.held.get(read[0]) if read is not None else None
        if read is None or held is None:
            return "unknown process"
        return "left" if read[1] < held.first else "gap"

    def _time_missing(self) -> None:
        """Let what is missing have begun with the first that is known of its effects."""
        first: dict[str, float] = {}
        for position, parent in self.parents.items():
            first[parent] = min(first.get(parent, _NEVER), self.nodes[position].at)
        for position, node in self.nodes.items():
            if node.entry is None:
                node.at = first[position]

    def _mark_unseen(self) -> None:
        """Say of each message how many of its deliveries nobody has seen."""
        seen = Counter(
            parent
            for position, parent in self.parents.items()
            if (entry := self.nodes[position].entry) is not None
            and entry.kind in ("deliver", "drop")
        )
        for position, node in list(self.nodes.items()):
            entry = node.entry
            if entry is None or entry.kind not in ("send", "group_send"):
                continue
            why: Missing = "not seen" if entry.is_linked else "unlinked"
            expected = 1 if entry.kind == "send" else entry.receivers
            if expected is not None:
                unseen = expected - seen[position]
            else:  # nobody counted them: on a layer that carries no cause it is none that is seen
                unseen = 0 if entry.is_linked else 1
            if unseen > 0:
                # No position of an entry has two colons.
                place = f"{position}:unseen"
                self.nodes[place] = _Node(None, "", node.at, "missing", count=unseen, missing=why)
                self.parents[place] = position

    # The clocks

    def _reference(self) -> str:
        """Return the epoch whose clock is believed: that of the process that began it."""
        roots = [one for one in self.entries if one not in self.parents]
        return _epoch((roots or [*self.entries, ""])[0])

    def _crossings(self) -> Iterable[Crossing]:
        for position, parent in self.parents.items():
            cause, effect = self.nodes[parent], self.nodes[position]
            if cause.entry is not None and effect.entry is not None:
                yield Crossing(_epoch(parent), cause.at, _epoch(position), effect.at)

    # The tree

    def _spans(self) -> Iterable[Span]:
        children = self._children()
        made = 0
        # (node, index of its parent's span, its depth, and when it may begin at the earliest)
        waiting: list[tuple[_Node, str, int | None, int, float]] = []

        def push(of: str | None, parent: int | None, depth: int, earliest: float) -> None:
            for node, place in reversed(self._siblings(children.get(of, []), children)):
                waiting.append((node, place, parent, depth, earliest))

        push(None, None, 0, float("-inf"))
        while waiting:
            node, place, parent, depth, earliest = waiting.pop()
            start = max(node.at, earliest)
            yield Span(
                kind=node.kind,
                entry=node.entry,
                position=node.position,
                parent=parent,
                depth=depth,
                start_s=start,
                took_s=node.took_s,
                waited_s=node.waited_s,
                count=node.count,
                failed=node.failed,
                missing=node.missing,
                is_moved=start - node.at > _SAME_S,
            )
            push(place, made, depth + 1, start)
            made += 1

    def _children(self) -> Children:
        children: Children = {}
        for position in self.nodes:
            children.setdefault(self.parents.get(position), []).append(position)
        for positions in children.values():
            positions.sort(key=lambda one: (self.nodes[one].kind == "missing", self.nodes[one].at))
        return children

    def _siblings(self, positions: list[str], children: Children) -> list[tuple[_Node, str]]:
        """Return siblings as they began; of too many deliveries the rest in one row.

        What is folded takes with it what it caused. What failed is folded last.
        """
        found = [(self.nodes[one], one) for one in positions]
        deliveries = [one for one in positions if _is_delivery(self.nodes[one].entry)]
        if len(deliveries) <= FAN_OUT:
            return found
        failed = {one for one in deliveries if self._has_failed(children.get(one, ()))}
        kept = sorted(deliveries, key=lambda one: one not in failed)[:FAN_OUT]
        rest = [one for one in deliveries if one not in set(kept)]
        nodes = [self.nodes[one] for one in rest]
        begun = min(node.at for node in nodes)
        folded = _Node(
            entry=nodes[0].entry,
            position="",
            at=begun,
            kind="folded",
            took_s=max(node.at + node.took_s for node in nodes) - begun,
            count=len(rest),
            failed=sum(one in failed for one in rest),
        )
        hidden = set(rest)
        # The place of the row names no entry, so that nothing is put below it.
        return [*(one for one in found if one[1] not in hidden), (folded, f"{rest[0]}:folded")]

    def _has_failed(self, positions: Iterable[str]) -> bool:
        return any(
            (entry := self.nodes[one].entry) is not None and entry.kind == "error"
            for one in positions
        )


_NEVER = float("inf")

_SAME_S = 0.001
"""A handler's beginning is read from two clocks of one process, which may disagree by so much."""


def _node(entry: EntryView) -> _Node:
    took_s = (entry.took_ms or 0.0) / 1_000
    if _is_handler(entry):
        waited_s = (entry.waited_ms or 0.0) / 1_000
        return _Node(entry, entry.position, entry.at - took_s, "handler", took_s, waited_s)
    return _Node(entry, entry.position, entry.at, "entry", took_s)


def _is_handler(entry: EntryView) -> bool:
    return entry.kind in ("handler", "error") and entry.took_ms is not None


def _is_delivery(entry: EntryView | None) -> bool:
    return entry is not None and entry.kind == "deliver"


def _epoch(position: str) -> str:
    return position.rpartition(":")[0]
