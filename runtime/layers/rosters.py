"""Who is present in groups, kept on the servers of the Redis layers.

Owns the rosters: one step of a script for who comes and who goes, and the search for those
whose node has lost its lease. What is told of it is `runtime.layers.presence`'s. A node has
one `Rosters`; a layer one `LayerRoster`, which goes to the node of the running loop.

Source: docs/decisions/0011-presence.md
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.exceptions import LayerUnavailable
from runtime.layers.codec import Codec
from runtime.layers.keys import Keys, node_of
from runtime.layers.presence import Tracked, Turn
from runtime.layers.scripts import PRESENCE_PUT, PRESENCE_REMOVE
from runtime.layers.shards import Shards

if TYPE_CHECKING:
    from runtime.layers.pool import NodePool


class _Present(NamedTuple):
    position: int
    node: str
    tracked: Tracked


class Rosters:
    """The rosters as one node sees them.

    Args:
        node_id: the node that is asked when a channel has none.
        keep_ms: after how long a roster that nobody changes is forgotten.
        told_ms: for how long a server remembers what it has said of who left.
    """

    def __init__(
        self,
        node_id: str,
        servers: Shards,
        keys: Keys,
        codec: Codec,
        keep_ms: int,
        told_ms: int,
    ) -> None:
        self._node_id = node_id
        self._servers = servers
        self._keys = keys
        self._codec = codec
        self._keep_ms = keep_ms
        self._told_ms = told_ms
        self._unanswered: dict[tuple[str, str, str | None], str] = {}
        """Who was taken off, or not: a server may have done it, and is asked by the same ticket."""

    async def put(self, tracked: Tracked) -> Turn | None:
        """See `PresenceStorage`."""
        turn, _ = await self._put(tracked)
        return turn

    async def restore(self, tracked: Tracked) -> Turn | None:
        """See `PresenceStorage`."""
        turn, was_taken_for_dead = await self._put(tracked)
        return turn if was_taken_for_dead else None

    async def _put(self, tracked: Tracked) -> tuple[Turn | None, bool]:
        keys, owner = self._keys, node_of(tracked.channel) or self._node_id
        self._unanswered.pop((tracked.group, tracked.channel, None), None)
        roster, metadata = keys.roster(tracked.group), self._codec.encode(tracked.metadata)
        # First where the dead are looked for: who is on a roster can always be found there.
        await self._servers.call(keys.present, "SADD", keys.present, owner)
        index = keys.present_of(owner)
        await self._servers.call(index, "SADD", index, f"{tracked.group} {tracked.channel}")
        command = PRESENCE_PUT.command(
            roster, tracked.channel, owner, tracked.key, metadata, self._keep_ms
        )
        position, was_taken_for_dead = await self._servers.call(roster[0], *command)
        if not position:
            return None, False
        turn = Turn(tracked.group, tracked.key, tracked.metadata, position)
        return turn, bool(was_taken_for_dead)

    async def remove(self, group: str, channel: str, owner: str | None = None) -> Turn | None:
        """See `PresenceStorage`.

        Args:
            owner: the node that it must be of, to be taken off.
        """
        roster, left = self._keys.roster(group), (group, channel, owner)
        ticket = self._unanswered.pop(left, None) or secrets.token_hex(8)
        keys = (*roster, self._keys.turned(group, ticket))
        command = PRESENCE_REMOVE.command(keys, channel, owner or "", self._told_ms)
        try:
            turn = await self._servers.call(roster[0], *command)
        except LayerUnavailable:
            self._unanswered[left] = ticket
            raise
        index = self._keys.present_of(owner or node_of(channel) or self._node_id)
        self._servers.tell(index, _nothing, "SREM", index, f"{group} {channel}")
        if not turn:
            return None
        key, metadata, position = turn
        return Turn(group, key.decode(), self._codec.decode(metadata).message, int(position))

    async def read(self, group: str) -> list[Tracked]:
        """See `PresenceStorage`; those whose node has died are left out."""
        roster, _ = self._keys.roster(group)
        found = await self._servers.call(roster, "HGETALL", roster)
        pairs = zip(found[::2], found[1::2], strict=True)
        present = [self._read(group, channel.decode(), who) for channel, who in pairs]
        alive = await self.alive({one.node for one in present})
        present.sort(key=lambda one: one.position)
        return [one.tracked for one in present if one.node in alive]

    async def remove_dead(self) -> list[Turn]:
        """See `PresenceStorage`."""
        keys, turns = self._keys, list[Turn]()
        present = await self._servers.call(keys.present, "SMEMBERS", keys.present)
        nodes = {node.decode() for node in present}
        try:
            for group, channel, owner in [left for left in self._unanswered if left[2]]:
                if (turn := await self.remove(group, channel, owner)) is not None:
                    turns.append(turn)
            for dead in nodes - await self.alive(nodes):
                await self._remove_all_of(dead, turns)
        except LayerUnavailable:
            if not turns:  # those that there are must be told: they are off the roster
                raise
        return turns

    async def _remove_all_of(self, dead: str, turns: list[Turn]) -> None:
        keys = self._keys
        index = keys.present_of(dead)
        for entry in await self._servers.call(index, "SMEMBERS", index):
            group, _, channel = entry.decode().partition(" ")
            if (turn := await self.remove(group, channel, dead)) is not None:
                turns.append(turn)
        self._servers.tell(keys.present, _nothing, "SREM", keys.present, dead)

    async def alive(self, nodes: Iterable[str]) -> set[str]:
        """Return the nodes that have a lease."""
        keys = {node: self._keys.node(node) for node in nodes}
        asked = {node: self._servers.call(key, "EXISTS", key) for node, key in keys.items()}
        return {node for node, answer in asked.items() if await answer}

    def _read(self, group: str, channel: str, who: bytes) -> _Present:
        node, position, length, rest = who.split(b" ", 3)
        key, metadata = rest[: int(length)].decode(), rest[int(length) :]
        tracked = Tracked(group, channel, key, self._codec.decode(metadata).message)
        return _Present(int(position), node.decode(), tracked)


class LayerRoster:
    """The `PresenceStorage` of a layer: that of the node of the running loop."""

    def __init__(self, nodes: NodePool[Any]) -> None:
        self._nodes = nodes
        self._unremoved: set[tuple[str, str]] = set()
        """Who left while no server could be told."""

    async def put(self, tracked: Tracked) -> Turn | None:
        """See `PresenceStorage`."""
        self._unremoved.discard((tracked.group, tracked.channel))  # who is back is not to leave
        turn: Turn | None = await self._nodes.run(lambda node: node.rosters.put(tracked))
        return turn

    async def restore(self, tracked: Tracked) -> Turn | None:
        """See `PresenceStorage`."""
        self._unremoved.discard((tracked.group, tracked.channel))
        turn: Turn | None = await self._nodes.run(lambda node: node.rosters.restore(tracked))
        return turn

    async def remove(self, group: str, channel: str) -> Turn | None:
        """See `PresenceStorage`; during an outage it is done later."""
        try:
            turn: Turn | None = await self._nodes.run(
                lambda node: node.rosters.remove(group, channel)
            )
        except LayerUnavailable:
            self._unremoved.add((group, channel))
            return None
        return turn

    async def read(self, group: str) -> list[Tracked]:
        """See `PresenceStorage`."""
        present: list[Tracked] = await self._nodes.run(lambda node: node.rosters.read(group))
        return present

    async def remove_dead(self) -> list[Turn]:
        """See `PresenceStorage`; also takes off who left during an outage."""
        unremoved, self._unremoved = self._unremoved, set()
        left = [await self.remove(group, channel) for group, channel in unremoved]
        turns = [turn for turn in left if turn is not None]
        try:
            turns += await self._nodes.run(lambda node: node.rosters.remove_dead())
        except LayerUnavailable:
            if not turns:  # those that there are must be told: they are off the roster
                raise
        return turns

    async def clear(self) -> None:
        """See `PresenceStorage`: the flush of the layer deletes all keys, these too."""
        self._unremoved.clear()


def _nothing(answer: Any) -> None:
    """Pass over an answer."""
