"""Which connections one viewer was told of, and which of them it has still to hear about.

Owns the counts of what matches, and the order in which changes are told: new ones first,
then whoever has waited longest, each in its latest state. Bounded by the connections that
are listed, however much happens. One for each list that somebody in another process looks
at. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

News: TypeAlias = Literal["came", "changed", ""]


class Roster:
    """The connections that match, as one viewer knows them.

    Args:
        told: the protocol of each that the viewer has, by id.
    """

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = dict(told)
        self._counts = Counter(self._told.values())
        self._said: Mapping[str, int] | None = None
        self._fresh: dict[str, None] = {}
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._told)

    @property
    def is_behind(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._fresh or self._changed)

    def note(self, changed: Iterable[str], removed: Iterable[str]) -> list[str]:
        """Take note of what changed and what went. Returns those that went and were told."""
        for one in changed:
            (self._changed if one in self._told else self._fresh)[one] = None
        gone = []
        for one in removed:
            self._fresh.pop(one, None)
            self._changed.pop(one, None)
            protocol = self._told.pop(one, None)
            if protocol is not None:
                self._counts[protocol] -= 1
                gone.append(one)
        return gone

    def next(self, limit: int) -> list[str]:
        """Return at most `limit` ids whose turn it is, and forget that it is."""
        taken = [*self._fresh][:limit]
        taken += [*self._changed][: limit - len(taken)]
        for one in taken:
            self._fresh.pop(one, None)
            self._changed.pop(one, None)
        return taken

    def tell(self, connection_id: str, protocol: str, matches: bool) -> News:
        """Say what a connection whose turn it is means for the viewer; "" for nothing."""
        if connection_id in self._told:
            return "changed"
        if not matches:
            return ""
        self._told[connection_id] = protocol
        self._counts[protocol] += 1
        return "came"

    def again(self, ids: Iterable[str]) -> None:
        """The viewer may not have heard of these: they are new to it once more."""
        for one in ids:
            protocol = self._told.pop(one, None)
            if protocol is not None:
                self._counts[protocol] -= 1
            self._changed.pop(one, None)
            self._fresh[one] = None
        self._said = None

    def take_counts(self) -> dict[str, int] | None:
        """Return how many match, by protocol, or None if that was said already."""
        counts = {name: count for name, count in self._counts.items() if count}
        if counts == self._said:
            return None
        self._said = counts
        return counts
