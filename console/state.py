"""What is true now in one process: its connections, who is in which group, what it counted.

Owns the lists of open and recently closed connections, which of them changed
since when, the memberships that were seen, and the counts since the start. Folded
from the taps by the recorder, under its lock. Pure.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from heapq import nlargest
from typing import Any
from weakref import WeakKeyDictionary

from console.connection import ConnectionState
from console.groups import Groups
from console.handlers import OTHERS, Handlers
from console.tally import Tally
from runtime.taps import DropReason

REMOVED_KEPT = 1_000
ERRORS_KEPT = 200
"""Classes of errors that are counted apart."""

MISSES_KEPT = 100
PATH_CHARS = 500


@dataclass(slots=True)
class ProtocolCounts:
    """What the connections of one protocol have done since the start."""

    opened: int = 0
    in_count: int = 0
    in_bytes: int = 0
    out_count: int = 0
    out_bytes: int = 0

    def add(self, known: ConnectionState) -> None:
        """Count what a connection has done so far."""
        self.opened += 1
        self.in_count += known.in_count
        self.in_bytes += known.in_bytes
        self.out_count += known.out_count
        self.out_bytes += known.out_bytes

    def plus(self, other: ProtocolCounts) -> ProtocolCounts:
        """Return the sum of both."""
        names = [field.name for field in fields(self)]
        return ProtocolCounts(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(slots=True)
class Miss:
    """A path that no route took.

    Attributes:
        path: as it came, cut to a bound: it may hold a secret, and is redacted by who shows it.
        count: how often; `last_at` is when it was last, `tried` what was tried then.
    """

    protocol: str
    path: str
    tried: tuple[str, ...]
    count: int
    last_at: float


class State:
    """The connections and memberships of one process.

    Args:
        closed_kept: closed connections that stay listed, for each protocol: a page
            that loads a hundred files must not push out the socket that failed.

    Attributes:
        listed: the connections that are listed, by their id, the oldest first.
    """

    def __init__(self, *, closed_kept: int) -> None:
        self.memberships = Memberships()
        self.groups = Groups()
        self.handlers = Handlers()
        self.tally = Tally()
        self.drops: Counter[DropReason] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()
        self.missed_routes = 0
        self._closed_kept = closed_kept
        self.listed: dict[str, ConnectionState] = {}
        self._open: dict[str, ConnectionState] = {}
        self._open_by_protocol: Counter[str] = Counter()  # asked for again and again
        self._closed: dict[str, deque[ConnectionState]] = {}
        self._by_channel: dict[str, ConnectionState] = {}
        self._removed: deque[tuple[int, str]] = deque(maxlen=REMOVED_KEPT)
        self._misses: dict[tuple[str, str], Miss] = {}  # in the order of their last time
        # Of those that are listed no more: the others can still change.
        self._retired: dict[str, ProtocolCounts] = {}

    def __repr__(self) -> str:
        return f"<State open={len(self._open)} listed={len(self.listed)}>"

    def __iter__(self) -> Iterator[ConnectionState]:
        """Every listed connection, newest first."""
        return reversed(self.listed.values())

    @property
    def open_count(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @property
    def dropped(self) -> int:
        """How many layer messages did not reach a receiver, since the start."""
        return self.drops.total()

    @property
    def waiting(self) -> int:
        """How many messages wait in mailboxes for their handlers."""
        return sum(len(known.pending) for known in self._open.values())

    def deepest(self, most: int) -> list[ConnectionState]:
        """Return the open connections for which most messages wait, the deepest mailbox first."""
        waiting = (known for known in self._open.values() if known.pending)
        return nlargest(most, waiting, key=lambda known: len(known.pending))

    def get(self, connection_id: str) -> ConnectionState | None:
        """Return a listed connection."""
        return self.listed.get(connection_id)

    def of_channel(self, channel: str) -> ConnectionState | None:
        """Return the open connection whose own channel this is."""
        return self._by_channel.get(channel)

    def count_by_protocol(self) -> dict[str, int]:
        """Return how many connections are open, by scope type."""
        return {name: count for name, count in self._open_by_protocol.items() if count}

    def count_by_leaf(self) -> dict[tuple[str, str], int]:
        """Return how many are open, by scope type and route; of channels, by name."""
        counts: Counter[tuple[str, str]] = Counter()
        for known in self._open.values():
            route = known.path if known.protocol == "channel" else known.route
            counts[known.protocol, route] += 1
        return dict(counts)

    def count_by_consumer(self) -> Counter[tuple[type[Any] | None, str]]:
        """Return how many connections are open, by the class of their consumer and scope type."""
        return Counter((known.consumer_class, known.protocol) for known in self._open.values())

    def counts(self) -> dict[str, ProtocolCounts]:
        """Return what the connections of each protocol have done since the start."""
        listed: dict[str, ProtocolCounts] = {}
        for known in self.listed.values():
            listed.setdefault(known.protocol, ProtocolCounts()).add(known)
        return {
            name: self._retired.get(name, ProtocolCounts()).plus(listed.get(name, ProtocolCounts()))
            for name in {**self._retired, **listed}
        }

    def misses(self) -> list[Miss]:
        """Return the paths that no route took, the latest first."""
        return list(reversed(self._misses.values()))

    def count_error(self, consumer: str, name: str) -> None:
        """A handler or an application failed, with an error of the class `name`."""
        is_apart = len(self.errors) < ERRORS_KEPT or (consumer, name) in self.errors
        self.errors[(consumer, name) if is_apart else (OTHERS, OTHERS)] += 1

    def count_miss(self, known: ConnectionState, tried: tuple[str, ...], now: float) -> None:
        """No route took the path of a connection."""
        self.missed_routes += 1
        key = (known.protocol, known.path[:PATH_CHARS])
        earlier = self._misses.pop(key, None)
        count = earlier.count if earlier is not None else 0
        self._misses[key] = Miss(*key, tried, count + 1, now)
        if len(self._misses) > MISSES_KEPT:
            del self._misses[next(iter(self._misses))]

    def open(self, known: ConnectionState) -> None:
        """A connection opened."""
        self.listed[known.id] = self._open[known.id] = known
        self._open_by_protocol[known.protocol] += 1

    def name_channel(self, known: ConnectionState) -> None:
        """A connection got its own channel."""
        if known.channel_name:
            self._by_channel[known.channel_name] = known

    def turn_back(self) -> None:
        """The clock was set back: what each connection counts next belongs to another bucket."""
        for known in self.listed.values():
            known.turns_at = 0.0

    def close(self, known: ConnectionState, revision: int) -> None:
        """A connection is over: it stays listed until others of its protocol push it out."""
        if self._open.pop(known.id, None) is not None:
            self._open_by_protocol[known.protocol] -= 1
        self._by_channel.pop(known.channel_name, None)
        closed = self._closed.setdefault(known.protocol, deque())
        closed.append(known)
        if len(closed) > self._closed_kept:
            oldest = closed.popleft()
            del self.listed[oldest.id]
            self._removed.append((revision, oldest.id))
            self._retired.setdefault(oldest.protocol, ProtocolCounts()).add(oldest)
            oldest.forget()

    def changed_since(self, revision: int) -> list[ConnectionState]:
        """Return the connections that changed at or after `revision`, the latest first."""
        # All are looked at: to keep them in order would cost more, at each of their messages.
        changed = [known for known in self.listed.values() if known.revision >= revision]
        return sorted(changed, key=_revision_of, reverse=True)

    def removed_since(self, revision: int) -> list[str]:
        """Return the ids of those that were pushed out at or after `revision`, oldest first."""
        removed = []
        for at, connection_id in reversed(self._removed):
            if at < revision:
                break
            removed.append(connection_id)
        return removed[::-1]


def _revision_of(known: ConnectionState) -> int:
    return known.revision


class Memberships:
    """Who is in which group, as far as this process saw it happen."""

    def __init__(self) -> None:
        # Of each layer and group the channels, in the order in which they came, and when.
        self._members: WeakKeyDictionary[Any, dict[str, dict[str, float]]] = WeakKeyDictionary()
        self._groups: dict[str, dict[str, dict[str, float]]] = {}

    def join(self, layer: Any, group: str, channel: str, at: float = 0.0) -> None:
        """`channel` became a member of `group`; one that is a member stays one since it came."""
        members = self._members.setdefault(layer, {}).setdefault(group, {})
        members.setdefault(channel, at)
        self._groups.setdefault(channel, {})[group] = members

    def leave(self, layer: Any, group: str, channel: str) -> None:
        """`channel` is no longer a member of `group`."""
        members = self._members.get(layer, {}).get(group, {})
        members.pop(channel, None)
        if not members:
            self._members.get(layer, {}).pop(group, None)
        groups = self._groups.get(channel, {})
        groups.pop(group, None)
        if not groups:
            self._groups.pop(channel, None)

    def groups(self) -> dict[str, int]:
        """Return the groups and how many members each has here; of all layers together."""
        counts: Counter[str] = Counter()
        for groups in self._members.values():
            for name, members in groups.items():
                counts[name] += len(members)
        return dict(counts)

    def members(self, group: str) -> dict[str, float]:
        """Return the members of a group here, of all layers, and when each came."""
        found: dict[str, float] = {}
        for groups in self._members.values():
            found |= groups.get(group, {})
        return found

    def layers_of(self, group: str) -> list[Any]:
        """Return the layers on which a group has members here."""
        return [layer for layer, groups in self._members.items() if group in groups]

    def names_of(self, channel: str) -> tuple[str, ...]:
        """Return the groups of a channel, by name."""
        return tuple(sorted(self._groups.get(channel, ())))

    def of_channel(self, channel: str) -> tuple[tuple[str, int], ...]:
        """Return the groups of a channel and how many members each has, by name."""
        groups = self._groups.get(channel, {})
        return tuple((name, len(groups[name])) for name in sorted(groups))
