"""A node whose messages travel by pub/sub: nothing is kept for it on the way.

Owns what is published where, and what a gap is: while a server is away, or a node is, what
is sent to it is lost, counted and said. Named channels are kept all the same, in streams.

Made by `RedisPubSubChannelLayer`, one for each event loop.

Source: docs/decisions/0014-node-streams.md
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from runtime.exceptions import ChannelFull, LayerUnavailable
from runtime.layers.addresses import Cluster
from runtime.layers.connection import Link
from runtime.layers.entries import (
    FLUSH,
    QUESTION,
    TO_CHANNEL,
    TO_GROUP,
    TO_KEPT,
    Author,
    Head,
    read_head,
)
from runtime.layers.history_scripts import KEEP_AND_PUBLISH
from runtime.layers.keys import node_of
from runtime.layers.linked import BEATS
from runtime.layers.membership import Membership
from runtime.layers.node import NodeOptions
from runtime.layers.questions import LONGEST_WAIT_S
from runtime.layers.scanning import literal, scan
from runtime.layers.served import ServedNode, nothing
from runtime.layers.subscriptions import Ear, Subscriptions
from runtime.taps import is_muted
from runtime.tasks import cancel_and_wait, spawn
from runtime.throttle import ThrottledWarnings
from runtime.typing import Message

logger = logging.getLogger("runtime.layers.pubsub")
warnings = ThrottledWarnings(logger)


class ListeningNode(ServedNode):
    """A node that listens to a channel of its own, and to one for each of its groups.

    Attributes:
        gaps: how often it could not listen for a while.
    """

    def __init__(self, options: NodeOptions, heir_of: ListeningNode | None = None) -> None:
        super().__init__(options, heir_of)
        self.gaps = 0
        self._opening: asyncio.Task[None] | None = None
        self._has_waited = False
        # Named channels that this node has put into groups: it passes on what comes.
        self._passed_on: Membership = Membership() if heir_of is None else heir_of._passed_on
        self._subscriptions = Subscriptions(
            self.servers,
            self._make_ear,
            self._heard,
            self._channels_moved,
            is_sharded=isinstance(options.hosts, Cluster),
        )

    async def open(self) -> None:
        """Return when this node listens, or when that has taken too long."""
        if self._opening is None:
            self._opening = spawn(self._listen(), name="listen", on_error=nothing)
            self._beat_later()
        if not self._opening.done() and not self._has_waited:
            await asyncio.wait([self._opening], timeout=self.options.timeout_s)
            self._has_waited = True  # once: an outage must not hold up each that comes

    async def send(self, channel: str, message: Message, payload: bytes) -> None:
        """Publish to the channel's node, or append to the stream of a named channel."""
        if self._opening is None and node_of(channel) == self.id:
            await self.open()  # an heir, which nobody has received from yet
        await super().send(channel, message, payload)

    async def group_send(
        self, group: str, message: Message, payload: bytes, author: Author | None = None
    ) -> None:
        """Publish to all that are in the group."""
        if self._opening is None and group in self.membership:
            await self.open()
        key, is_kept = self.options.keys.group(group), self.kept.retention_of(group) is not None
        head = self._group_head(group, author, TO_KEPT if is_kept else TO_GROUP)
        number = self._sequence
        if is_kept:
            verb = self._subscriptions.publish
            command = self.kept.keeping(KEEP_AND_PUBLISH, group, head, payload, verb, key)
            _, receivers = await self.servers.call(key, *command)
        else:
            receivers = await self._publish(key, head, payload)
        if not receivers:
            self._own.group_arrived(group, number)

    async def flush(self) -> None:
        """Delete what is kept, and tell each node to forget the rest."""
        self.forget()
        keys = self.options.keys
        leases = keys.node_prefix.encode()
        for link in await self.servers.find_all():
            found = await scan(link, f"{literal(keys.prefix)}:*")
            gone = [link.call("UNLINK", key) for key in found if not key.startswith(leases)]
            await asyncio.gather(*gone)
        await self.open()
        head, number = self._head(FLUSH, ""), self._sequence
        await self._forget_when_read(number, self._publish(self.options.keys.everybody, head, b""))

    def forget(self) -> None:
        """Forget what waits and all memberships, without a word to the others."""
        groups = {*self.membership.groups(), *self._passed_on.groups()}
        super().forget()
        self._passed_on.clear()
        for group in groups:
            self._withdraw(group)

    async def close(self) -> None:
        """Stop listening: others notice that nobody does."""
        await self.rest()

    async def rest(self) -> None:
        """Stop listening, and let go of the servers."""
        if self._opening is not None:
            await cancel_and_wait(self._opening)
        await self._subscriptions.close()
        await super().rest()

    def drop_sockets(self) -> None:
        """Forget the sockets."""
        super().drop_sockets()
        self._subscriptions.drop_sockets()

    # --- introspection

    async def groups(self) -> list[str]:
        """Return the groups that somebody listens to."""
        verb = "SHARDCHANNELS" if isinstance(self.options.hosts, Cluster) else "CHANNELS"
        prefix = self.options.keys.group("")
        found: set[bytes] = set()
        for link in await self.servers.find_all():
            found.update(await link.call("PUBSUB", verb, f"{literal(prefix)}*"))
        return sorted(key.decode().removeprefix(prefix) for key in found)

    async def group_channels(self, group: str) -> list[str]:
        """Return the channels in `group`, of all nodes."""
        answers = await self._ask(self.options.keys.group(group), f"members {group}")
        return list(dict.fromkeys(channel for answer in answers for channel in answer))

    async def local_depths(self) -> list[dict[str, int]]:
        """Return what waits on channels in all processes, one dict for each node."""
        return await self._ask(self.options.keys.everybody, "depths")

    async def _ask(self, key: str, question: str) -> list[Any]:
        await self.open()
        head, number = self._head(QUESTION, question), self._sequence
        self._questions.begin(number)
        asked = await self._publish(key, head, b"")
        return await self._questions.gather(number, asked, LONGEST_WAIT_S)

    def _reply(self, head: Head) -> None:
        what, _, argument = head.target.partition(" ")
        group, _, channel = argument.partition(" ")
        if what == "join":
            announcing = self.join(group, channel)
            if announcing is None:
                self._send_answer(head, True)
            else:
                announcing.add_done_callback(lambda done: self._send_answer(head, True))
        elif what == "leave":
            self.leave(group, channel)
            self._send_answer(head, True)
        elif what == "members":
            members = (*self.membership.members(group), *self._passed_on.members(group))
            self._send_answer(head, members)
        else:
            super()._reply(head)

    # --- listening

    def _make_ear(self, place: Any, **hooks: Any) -> Link:
        name = self.options.keys.connection(self.id, "reader")
        return Link(
            place,
            timeout_s=self.options.timeout_s,
            silence_s=self.options.lease_s / BEATS + self.options.timeout_s,
            setup=[("CLIENT", "SETNAME", name)],
            on_change=self._ear_changed,
            **hooks,
        )

    async def _listen(self) -> None:
        keys = self.options.keys
        # A Cluster's map has to be known before anybody can tell where to listen.
        while not await self._hold():
            pass
        channels = [keys.node(self.id), keys.everybody]
        groups = {*self.membership.groups(), *self._passed_on.groups()}
        channels += [keys.group(group) for group in groups]
        await asyncio.gather(*map(self._subscriptions.subscribe, channels))

    def _heard(self, ear: Ear, data: bytes) -> None:
        raw_head, _, payload = data.partition(b"\n")
        try:
            head = read_head(raw_head)
            if ear.seen.is_new(head):
                self._take(head, payload)
            elif ear.seen.is_forgotten(head):
                self._tell_left_out(head)
        except Exception:  # a receiver's fault must not end the listening for the others
            logger.exception("A message could not be handed over.")

    def _take(self, head: Head, payload: bytes, *, is_late: bool = False) -> None:
        if head.kind not in (TO_GROUP, TO_KEPT):
            super()._take(head, payload, is_late=is_late)
            return
        group, _, position = head.target.partition(" ")
        named = self._passed_on.members(group)
        passed_on = self.kept.with_position(payload, position) if named and position else payload
        for channel in named:
            spawn(self._pass_on(channel, head, group, passed_on), name="pass on", on_error=nothing)
        if not named or group in self.membership:
            super()._take(head, payload, is_late=is_late)

    async def _pass_on(self, channel: str, head: Head, group: str, payload: bytes) -> None:
        """Append a group's message to a named channel; if others do so too, it is there once."""
        sender = head.sender.decode()
        passed_on = f"{sender} {head.number} {TO_CHANNEL}{'-' if head.is_muted else '+'}{channel}"
        if not await self._put_named(channel, f"{sender}:{group}", passed_on, payload):
            self._report(channel, payload, "capacity")

    def _ear_changed(self, link: Link, error: Exception | None) -> None:
        ear = next(ear for ear in self._subscriptions.ears.values() if ear.link is link)
        is_first, ear.has_listened = not ear.has_listened, True
        if error is not None:
            self._own.lose_all()
        elif not is_first:
            self._tell_gap(str(link.place))
        if self.options.on_change is not None and not is_first:
            self.options.on_change(self, error)

    def _channels_moved(self, are_away: bool) -> None:
        """Say what is said of a server that has gone, or is back: messages may be missing."""
        if are_away:
            self._own.lose_all()
        else:
            self._tell_gap("slots that moved")
        if self.options.on_change is not None:
            error = ConnectionError("slots have moved to another server") if are_away else None
            self.options.on_change(self, error)

    def _tell_gap(self, what: str) -> None:
        self.gaps += 1
        warnings.warn(
            "gap",
            "Messages that were sent while this process could not listen to %s are lost. A layer"
            " that keeps them: runtime.layers.redis.RedisChannelLayer.",
            what,
        )

    def _changed(self, link: Link, error: Exception | None) -> None:
        """Say nothing: those who listen say it."""

    # --- the lease

    async def _greet(self, link: Link) -> None:
        self.unread.forget()
        if self._opening is not None and self.servers.link_for(self._lease_key) is link:
            link.tell_first(nothing, *self._lease_command())
            self.options.on_loss()

    def _beat_once(self) -> None:
        self._subscriptions.check()
        self.servers.tell(self._lease_key, self._renewed, *self._lease_command(), "GET")
        self.unread.look_in_passing()
        self.options.on_beat()
        self._beat_later()

    def _renewed(self, before: Any) -> None:
        """Notice a lease that had ended: the others took this process for dead."""
        if before is None:
            self.options.on_loss()

    async def _hold(self) -> bool:
        """Return whether a server has taken the lease, which may take as long as any command."""
        try:
            await self.servers.call(self._lease_key, *self._lease_command())
        except LayerUnavailable:
            return False
        return True

    @property
    def _lease_key(self) -> str:
        return self.options.keys.node(self.id)

    def _lease_command(self) -> tuple[Any, ...]:
        return ("SET", self._lease_key, 1, "PX", int(self.options.lease_s * 1000))

    # --- what others must know

    def _announce(self, group: str) -> asyncio.Future[Any]:
        return self._subscriptions.subscribe(self.options.keys.group(group))

    def _withdraw(self, group: str) -> None:
        if group not in self.membership and group not in self._passed_on:
            self._subscriptions.unsubscribe(self.options.keys.group(group))

    async def _add_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        if owner is None:
            await self.open()
            if self._passed_on.add(group, channel).is_turn:
                await self._announce(group)
        else:
            await self._ask(self.options.keys.node(owner), f"join {group} {channel}")

    async def _discard_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        if owner is not None:
            await self._ask(self.options.keys.node(owner), f"leave {group} {channel}")
        elif self._passed_on.discard(group, channel).is_turn:
            self._withdraw(group)

    # --- sending

    async def _send_own(self, channel: str, payload: bytes) -> None:
        """Hand over what is for a channel of this loop, if that is no short cut past others.

        It is for one receiver, whom no order binds but that of each sender. As long as nothing
        that was sent from here can still arrive there, this is the next.
        """
        if self._own.is_unsure and self.servers.is_idle:
            self._own.is_unsure = False  # what was sent again after an outage has been sent
        groups = self.membership.groups_of(channel)
        if not self.servers.is_one and self._own.count_to_groups(groups):
            # They come over other servers than this would, which would overtake them.
            for group in groups:
                await self._own.wait_for_group(group, LONGEST_WAIT_S)
        if self._own.is_unsure or not self._own.is_quiet(channel, groups):
            await super()._send_own(channel, payload)
        elif not self.deliver_to_channel(channel, payload, is_muted()):
            raise ChannelFull(channel, self.options.capacity_of(channel))

    def _append(self, owner: str, head: str, payload: bytes) -> Awaitable[Any]:
        return self._publish(self.options.keys.node(owner), head, payload)

    def _publish(self, key: str, head: str, payload: bytes) -> asyncio.Future[Any]:
        data = b"%b\n%b" % (head.encode(), payload)
        return self.servers.call(key, self._subscriptions.publish, key, data)
