"""The ring of one process's entries, bounded by their number and by their weight.

Owns offsets: they count up by one from 0 and never repeat within an epoch, so a
reader knows exactly how many entries it missed. Entries lie in pieces, as they were written, and
become objects when somebody reads them: most never do. The recorder serialises calls, so
there is no lock here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from console.entry import OVERHEAD_BYTES, Entry, Kind, Position, spell
from console.taping import Written

if TYPE_CHECKING:
    from console.connection import ConnectionState

PIECE = 128
"""Entries of a piece, at least, before another one is begun."""


class Piece:
    """Some entries that follow one another.

    Attributes:
        first: the offset of the first.
        written: what was written of them.
        made: those that somebody has read, by their offset: an entry is one object.
        held_bytes: what they weigh.
    """

    __slots__ = ("_kinds", "first", "held_bytes", "made", "written")

    def __init__(self, first: int, written: Written) -> None:
        self.first = first
        self.written = written
        self.made: dict[int, Entry] = {}
        self.held_bytes = 0
        self._kinds: tuple[int, Counter[Kind]] | None = None

    def kinds(self) -> Counter[Kind]:
        """Return how many there are of each kind; counted anew only after some were added."""
        if self._kinds is None or self._kinds[0] != len(self.written):
            self._kinds = (len(self.written), Counter(self.written.kinds()))
        return self._kinds[1]

    @property
    def end(self) -> int:
        """The offset after the last one."""
        return self.first + len(self.written)


class Journal:
    """A ring of entries; a position is (epoch, offset).

    Args:
        epoch: hex digits that are new at each start.
        capacity: entries to keep at most.
        capacity_bytes: bytes to keep at most; the newest entry is always kept.
        make: returns the entry that values say, at an offset.
    """

    def __init__(
        self,
        epoch: str,
        *,
        capacity: int,
        capacity_bytes: int,
        make: Callable[[list[Any], int], Entry] | None = None,
    ) -> None:
        self.epoch = epoch
        self.capacity = capacity
        self.capacity_bytes = capacity_bytes
        self.held_bytes = 0
        self._make = make
        self._pieces: deque[Piece] = deque([Piece(0, Written())])
        self._next = 0
        self._emptied = 0  # of those before it nothing is held any more

    def __len__(self) -> int:
        return self._next - self.first_offset

    def __iter__(self) -> Iterator[Entry]:
        return map(self._at, range(self.first_offset, self._next))

    def __reversed__(self) -> Iterator[Entry]:
        return map(self._at, range(self._next - 1, self.first_offset - 1, -1))

    @property
    def position(self) -> Position:
        """Where the next entry will lie: what a reader that has read all goes on from."""
        return self.epoch, self._next

    @property
    def made(self) -> int:
        """How many of those that are held have been made into entries."""
        return sum(len(piece.made) for piece in self._pieces)

    @property
    def first_offset(self) -> int:
        """The offset of the oldest entry that is still held."""
        return max(self._next - self.capacity, self._emptied)

    def append(self, entry: Entry) -> Entry:
        """Give `entry` the next offset and keep it, at the cost of the oldest."""
        entry.offset = self._next
        written = Written()
        written.append(entry.kind, entry.at, entry.connection, entry.kept_bytes)
        self.extend(written, entry.kept_bytes)
        self._pieces[-1].made[entry.offset] = entry
        return entry

    def extend(self, written: Written, kept_bytes: int) -> None:
        """Keep entries at the next offsets, at the cost of the oldest.

        Args:
            written: what is known of them; they are the journal's from now on.
            kept_bytes: what their payloads weigh together.
        """
        count = len(written)
        piece = self._pieces[-1]
        if count >= PIECE or self._next - piece.first >= PIECE:
            piece = Piece(self._next, written)
            self._pieces.append(piece)
        else:
            piece.written.add(written)
        weight = kept_bytes + count * OVERHEAD_BYTES
        piece.held_bytes += weight
        self.held_bytes += weight
        self._next += count
        self._let_go()

    def took(self, durations: list[tuple[int, float]]) -> None:
        """Say how long the handlers of entries took: offset and seconds, for each that is held."""
        first, place = self.first_offset, 0
        while place < len(durations):
            offset, _ = durations[place]
            if not first <= offset < self._next:
                place += 1
                continue
            piece = self._piece_of(offset)
            end = piece.written.took(durations, place, piece.first)
            if piece.made:
                for offset, seconds in durations[place:end]:
                    if (entry := piece.made.get(offset)) is not None:
                        entry.took_s = seconds
            place = end

    def get(self, offset: int) -> Entry | None:
        """Return the entry at `offset`, or None if it is gone or was never there."""
        return self._at(offset) if self.first_offset <= offset < self._next else None

    def find(self, position: Position | None) -> Entry | None:
        """Return the entry at `position`, or None if it is gone or of another epoch."""
        if position is None or position[0] != self.epoch:
            return None
        return self.get(position[1])

    def since(self, offset: int, most: int | None = None) -> tuple[list[Entry], int]:
        """Return the entries from `offset` on, oldest first, and how many of them are gone.

        Args:
            most: how many entries at most.
        """
        first = self.first_offset
        start = max(offset, first)
        end = self._next if most is None else min(start + most, self._next)
        return [self._at(place) for place in range(start, end)], max(first - offset, 0)

    def outline(self, offset: int) -> tuple[int, list[Kind], list[ConnectionState | None]]:
        """Return what is quickly said of the entries from `offset` on, oldest first.

        Returns:
            The offset of the first that is held, and of each its kind and its connection. No
            entry is made for that.
        """
        start = min(max(offset, self.first_offset), self._next)
        kinds: list[Kind] = []
        connections: list[ConnectionState | None] = []
        for piece in self._pieces:
            if piece.end > start:
                first = max(start - piece.first, 0)
                kinds += piece.written.kinds(first)
                connections += piece.written.connections(first)
        return start, kinds, connections

    def kinds_since(self, at: float) -> Counter[Kind]:
        """Count the entries that are not older than `at`, newest first until one is, by kind."""
        counts: Counter[Kind] = Counter()
        first = self.first_offset
        for piece in reversed(self._pieces):
            start = max(first - piece.first, 0)
            if not start and (not piece.written or piece.written.at(0) >= at):
                counts.update(piece.kinds())
                continue
            older = bisect_left(piece.written.times(start), at)
            counts.update(piece.written.kinds(start + older))
            break
        return counts

    def spell(self, entry: Entry) -> str:
        """Return the position of `entry` as text."""
        return spell(self.epoch, entry.offset)

    def _at(self, offset: int) -> Entry:
        piece = self._piece_of(offset)
        entry = piece.made.get(offset)
        if entry is None:
            assert self._make is not None, "only entries were appended to a journal without it"
            entry = self._make(piece.written[offset - piece.first], offset)
            piece.made[offset] = entry
        return entry

    def _piece_of(self, offset: int) -> Piece:
        pieces = self._pieces
        if offset >= pieces[-1].first:
            return pieces[-1]
        return pieces[bisect_right(pieces, offset, key=_first_of) - 1]

    def _let_go(self) -> None:
        pieces = self._pieces
        while len(pieces) > 1 and pieces[1].first <= self.first_offset:
            self._drop_piece()
        while self.held_bytes > self.capacity_bytes and self._emptied < self._next - 1:
            self._empty(pieces[0], self._emptied)
            self._emptied += 1
            if len(pieces) > 1 and pieces[1].first <= self._emptied:
                self._drop_piece()

    def _drop_piece(self) -> None:
        self.held_bytes -= self._pieces.popleft().held_bytes
        self._emptied = max(self._emptied, self._pieces[0].first)

    def _empty(self, piece: Piece, offset: int) -> None:
        """Give up one entry, though others of its piece are held."""
        place = offset - piece.first
        weight = piece.written.weight(place) + OVERHEAD_BYTES
        piece.written.empty(place)
        piece.made.pop(offset, None)
        piece.held_bytes -= weight
        self.held_bytes -= weight


def _first_of(piece: Piece) -> int:
    return piece.first
