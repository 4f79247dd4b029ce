"""The ring of one process's entries, bounded by their number and by their weight.

Owns offsets: they count up by one from 0 and never repeat within an epoch, so a
reader knows exactly how many entries it missed. Does not know what an entry
says. The recorder serialises calls, so there is no lock here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice

from console.entry import OVERHEAD_BYTES, Entry, Position, spell


class Journal:
    """A ring of entries; a position is (epoch, offset).

    Args:
        epoch: hex digits that are new at each start.
        capacity: entries to keep at most.
        capacity_bytes: bytes to keep at most; the newest entry is always kept.
    """

    def __init__(self, epoch: str, *, capacity: int, capacity_bytes: int) -> None:
        self.epoch = epoch
        self.capacity = capacity
        self.capacity_bytes = capacity_bytes
        self.held_bytes = 0
        self._entries: deque[Entry] = deque()
        self._next = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __reversed__(self) -> Iterator[Entry]:
        return reversed(self._entries)

    @property
    def position(self) -> Position:
        """Where the next entry will lie: what a reader that has read all goes on from."""
        return self.epoch, self._next

    @property
    def first_offset(self) -> int:
        """The offset of the oldest entry that is still held."""
        return self._next - len(self._entries)

    def append(self, entry: Entry) -> Entry:
        """Give `entry` the next offset and keep it, at the cost of the oldest."""
        entries = self._entries
        entry.offset = self._next
        self._next += 1
        entries.append(entry)
        held = self.held_bytes + entry.kept_bytes + OVERHEAD_BYTES
        count = len(entries)
        while count > self.capacity or (held > self.capacity_bytes and count > 1):
            held -= entries.popleft().kept_bytes + OVERHEAD_BYTES
            count -= 1
        self.held_bytes = held
        return entry

    def get(self, offset: int) -> Entry | None:
        """Return the entry at `offset`, or None if it is gone or was never there."""
        index = offset - self.first_offset
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def find(self, position: Position | None) -> Entry | None:
        """Return the entry at `position`, or None if it is gone or of another epoch."""
        if position is None or position[0] != self.epoch:
            return None
        return self.get(position[1])

    def since(self, offset: int) -> tuple[list[Entry], int]:
        """Return the entries from `offset` on, oldest first, and how many of them are gone."""
        missed = max(self.first_offset - offset, 0)
        wanted = min(max(self._next - offset, 0), len(self._entries))
        newest = list(islice(reversed(self._entries), wanted))
        newest.reverse()
        return newest, missed

    def spell(self, entry: Entry) -> str:
        """Return the position of `entry` as text."""
        return spell(self.epoch, entry.offset)
