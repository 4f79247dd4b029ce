"""What is true now in one process: its connections and who is in which group.

Owns the lists of open and recently closed connections, which of them changed
since when, and the memberships that were seen. Folded from the taps by the
recorder, under its lock. Pure.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from console.connection import ConnectionState

REMOVED_KEPT = 1_000
MISSED_KEPT = 200


class State:
    """The connections and memberships of one process.

    Args:
        closed_kept: closed connections that stay listed, for each protocol: a page
            that loads a hundred files must not push out the socket that failed.
    """

    def __init__(self, *, closed_kept: int) -> None:
        self.memberships = Memberships()
        self.dropped = 0
        self.missed_paths: Counter[str] = Counter()
        self._closed_kept = closed_kept
        self._listed: dict[str, ConnectionState] = {}
        self._open: dict[str, ConnectionState] = {}
        self._closed: dict[str, deque[ConnectionState]] = {}
        self._by_channel: dict[str, ConnectionState] = {}
        self._changed: dict[str, ConnectionState] = {}  # in the order of their last change
        self._removed: deque[tuple[int, str]] = deque(maxlen=REMOVED_KEPT)

    def __repr__(self) -> str:
        return f"<State open={len(self._open)} listed={len(self._listed)}>"

    def __iter__(self) -> Iterator[ConnectionState]:
        """Every listed connection, newest first."""
        return reversed(self._listed.values())

    @property
    def open_count(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def get(self, connection_id: str) -> ConnectionState | None:
        """Return a listed connection."""
        return self._listed.get(connection_id)

    def of_channel(self, channel: str) -> ConnectionState | None:
        """Return the open connection whose own channel this is."""
        return self._by_channel.get(channel)

    def count_by_protocol(self) -> dict[str, int]:
        """Return how many connections are open, by scope type."""
        counts: dict[str, int] = {}
        for known in self._open.values():
            counts[known.protocol] = counts.get(known.protocol, 0) + 1
        return counts

    def count_by_leaf(self) -> dict[tuple[str, str], int]:
        """Return how many are open, by scope type and route; of channels, by name."""
        counts: Counter[tuple[str, str]] = Counter()
        for known in self._open.values():
            route = known.path if known.protocol == "channel" else known.route
            counts[known.protocol, route] += 1
        return dict(counts)

    def miss(self, path: str) -> None:
        """No route took `path`. The rarest paths make room for new ones."""
        self.missed_paths[path] += 1
        if len(self.missed_paths) > MISSED_KEPT:
            kept = self.missed_paths.most_common(MISSED_KEPT // 2)
            self.missed_paths = Counter({**dict(kept), path: self.missed_paths[path]})

    def open(self, known: ConnectionState) -> None:
        """A connection opened."""
        self._listed[known.id] = self._open[known.id] = known

    def name_channel(self, known: ConnectionState) -> None:
        """A connection got its own channel."""
        if known.channel_name:
            self._by_channel[known.channel_name] = known

    def touch(self, known: ConnectionState, revision: int) -> None:
        """A connection changed; revisions only grow."""
        known.revision = revision
        self._changed.pop(known.id, None)
        if known.id in self._listed:
            self._changed[known.id] = known

    def close(self, known: ConnectionState, revision: int) -> None:
        """A connection is over: it stays listed until others of its protocol push it out."""
        self._open.pop(known.id, None)
        self._by_channel.pop(known.channel_name, None)
        closed = self._closed.setdefault(known.protocol, deque())
        closed.append(known)
        if len(closed) > self._closed_kept:
            oldest = closed.popleft()
            del self._listed[oldest.id]
            self._changed.pop(oldest.id, None)
            self._removed.append((revision, oldest.id))
            oldest.forget()

    def changed_since(self, revision: int) -> list[ConnectionState]:
        """Return the connections that changed at or after `revision`, the latest first."""
        changed = []
        for known in reversed(self._changed.values()):
            if known.revision < revision:
                break
            changed.append(known)
        return changed

    def removed_since(self, revision: int) -> list[str]:
        """Return the ids of those that were pushed out at or after `revision`, oldest first."""
        removed = []
        for at, connection_id in reversed(self._removed):
            if at < revision:
                break
            removed.append(connection_id)
        return removed[::-1]


class Memberships:
    """Who is in which group, as far as this process saw it happen."""

    def __init__(self) -> None:
        self._members: WeakKeyDictionary[Any, dict[str, set[str]]] = WeakKeyDictionary()
        self._groups: dict[str, dict[str, set[str]]] = {}

    def join(self, layer: Any, group: str, channel: str) -> None:
        """`channel` became a member of `group`."""
        members = self._members.setdefault(layer, {}).setdefault(group, set())
        members.add(channel)
        self._groups.setdefault(channel, {})[group] = members

    def leave(self, layer: Any, group: str, channel: str) -> None:
        """`channel` is no longer a member of `group`."""
        members = self._members.get(layer, {}).get(group, set())
        members.discard(channel)
        if not members:
            self._members.get(layer, {}).pop(group, None)
        groups = self._groups.get(channel, {})
        groups.pop(group, None)
        if not groups:
            self._groups.pop(channel, None)

    def of_channel(self, channel: str) -> tuple[tuple[str, int], ...]:
        """Return the groups of a channel and how many members each has, by name."""
        groups = self._groups.get(channel, {})
        return tuple((name, len(groups[name])) for name in sorted(groups))
