"""Which channels of one node are in which groups, and what other nodes have to know of it.

Owns the memberships of a node, and the knowledge of which changes concern the others: a node
announces a group when its first channel joins, and withdraws it when its last one leaves. Pure:
it sends nothing, and does not know what a server is. Called by the node of the layers on Redis,
on the node's loop only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

NOBODY: tuple[str, ...] = ()


class Change(NamedTuple):
    """What a join or a leave has changed.

    Attributes:
        is_change: whether the channel's membership is another than before.
        is_turn: whether the node's is: the group has to be announced, or withdrawn.
    """

    is_change: bool
    is_turn: bool


UNCHANGED = Change(False, False)
CHANGED = Change(True, False)
TURNED = Change(True, True)


class Membership:
    """The groups that the channels of one node are in."""

    __slots__ = ("_groups_of", "_members", "_snapshots")

    def __init__(self) -> None:
        # {group: {channel: when it joined last}}, in the order of joining. No group is empty.
        self._members: dict[str, dict[str, float]] = {}
        self._groups_of: dict[str, set[str]] = {}
        # A copy costs what sending to it costs, and is needed only after a change.
        self._snapshots: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, group: str) -> bool:
        return group in self._members

    def __repr__(self) -> str:
        return f"<Membership groups={len(self._members)} channels={len(self._groups_of)}>"

    def add(self, group: str, channel: str, joined_at: float = 0.0) -> Change:
        """Make `channel` a member of `group`; `TURNED` asks to announce the group.

        Args:
            joined_at: when that is, in seconds of any one clock; no less than in the last call.
                A member that joins again is as young as a new one.
        """
        members = self._members.get(group)
        if members is None:
            self._members[group] = {channel: joined_at}
            self._groups_of.setdefault(channel, set()).add(group)
            return TURNED
        is_new = members.pop(channel, None) is None
        members[channel] = joined_at
        if not is_new:
            return UNCHANGED
        self._groups_of.setdefault(channel, set()).add(group)
        self._snapshots.pop(group, None)
        return CHANGED

    def discard(self, group: str, channel: str) -> Change:
        """Remove `channel` from `group`; `TURNED` asks to withdraw the group."""
        members = self._members.get(group)
        if members is None or channel not in members:
            return UNCHANGED
        joined = self._groups_of[channel]
        joined.remove(group)
        if not joined:
            del self._groups_of[channel]
        return self._remove(group, channel)

    def release(self, channel: str) -> list[tuple[str, Change]]:
        """Remove `channel` from all its groups; returns each with what that has changed."""
        return [
            (group, self._remove(group, channel)) for group in self._groups_of.pop(channel, NOBODY)
        ]

    def members(self, group: str) -> tuple[str, ...]:
        """Return the channels in `group`; they may join and leave while one goes through it."""
        snapshot = self._snapshots.get(group)
        if snapshot is None:
            members = self._members.get(group)
            if members is None:
                return NOBODY
            snapshot = self._snapshots[group] = tuple(members)
        return snapshot

    def joined_before(self, group: str, limit: float) -> Sequence[str]:
        """Return the channels in `group` that have joined at `limit` or before, the oldest first.

        Costs those channels, and one look when there is none.
        """
        members = self._members.get(group)
        if members is None:
            return NOBODY
        return [*takewhile(lambda channel: members[channel] <= limit, members)]

    def groups(self) -> list[str]:
        """Return the groups that this node is in: what a server that has lost all must be told."""
        return list(self._members)

    def groups_of(self, channel: str) -> frozenset[str]:
        """Return the groups that `channel` is in."""
        return frozenset(self._groups_of.get(channel, NOBODY))

    def clear(self) -> None:
        """Forget every membership."""
        self._members.clear()
        self._groups_of.clear()
        self._snapshots.clear()

    def _remove(self, group: str, channel: str) -> Change:
        members = self._members[group]
        del members[channel]
        self._snapshots.pop(group, None)
        if members:
            return CHANGED
        del self._members[group]
        return TURNED
