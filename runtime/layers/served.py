"""A node that speaks through servers, whichever way its messages take.

Owns the numbers of what is sent, named channels, what is under way to own channels, and what
follows from an entry that has come in. Its connections are in `runtime.layers.linked`. How a node
and a group are reached is the business of the subclasses: `runtime.layers.streams` and
`runtime.layers.listening`.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Hashable, Sequence
from typing import Any, Final

from runtime.drops import drops
from runtime.exceptions import ChannelFull, LayerUnavailable
from runtime.layers.acknowledged import not_acknowledged
from runtime.layers.entries import (
    ANSWER,
    FLUSH,
    JOIN,
    LEAVE,
    QUESTION,
    TO_CHANNEL,
    TO_GROUP,
    TO_KEPT,
    Author,
    Head,
    read_head,
    write_head,
)
from runtime.layers.job_channel import JobChannel
from runtime.layers.job_scripts import JOB_ADD
from runtime.layers.kept import KeptGroups
from runtime.layers.keys import node_of
from runtime.layers.linked import BEATS, LinkedNode
from runtime.layers.named import NamedChannels
from runtime.layers.node import NodeOptions
from runtime.layers.own import OwnTraffic
from runtime.layers.questions import Questions, write_answer
from runtime.layers.rosters import Rosters
from runtime.layers.scanning import waiting_on_server
from runtime.layers.scripts import NAMED_SEND
from runtime.layers.unread import Unread
from runtime.taps import DropReason, is_muted, muted
from runtime.typing import Message

LONGEST_WAIT_S: Final = 1.0
"""How long who joins or leaves a group waits for what was sent to it before."""


class ServedNode(LinkedNode):
    """A node with servers.

    Attributes:
        rosters: who is present in groups.
        kept: the groups with history.
        unread: what may expire on named channels.
    """

    def __init__(self, options: NodeOptions, heir_of: ServedNode | None = None) -> None:
        super().__init__(options, heir_of)
        self._sequence: int = 0 if heir_of is None else heir_of._sequence
        self._sender = self.id.encode()
        self._own = OwnTraffic()
        self._questions = Questions()
        self._flushes: dict[int, asyncio.Future[None]] = {}
        self._named: dict[Hashable, NamedChannels] = {}
        self._jobs: dict[str, JobChannel] = {}
        self.kept = KeptGroups(
            self.servers,
            options.keys,
            options.codec,
            options.retention_of,
            int(self._keep_s * 1000),
        )
        self.rosters = Rosters(
            self.id,
            self.servers,
            options.keys,
            options.codec,
            self._group_ms,
            int(self._keep_s * 1000),
        )
        self.unread = Unread(
            self.id,
            self.servers,
            options.keys,
            expiry_s=options.expiry_s,
            lease_s=options.lease_s,
            report=self._expire_named,
        )
        if heir_of is not None:
            self.unread.adopt(heir_of.unread)

    @abstractmethod
    def _append(self, owner: str, head: str, payload: bytes) -> Awaitable[Any]:
        """Send to a node; what comes back is false if the node is gone."""

    async def receive(self, channel: str) -> Message:
        """Return the next message of `channel`: of an own one, or of a named one."""
        owner = node_of(channel)
        if owner is None and "!" not in channel:
            return await self._named_for(channel).receive(channel)
        if owner != self.id:
            raise RuntimeError(
                f"Channel {channel!r} belongs to another process, or to a layer that was closed."
                " Receive from a channel of your own: `await layer.new_channel()`."
            )
        await self.open()
        if self._own.is_to_groups:
            await self._wait_if_full(channel)
        return await self.local.receive(channel)

    async def send(self, channel: str, message: Message, payload: bytes) -> None:
        """Send to the channel's node, or append to the stream of a named channel."""
        owner = node_of(channel)
        if owner is None:
            if not await self._send_named(channel, payload):
                self._report(channel, payload, "capacity")
                raise ChannelFull(channel, self.options.capacity_of(channel))
        elif owner == self.id:
            await self._send_own(channel, payload)
        elif not await self._append(owner, self._head(TO_CHANNEL, channel), payload):
            self._report(channel, payload, "undelivered")  # its process has ended

    async def group_add(self, group: str, channel: str) -> None:
        """Make `channel` a member of `group`, behind what was sent from here before."""
        if node_of(channel) == self.id:
            await self._own.wait_for_group(group, LONGEST_WAIT_S)
        await super().group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove `channel` from `group`, behind what was sent from here before."""
        if node_of(channel) == self.id:
            await self._own.wait_for_group(group, LONGEST_WAIT_S)
        await super().group_discard(group, channel)

    async def rest(self) -> None:
        """Let go of the servers."""
        self._stop_beating()
        self.unread.close()
        self._own.lose_all()
        for reading in self._readings():
            await reading.close()
        await self.servers.close()
        self.local.close()

    def drop_sockets(self) -> None:
        """Forget the sockets."""
        self.unread.close()
        self.servers.drop_sockets()
        for reading in self._readings():
            reading.drop_socket()

    def forget(self) -> None:
        """Forget what waits and all memberships, without a word to the others."""
        self.unread.forget()
        super().forget()

    def _readings(self) -> list[NamedChannels | JobChannel]:
        return [*self._named.values(), *self._jobs.values()]

    # --- sending

    def _head(self, kind: str, target: str) -> str:
        # Numbered in the moment in which it is handed to the connection, which keeps the order.
        self._sequence += 1
        return write_head(self.id, self._sequence, kind, is_muted(), target)

    def _group_head(self, group: str, author: Author | None, kind: str = TO_GROUP) -> str:
        if author is not None:
            return write_head(*author, kind, is_muted(), group)
        head = self._head(kind, group)
        if group in self.membership:
            self._own.group_sent(group, self._sequence)
        return head

    async def _send_named(self, channel: str, payload: bytes, author: Author | None = None) -> bool:
        if author is None:
            head, sender = self._head(TO_CHANNEL, channel), self.id
        else:
            head, sender = write_head(*author, TO_CHANNEL, is_muted(), channel), author.sender
        return await self._put_named(channel, sender, head, payload)

    async def _put_named(self, channel: str, sender: str, head: str, payload: bytes) -> bool:
        """Append to a named channel's stream, or to its jobs; False if it is full.

        Args:
            sender: whose number decides whether it is there already.
        """
        options, number = self.options, int(head.split(" ", 2)[1])
        keys, keep_ms = options.keys, int(self._keep_s * 1000)
        mark, capacity = keys.sent(channel, sender, number), options.capacity_of(channel)
        if options.policy_of(channel) is not None:
            jobs, limits = keys.jobs(channel), (mark.bit, capacity, keep_ms)
            command = JOB_ADD.command([*jobs, mark.key], *limits, head, payload)
            return bool(await self.servers.call(jobs.stream, *command))
        key, limits = keys.channel(channel), (mark.bit, capacity, int(options.expiry_s * 1000))
        said = (keep_ms, head, payload, self.unread.silent_ms)
        command = NAMED_SEND.command([key, mark.key], *limits, *said)
        had_room, expired = await self.servers.call(key, *command)
        for old_head, old in zip(expired[::2], expired[1::2], strict=True):
            self._expire_named(channel, old_head, old)
        self.unread.sent(channel)
        return bool(had_room)

    async def _send_own(self, channel: str, payload: bytes) -> None:
        if channel in self.local.sinks:
            await self._send_to_consumer(channel, payload)
            return
        waiting = self.local.depth(channel) + self._own.count(channel)
        if waiting >= self.options.capacity_of(channel):
            self._report(channel, payload, "capacity")
            raise ChannelFull(channel, self.options.capacity_of(channel))
        head, number = self._head(TO_CHANNEL, channel), self._sequence
        self._own.sent(channel, number)
        try:
            is_there = await self._append(self.id, head, payload)
        except LayerUnavailable:
            self._own.not_sent(channel, number)
            raise
        if not is_there:
            self._own.not_sent(channel, number)
            self._report(channel, payload, "undelivered")

    async def _send_to_consumer(self, channel: str, payload: bytes) -> None:
        head, number = self._head(TO_CHANNEL, channel), self._sequence
        outcome = self._own.outcome(number)
        self._own.sent(channel, number)
        try:
            is_there = await self._append(self.id, head, payload)
        except LayerUnavailable:
            self._own.not_sent(channel, number)
            self._own.delivered(number, True)
            raise
        if not is_there:
            self._own.not_sent(channel, number)
            self._own.delivered(number, True)
            self._report(channel, payload, "undelivered")
        elif not await outcome:
            raise ChannelFull(channel, self.options.capacity_of(channel))

    async def _wait_if_full(self, channel: str) -> None:
        """Let arrive what was sent when the channel was full, so that it finds no room."""
        groups = self.membership.groups_of(channel)
        under_way = self._own.count_to_groups(groups)
        if under_way and self.local.depth(channel) + under_way > self.options.capacity_of(channel):
            for group in groups:
                await self._own.wait_for_group(group, LONGEST_WAIT_S)

    @property
    def _group_ms(self) -> int:
        return int(max(self.options.group_expiry_s, self.options.lease_s) * 1000)

    # --- receiving

    @property
    def _keep_s(self) -> float:
        # For longer than a command is sent again, too: a server must know it by then.
        return self.options.expiry_s + max(self.options.lease_s, self.options.timeout_s)

    def _named_for(self, channel: str) -> NamedChannels:
        key = self.options.keys.channel(channel)
        together = self.servers.read_together(key)
        named = self._named.get(together)
        if named is None:
            named = self._named[together] = NamedChannels(
                self.id,
                self.servers,
                self._make_reader(self.servers.place_for(key)),
                self.options.keys,
                self.local,
                block_s=self.options.lease_s / BEATS,
                keep_s=self._keep_s,
                take=self._take_named,
                on_answer=self.unread.look_in_passing,
            )
        return named

    def jobs_of(self, channel: str) -> JobChannel:
        """Return the jobs of an acknowledged channel.

        Raises:
            ValueError: the channel is not acknowledged.
        """
        jobs = self._jobs.get(channel)
        if jobs is None:
            options, policy = self.options, self.options.policy_of(channel)
            if policy is None:
                raise not_acknowledged(channel)
            jobs = self._jobs[channel] = JobChannel(
                channel,
                policy,
                self.id,
                self.servers,
                self._make_reader(self.servers.place_for(options.keys.jobs(channel).stream)),
                options.keys,
                options.codec,
                block_s=options.lease_s / BEATS,
                keep_s=self._keep_s,
            )
        return jobs

    def _take_named(self, channel: str, age_ms: float, head: bytes, payload: bytes) -> None:
        if age_ms > self.options.expiry_s * 1000:
            self._expire_named(channel, head, payload)
        else:
            self.deliver_to_channel(channel, payload, read_head(head).is_muted)

    def _take(self, head: Head, payload: bytes, *, is_late: bool = False) -> None:
        """Do what an entry is for."""
        if head.kind in (TO_GROUP, TO_KEPT):
            group, _, position = head.target.partition(" ")
            if head.sender == self._sender:
                self._own.group_arrived(group, head.number)
            self._take_for_group(head, group, position, payload, is_late)
        elif head.kind == TO_CHANNEL:
            self._take_for_channel(head, payload, is_late)
        else:
            self._obey(head, payload)

    def _take_for_group(
        self, head: Head, group: str, position: str, payload: bytes, is_late: bool
    ) -> None:
        if is_late:
            self._expire(self.membership.members(group), payload)
        else:
            self.deliver_to_group(group, payload, head.is_muted, position)

    def _take_for_channel(self, head: Head, payload: bytes, is_late: bool) -> None:
        is_own = head.sender == self._sender
        if is_own:
            self._own.arrived(head.target, head.number)
        had_room = True
        if is_late:
            self._expire([head.target], payload)
        else:
            had_room = self.deliver_to_channel(head.target, payload, head.is_muted)
        if is_own:
            self._own.delivered(head.number, had_room)

    def _expire(self, channels: Sequence[str], payload: bytes) -> None:
        if (decoded := self._decode(payload)) is not None:
            for channel in channels:
                drops.report(None, channel, decoded.message, "expired", cause=decoded.cause)

    def _expire_named(self, channel: str, head: bytes, payload: bytes) -> None:
        with muted(read_head(head).is_muted):
            self._expire([channel], payload)

    def _report(self, channel: str, payload: bytes, reason: DropReason) -> None:
        # Read back, with its cause: once for a message that is lost, not for each that is sent.
        if (decoded := self._decode(payload)) is not None:
            drops.report(None, channel, decoded.message, reason, cause=decoded.cause)

    # --- introspection

    @abstractmethod
    async def groups(self) -> list[str]:
        """Return the groups that have members."""

    @abstractmethod
    async def group_channels(self, group: str) -> list[str]:
        """Return the channels in `group`, of all nodes."""

    @abstractmethod
    async def local_depths(self) -> list[dict[str, int]]:
        """Return what waits on channels in all processes, one dict for each node."""

    async def channel_depths(self) -> dict[str, int]:
        """Return {channel: messages that wait}, for named channels and those of all nodes."""
        depths = await waiting_on_server(await self.servers.find_all(), self.options.keys.prefix)
        for one in await self.local_depths():
            for channel, depth in one.items():
                depths[channel] = depths.get(channel, 0) + depth
        return depths

    # --- what other nodes ask for

    def _obey(self, head: Head, payload: bytes) -> None:
        if head.kind == FLUSH:
            self.forget()
            if head.sender == self._sender and head.number in self._flushes:
                self._flushes.pop(head.number).set_result(None)
        elif head.kind == QUESTION:
            self._reply(head)
        elif head.kind == ANSWER:
            self._questions.answered(int(head.target), payload)
        elif head.kind in (JOIN, LEAVE):
            group, _, channel = head.target.partition(" ")
            self.join(group, channel) if head.kind == JOIN else self.leave(group, channel)

    def _reply(self, head: Head) -> None:
        """Answer a question."""
        what, _, argument = head.target.partition(" ")
        if what == "depths":
            self._send_answer(head, self.local.depths())
        elif what == "members":
            self._send_answer(head, self.membership.members(argument))

    def _send_answer(self, head: Head, answer: Any) -> None:
        target = self._head(ANSWER, str(head.number))
        sending = self._append(head.sender.decode(), target, write_answer(answer))
        asyncio.ensure_future(sending).add_done_callback(forget)

    async def _forget_when_read(self, number: int, sending: Awaitable[Any]) -> None:
        """Send a request to forget all, and return when this node has read its own."""
        done = self._flushes[number] = self.loop.create_future()
        if await sending:
            # What comes after it is not forgotten: whoever goes on here may join again.
            await asyncio.wait([done], timeout=self.options.timeout_s)
        self._flushes.pop(number, None)


def forget(done: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for."""
    if not done.cancelled():
        done.exception()


def nothing(answer: Any) -> None:
    """Pass over an answer."""
