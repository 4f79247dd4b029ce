"""Presence: who is in a group, under which name, and with what to show of them.

Owns the roster of one process, and the methods that a layer has with the extension `presence`:
they keep the roster and tell a group of who came and went. Somebody with several channels under
one key, as a user with several tabs, comes once and leaves once. Where the roster is kept is a
layer's own matter: see `PresenceStorage`.

Source: docs/decisions/0011-presence.md
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, NamedTuple, Protocol

from runtime.exceptions import ArgumentError, LayerUnavailable
from runtime.layers.base import BaseChannelLayer
from runtime.layers.entries import Author
from runtime.layers.portable import portable
from runtime.taps import is_muted, taps
from runtime.typing import Message

Metadata = dict[str, Any]
"""What is known of somebody who is present; as portable as a layer message."""


class Turn(NamedTuple):
    """Somebody came to a group, or left it.

    Attributes:
        group: the group.
        key: who.
        metadata: what was tracked with the channel that came, or that left last.
        position: rises with each turn of a group: of two that arrive in another order, the one
            with the greater position is true.
    """

    group: str
    key: str
    metadata: Metadata
    position: int


class Tracked(NamedTuple):
    """One channel on a roster."""

    group: str
    channel: str
    key: str
    metadata: Metadata


Tell = Callable[[Turn, Author | None], Awaitable[None]]
"""Tells a group of a turn, in the name of an author or not."""


class PresenceStorage(Protocol):
    """Where a layer keeps the roster of its groups.

    Between processes each call is one atomic step on the server: two processes that put the
    first and the second channel of a key at once must not both be told that it is the first.
    What is put belongs to the node of the calling process, and ends with its lease.
    """

    async def put(self, tracked: Tracked) -> Turn | None:
        """Put a channel on the roster; returns the turn if it is the first of its key.

        A channel that is there already, under the same key, gets the new metadata.
        """

    async def restore(self, tracked: Tracked) -> Turn | None:
        """Put back a channel that may have been lost; returns the turn if it was taken for dead.

        Of a roster that was lost as a whole, nobody has been told that anybody left.
        """

    async def remove(self, group: str, channel: str) -> Turn | None:
        """Take a channel off; returns the turn if it was the last of its key."""

    async def read(self, group: str) -> list[Tracked]:
        """Return the channels on the roster of `group`, in the order in which they were put."""

    async def remove_dead(self) -> list[Turn]:
        """Take off what nodes without a lease have put; returns the turns that this has made.

        Of several processes that call it at once, one is told of each turn. Layers without
        leases return nothing.
        """

    async def clear(self) -> None:
        """Forget everybody, and make no turns of it: the layer is flushed."""


class Roster:
    """A roster in this process, for any thread: the storage of the in-memory layer."""

    def __init__(self) -> None:
        # {group: {key: {channel: who}}}, in the order in which they were put. None is empty.
        self._groups: dict[str, dict[str, dict[str, Tracked]]] = {}
        self._key_of: dict[tuple[str, str], str] = {}
        self._positions = count(1)
        self._lock = threading.Lock()

    async def put(self, tracked: Tracked) -> Turn | None:
        """See `PresenceStorage`."""
        with self._lock:
            keys = self._groups.setdefault(tracked.group, {})
            is_first = tracked.key not in keys
            channels = keys.setdefault(tracked.key, {})
            channels.pop(tracked.channel, None)
            channels[tracked.channel] = tracked
            self._key_of[tracked.group, tracked.channel] = tracked.key
            return self._turn(tracked) if is_first else None

    async def restore(self, tracked: Tracked) -> Turn | None:
        """See `PresenceStorage`: what is in this process is not lost."""
        await self.put(tracked)
        return None

    async def remove(self, group: str, channel: str) -> Turn | None:
        """See `PresenceStorage`."""
        with self._lock:
            key = self._key_of.pop((group, channel), None)
            if key is None:
                return None
            keys = self._groups[group]
            tracked = keys[key].pop(channel)
            if keys[key]:
                return None
            del keys[key]
            if not keys:
                del self._groups[group]
            return self._turn(tracked)

    async def read(self, group: str) -> list[Tracked]:
        """See `PresenceStorage`."""
        with self._lock:
            keys = self._groups.get(group, {})
            return [tracked for channels in keys.values() for tracked in channels.values()]

    async def remove_dead(self) -> list[Turn]:
        """See `PresenceStorage`: what is in this process dies with the roster."""
        return []

    async def clear(self) -> None:
        """See `PresenceStorage`."""
        with self._lock:
            self._groups.clear()
            self._key_of.clear()

    def _turn(self, tracked: Tracked) -> Turn:
        return Turn(tracked.group, tracked.key, tracked.metadata, next(self._positions))


class PresenceLayer(BaseChannelLayer):
    """The base of layers with the extension `presence`, which needs the extension `groups`.

    A layer that derives from it calls `_init_presence()` when it is made, `end_presence()` when it
    releases a channel, `tell_of_dead()` when leases may have ended, and `restore_presence()` after
    a server that came back empty.

    Attributes:
        presence_joined_type: the type of the message that says who came; None for no message.
        presence_left_type: the same for who left.
    """

    presence_joined_type: str | None = "presence.joined"
    presence_left_type: str | None = "presence.left"

    # What this process has put, by channel and group: it ends with the channel.
    _tracked: dict[str, dict[str, Tracked]]
    _arriving: list[Tracked]
    _untold: list[tuple[Tell, Turn, Author | None]]
    _roster: PresenceStorage

    async def track(
        self, group: str, channel: str, metadata: Metadata | None = None, *, key: str | None = None
    ) -> None:
        """Make `channel` a member of `group`, and say there who came.

        Members get {"type": "presence.joined", "group", "key", "metadata", "position"}, once for
        each key, the new member too. Call it again to change the metadata; that is not announced.

        Args:
            metadata: what others may see of them, of values that a layer carries.
            key: who it is, as the id of a user; one that other channels have too is one presence.
                By default each channel is its own.

        Raises:
            MessageNotPortable: the metadata holds what no layer carries.
            TypeError: a name is not valid.
        """
        if key is not None and not isinstance(key, str):
            raise ArgumentError(f"The key of a presence is a str; got {key!r:.100}.")
        shown = portable(metadata or {})
        await self.group_add(group, channel)
        before = self._tracked.get(channel, {}).get(group)
        tracked = Tracked(group, channel, channel if key is None else key, shown)
        if before is not None and before.key != tracked.key:
            await self._tell_left(await self._roster.remove(group, channel))
        self._tracked.setdefault(channel, {})[group] = tracked
        self._arriving.append(tracked)
        try:
            turn = await self._roster.put(tracked)
        finally:
            self._arriving.remove(tracked)
        if turn is not None:
            await self._tell_joined(turn)

    async def untrack(self, group: str, channel: str) -> None:
        """Remove `channel` from `group`, and say there who left if it was the last of its key.

        The members that stay get {"type": "presence.left", "group", "key", "metadata",
        "position"}. A channel that is not tracked is no error. Not needed for a consumer that
        ends: its channel is untracked then.
        """
        await self.group_discard(group, channel)
        groups = self._tracked.get(channel)
        if groups is not None and groups.pop(group, None) is not None and not groups:
            del self._tracked[channel]
        await self._tell_left(await self._roster.remove(group, channel))

    async def presence(self, group: str) -> dict[str, Metadata]:
        """Return who is in `group`: {key: metadata}, those that came first before the others.

        For a key with several channels, the metadata is that which was tracked last.
        """
        return {tracked.key: tracked.metadata for tracked in await self._roster.read(group)}

    async def tell_of_dead(self) -> None:
        """Take processes that have died off the rosters, and tell their groups who left.

        Raises:
            LayerUnavailable: the rest is told of the next time.
        """
        for turn in await self._roster.remove_dead():
            self._untold.append((self._tell_left, turn, self._new_author()))
        await self._tell_untold()

    async def restore_presence(self) -> None:
        """Put what this process has tracked back.

        Without a word, because nobody has come or gone; unless others took this process for dead,
        and have told that somebody left.

        Raises:
            LayerUnavailable: the rest is put back after the outage.
        """
        for tracked in [one for groups in self._tracked.values() for one in groups.values()]:
            # One that is arriving is put by who tracks it, and told of: not to be anticipated.
            if self._is_tracked(tracked) and tracked not in self._arriving:
                turn = await self._roster.restore(tracked)
                if not self._is_tracked(tracked):  # it has left meanwhile: maybe before this
                    await self._take_back(tracked)
                elif turn is not None:
                    self._untold.append((self._tell_joined, turn, self._new_author()))
        await self._tell_untold()

    async def end_presence(self, channel: str) -> None:
        """Untrack `channel` in all its groups."""
        for group in self._tracked.pop(channel, ()):
            await self._tell_left(await self._roster.remove(group, channel))

    def _is_tracked(self, tracked: Tracked) -> bool:
        return self._tracked.get(tracked.channel, {}).get(tracked.group) is tracked

    async def _take_back(self, tracked: Tracked) -> None:
        """Undo that somebody was put back who has left, or is another one by now."""
        group, channel = tracked.group, tracked.channel
        now = self._tracked.get(channel, {}).get(group)
        if now is None or now.key != tracked.key:
            await self._tell_left(await self._roster.remove(group, channel))
        if now is not None:
            await self._roster.put(now)

    def _init_presence(self, roster: PresenceStorage) -> None:
        self._tracked = {}
        self._arriving = []
        self._untold = []
        self._roster = roster

    def _new_author(self) -> Author | None:
        """Return who tells of a turn, so that members know a telling that comes again.

        None where a message that was refused has reached nobody.
        """
        return None

    async def _group_send_as(self, author: Author, group: str, message: Message) -> None:
        """Do as `group_send()` does, with what `author` may have sent before."""
        raise NotImplementedError("a layer with authors sends in their names")

    async def _tell_untold(self) -> None:
        while self._untold:
            tell, turn, author = self._untold.pop(0)
            try:
                await tell(turn, author)
            except LayerUnavailable:
                # Nobody else will: the roster says so already. A server may have taken it, too.
                self._untold.insert(0, (tell, turn, author))
                raise

    async def _tell_joined(self, turn: Turn, author: Author | None = None) -> None:
        await self._tell(self.presence_joined_type, turn, author)
        if (tap := taps.presence_joined) is not None and not is_muted():
            tap(self, turn.group, turn.key, turn.metadata)

    async def _tell_left(self, turn: Turn | None, author: Author | None = None) -> None:
        if turn is not None:
            await self._tell(self.presence_left_type, turn, author)
            if (tap := taps.presence_left) is not None and not is_muted():
                tap(self, turn.group, turn.key, turn.metadata)

    async def _tell(self, kind: str | None, turn: Turn, author: Author | None = None) -> None:
        if kind is None:
            return
        message = {"type": kind, **turn._asdict()}
        if author is None:
            await self.group_send(turn.group, message)
        else:
            await self._group_send_as(author, turn.group, message)
