"""Groups and their members as a person may see them: plain data, and frozen.

Owns the shapes, and how what several processes say of one group is put together. What
another process says is held to its bounds here. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from console.group_flow import GroupFlow

Sort: TypeAlias = Literal["members", "rate", "name"]

SORTS: tuple[Sort, ...] = ("members", "rate", "name")

MOST_GROUPS = 5_000
"""Groups of which one process tells."""

MOST_MEMBERS = 100
"""Members of one group that are listed one by one; the list of connections has all."""

MOST_COUNTED = 5_000
"""Members of one group that are looked at for what they share; of more, the first."""

MOST_SHARED = 8
MOST_KINDS = 8
RATE_S = 10.0


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group in the list.

    Attributes:
        layer: the alias of its channel layer.
        members: how many there are in the processes that were asked.
        sends: messages to it, since the first of these processes heard of it.
        activity: sends in each of 18 buckets of the last 60 s, oldest first.
        processes: in how many processes it has members.
        is_observed: whether a process told of it; else the layer alone knows it.
    """

    name: str
    layer: str = "default"
    members: int = 0
    sends: int = 0
    activity: tuple[int, ...] = ()
    first_at: float = 0.0
    processes: int = 1
    is_observed: bool = True

    @property
    def rate(self) -> float:
        """Sends a second, over the last 10 s or a little more."""
        buckets = self.activity[-3:]
        return sum(buckets) / RATE_S if buckets else 0.0

    def __add__(self, other: GroupRow) -> GroupRow:
        """Return what both say of the same group."""
        return replace(
            self,
            members=self.members + other.members,
            sends=self.sends + other.sends,
            activity=_sum(self.activity, other.activity),
            first_at=min(self.first_at or other.first_at, other.first_at or self.first_at),
            processes=self.processes + other.processes,
        )


@dataclass(frozen=True, slots=True)
class MemberView:
    """One channel in a group.

    Attributes:
        connection: id of the connection that it belongs to, or "" if nobody knows.
        joined_at: when it came, in seconds since the Unix epoch; 0 if nobody saw it.
        layer_count: layer messages that the connection sent or was delivered.
        groups: the first others that it is in, by name.
    """

    channel: str
    connection: str = ""
    epoch: str = ""
    process: str = ""
    user: str = ""
    path: str = ""
    consumer: str = ""
    joined_at: float = 0.0
    layer_count: int = 0
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kin:
    """Members of one consumer in one process, and how many of them are in which other group."""

    process: str
    consumer: str
    count: int
    shared: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """One group looked at closely, in one process or in all of them.

    Attributes:
        kin: its members by consumer and process, the most first.
        consumers: dotted names of the classes that serve members.
        members: the latest that came.
        by_process: how many there are in each process, by its name.
        flow: what was sent to it in the last five minutes.
    """

    row: GroupRow
    kin: tuple[Kin, ...] = ()
    consumers: tuple[str, ...] = ()
    members: tuple[MemberView, ...] = ()
    by_process: Mapping[str, int] = field(default_factory=dict)
    flow: GroupFlow = field(default_factory=GroupFlow)

    def __add__(self, other: GroupDetail) -> GroupDetail:
        """Return what both say of the same group."""
        members = sorted((*self.members, *other.members), key=lambda one: -one.joined_at)
        kin = sorted((*self.kin, *other.kin), key=lambda one: -one.count)
        counts = Counter(dict(self.by_process))
        counts.update(other.by_process)
        return GroupDetail(
            self.row + other.row,
            tuple(kin[:MOST_KINDS]),
            tuple(dict.fromkeys((*self.consumers, *other.consumers)))[:MOST_KINDS],
            tuple(members[:MOST_MEMBERS]),
            dict(counts),
            self.flow + other.flow,
        )

    @property
    def shared(self) -> list[tuple[str, int]]:
        """Other groups that its members are in, and how many of them, the most first."""
        counts: Counter[str] = Counter()
        for kin in self.kin:
            counts.update(kin.shared)
        return counts.most_common(MOST_SHARED)


def merged(answers: Iterable[Sequence[GroupRow]]) -> list[GroupRow]:
    """Return the rows of several processes as one list, each group once."""
    found: dict[str, GroupRow] = {}
    for rows in answers:
        for row in rows[:MOST_GROUPS]:
            known = found.get(row.name)
            found[row.name] = row if known is None else known + row
    return list(found.values())


def in_order(rows: Iterable[GroupRow], sort: Sort) -> list[GroupRow]:
    """Return rows by members or by rate, the most first, or by name."""
    if sort == "name":
        return sorted(rows, key=lambda row: row.name)
    if sort == "rate":
        return sorted(rows, key=lambda row: (-row.rate, -row.members, row.name))
    return sorted(rows, key=lambda row: (-row.members, -row.rate, row.name))


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    if len(one) != len(other):
        return one or other
    return tuple(first + second for first, second in zip(one, other, strict=True))
