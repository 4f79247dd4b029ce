"""One event loop's part in a layer on Redis: its channels, its groups, and what reaches them.

Owns what the transports share: membership, joining and leaving, decoding once, and handing a
message to each local member with a plain call. How other nodes are told, and how messages
travel, is the business of the subclasses: `runtime.layers.streams` and `runtime.layers.pubsub`.

Called by the layers, on the node's loop only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runtime.exceptions import LayerUnavailable, ServerRefusal, UndecodableMessage
from runtime.layers.acknowledged import RetryPolicy
from runtime.layers.addresses import Cluster, Host
from runtime.layers.base import Sink
from runtime.layers.codec import Codec, Decoded
from runtime.layers.entries import Author, Head
from runtime.layers.history import POSITION_KEY, Retention
from runtime.layers.keys import Keys, new_channel_name, new_node_id, node_of
from runtime.layers.local import LocalChannels
from runtime.layers.membership import Membership
from runtime.taps import is_muted, muted, taps
from runtime.throttle import ThrottledWarnings
from runtime.typing import Message

logger = logging.getLogger("runtime.layers.node")
warnings = ThrottledWarnings(logger)


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What a layer tells its nodes.

    Attributes:
        hosts: where the servers are.
        keys: how what is kept there is called.
        codec: writes and reads messages.
        expiry_s: seconds after which a message that nobody took is dropped.
        group_expiry_s: seconds after which a member that is not attached leaves its group.
        timeout_s: how long a command waits for a server that is away.
        lease_s: seconds after which a node that is not heard of is gone.
        stream_length: entries that a node's stream keeps.
        capacity_of: how many messages a channel holds.
        policy_of: how the jobs of a channel are retried; None if it is not acknowledged.
        retention_of: how much a group keeps; None if it has no history.
        layer: gives the layer, for the taps.
        on_beat: told when a lease has been renewed, and now and then with it.
        on_forget: told that another node has flushed the layer.
        on_loss: told that a server may have lost what this process had there.
        on_change: told each time that a server has gone (the error) or is back (None).
    """

    hosts: tuple[Host, ...] | Cluster
    keys: Keys
    codec: Codec
    expiry_s: float
    group_expiry_s: float
    timeout_s: float
    lease_s: float
    stream_length: int
    capacity_of: Callable[[str], int]
    policy_of: Callable[[str], RetryPolicy | None]
    retention_of: Callable[[str], Retention | None]
    layer: Callable[[], Any]
    on_beat: Callable[[], None]
    on_forget: Callable[[], None]
    on_loss: Callable[[], None]
    on_change: Callable[[Node, Exception | None], None] | None = None


class Node(ABC):
    """The channels and groups of one loop, and their way to the servers.

    Args:
        options: the layer's.
        heir_of: a node that rests, or whose loop has ended; its channels, memberships and id go
            on here.
    """

    def __init__(self, options: NodeOptions, heir_of: Node | None = None) -> None:
        self.options = options
        self.loop = asyncio.get_running_loop()
        self.id: str = new_node_id() if heir_of is None else heir_of.id
        self.membership: Membership = Membership() if heir_of is None else heir_of.membership
        self.local = LocalChannels(options.capacity_of, options.expiry_s)
        self.undecodable = 0
        """Messages that could not be read."""
        self._announcing: dict[str, asyncio.Future[Any]] = {}
        if heir_of is not None:
            self._inherit(heir_of)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.membership!r}>"

    @abstractmethod
    async def open(self) -> None:
        """Return when others can send to this node, or when that has taken too long."""

    @abstractmethod
    async def close(self) -> None:
        """Leave all groups and let go of the servers."""

    @abstractmethod
    async def rest(self) -> None:
        """Let go of the servers, and leave all as it is for an heir."""

    @abstractmethod
    def drop_sockets(self) -> None:
        """Forget the servers without a word to them, after a fork or the end of the loop."""

    @abstractmethod
    async def send(self, channel: str, message: Message, payload: bytes) -> None:
        """Send to a channel; see `BaseChannelLayer.send`."""

    @abstractmethod
    async def group_send(
        self, group: str, message: Message, payload: bytes, author: Author | None = None
    ) -> None:
        """Send to every member of a group; see `BaseChannelLayer.group_send`.

        Args:
            author: of a message that may have been sent before.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Forget every message and every membership, on all nodes."""

    @abstractmethod
    def _announce(self, group: str) -> asyncio.Future[Any]:
        """Tell the others that this node is in a group."""

    @abstractmethod
    def _withdraw(self, group: str) -> None:
        """Tell the others that it is not any more."""

    @abstractmethod
    async def _add_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        """Add a channel that is not this node's own."""

    @abstractmethod
    async def _discard_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        """Discard a channel that is not this node's own."""

    async def new_channel(self, prefix: str) -> str:
        """Return the name of a new channel of this node."""
        await self.open()
        return new_channel_name(prefix, self.id)

    async def receive(self, channel: str) -> Message:
        """Return the next message of one of this node's own channels."""
        return await self.local.receive(channel)

    def attach(self, channel: str, sink: Sink) -> None:
        """Give the messages of `channel` to `sink`."""
        self.local.attach(channel, sink)

    def release(self, channel: str) -> None:
        """Forget `channel` and its memberships."""
        self.local.release(channel)
        for group, change in self.membership.release(channel):
            self._left(group, channel, change.is_turn)

    async def group_add(self, group: str, channel: str) -> None:
        """Make `channel` a member of `group`; returns when others can see it."""
        owner = node_of(channel)
        if owner != self.id:
            await self._add_elsewhere(group, channel, owner)
            return
        await self.open()
        try:
            announcing = self.join(group, channel)
            if announcing is not None:
                # Others may wait for the same: who is cancelled must not cancel it for them.
                await asyncio.shield(announcing)
        except (LayerUnavailable, ServerRefusal):
            self.leave(group, channel)
            raise

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove `channel` from `group`."""
        owner = node_of(channel)
        if owner != self.id:
            await self._discard_elsewhere(group, channel, owner)
        else:
            self.leave(group, channel)

    def join(self, group: str, channel: str) -> asyncio.Future[Any] | None:
        """Make an own channel a member; returns the announcement that is on its way, if one is."""
        change = self.membership.add(group, channel, time.monotonic())
        if change.is_change and (tap := taps.group_joined) is not None and not is_muted():
            tap(self.options.layer(), group, channel)
        if change.is_turn:
            announcing = self._announcing[group] = self._announce(group)
            announcing.add_done_callback(lambda done: self._announced(group, done))
        return self._announcing.get(group)

    def leave(self, group: str, channel: str) -> None:
        """Remove an own channel."""
        change = self.membership.discard(group, channel)
        if change.is_change:
            self._left(group, channel, change.is_turn)

    def deliver_to_group(
        self, group: str, payload: bytes, is_silent: bool, position: str = ""
    ) -> None:
        """Give a message to every local member.

        Args:
            is_silent: whether nobody is to observe it. The connection may have been opened
                by somebody unobserved, and answers run in the context that it was opened in.
            position: of the message in the group's history, if it is kept.
        """
        oldest_allowed = time.monotonic() - self.options.group_expiry_s
        for channel in self.membership.joined_before(group, oldest_allowed):
            if channel not in self.local.sinks:
                self.leave(group, channel)
        channels = self.membership.members(group)
        if not channels:
            # A withdrawal that never came through; the others would go on sending.
            self._withdraw(group)
        elif (decoded := self._decode(payload)) is not None:
            if position:
                decoded.message[POSITION_KEY] = position
            with muted(is_silent):
                self.local.fan_out(channels, decoded.message, decoded.cause)

    def deliver_to_channel(self, channel: str, payload: bytes, is_silent: bool) -> bool:
        """Give a message to an own channel; False if there is no room for it."""
        decoded = self._decode(payload)
        if decoded is None:
            return True
        with muted(is_silent):
            return self.local.deliver(channel, decoded.message, decoded.cause)

    def forget(self) -> None:
        """Forget what waits and all memberships, without a word to the others."""
        self.membership.clear()
        self.local.clear()
        self.options.on_forget()

    def _inherit(self, other: Node) -> None:
        self.local.adopt(other.local)
        for channel in other.local.sinks:  # their consumers have ended with the loop
            self.membership.release(channel)

    def _announced(self, group: str, done: asyncio.Future[Any]) -> None:
        if self._announcing.get(group) is done:
            del self._announcing[group]
        if not done.cancelled():
            done.exception()  # who waits for it has it; nobody may

    def _left(self, group: str, channel: str, is_turn: bool) -> None:
        if is_turn:
            self._withdraw(group)
        if (tap := taps.group_left) is not None and not is_muted():
            tap(self.options.layer(), group, channel)

    def _tell_left_out(self, head: Head) -> None:
        """Say that an entry was not handed over, which may have been before: nobody can tell."""
        warnings.warn(
            "left out",
            "Message %d of %s came behind too many others: if it was not here before, it is lost.",
            *(head.number, head.sender.decode(errors="replace")),
        )

    def _decode(self, payload: bytes) -> Decoded | None:
        try:
            return self.options.codec.decode(payload)
        except UndecodableMessage as error:
            self.undecodable += 1
            warnings.warn(error.reason, "%s", error)
            return None
