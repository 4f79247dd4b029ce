"""The order of groups with history, where their messages come over several servers.

Owns what has come of each group, and what is held because something before it has not. Where one
server keeps a message and another carries it, two senders may overtake each other on the way; the
log has the order, so the members see it too. Pure: it fetches nothing. Called by the stream node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from runtime.layers.history import Position

E = TypeVar("E")


@dataclass(slots=True)
class _Sequence(Generic[E]):
    """What has come of one group.

    Attributes:
        last: the position of the last message that was let through; None as long as nobody
            knows where the group stands.
        held: those that wait, by their positions.
    """

    last: Position | None = None
    held: dict[Position, E] = field(default_factory=dict)


class Sequences(Generic[E]):
    """The groups that a node is in."""

    def __init__(self) -> None:
        self._groups: dict[str, _Sequence[E]] = {}

    def __repr__(self) -> str:
        held = sum(len(one.held) for one in self._groups.values())
        return f"<Sequences groups={len(self._groups)} held={held}>"

    def begin(self, group: str) -> None:
        """Hold what comes of `group`, until `expect()` says what is to come first."""
        self._groups.setdefault(group, _Sequence())

    def expect(self, group: str, last: Position) -> list[E]:
        """Expect what comes after `last`; returns what may be let through of what has come."""
        sequence = self._groups.get(group)
        if sequence is None or sequence.last is not None:
            return []
        sequence.last = last
        held, sequence.held = sequence.held, {}
        return [
            one
            for position in sorted(held, key=lambda position: position.offset)
            for one in self.arrived(group, position, held[position])
        ]

    def forget(self, group: str) -> None:
        """Expect nothing more of `group`."""
        self._groups.pop(group, None)

    def last_of(self, group: str) -> Position | None:
        """Return the position of the last message that was let through."""
        sequence = self._groups.get(group)
        return None if sequence is None else sequence.last

    def is_waiting(self, group: str) -> bool:
        """Return whether messages are held, because one before them has not come."""
        sequence = self._groups.get(group)
        return sequence is not None and sequence.last is not None and bool(sequence.held)

    def arrived(self, group: str, position: Position, entry: E) -> list[E]:
        """Take a message; returns those that may be let through now, in order."""
        sequence = self._groups.get(group)
        if sequence is None:
            return [entry]
        last = sequence.last
        if last is not None and position.epoch != last.epoch:
            # One that goes on counting has lost nothing; one that begins anew begins at 1.
            offset = last.offset if position.offset > last.offset else 0
            sequence.last = last = Position(position.epoch, offset)
            sequence.held.clear()
        if last is not None and position.offset <= last.offset:
            return []
        sequence.held[position] = entry
        return _released(sequence)

    def skip(self, group: str) -> list[E]:
        """Give up the first that has not come; returns those that waited for it, in order."""
        sequence = self._groups.get(group)
        if sequence is None or sequence.last is None or not sequence.held:
            return []
        first = min(position.offset for position in sequence.held)
        sequence.last = sequence.last._replace(offset=first - 1)
        return _released(sequence)


def _released(sequence: _Sequence[E]) -> list[E]:
    released: list[E] = []
    while sequence.last is not None:
        following = sequence.last._replace(offset=sequence.last.offset + 1)
        if following not in sequence.held:
            break
        sequence.last = following
        released.append(sequence.held.pop(following))
    return released
