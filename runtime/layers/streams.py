"""A node whose messages travel in streams: each node reads one stream, on each server.

Owns what is written where, the lease, and the answer to a server that came back empty. A
group is a set of nodes; a message to it is appended once to the stream of each. There is no
short cut within the process: the server's order is the order for all.

Made by `RedisChannelLayer`, one for each event loop.

Source: DESIGN decision 6, docs/decisions/0012-node-streams.md
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Hashable, Sequence
from typing import Any, Final

from runtime.drops import drops
from runtime.exceptions import ChannelFull, LayerUnavailable
from runtime.layers.addresses import Cluster
from runtime.layers.cluster import ClusterShards
from runtime.layers.connection import Link
from runtime.layers.dialing import Place
from runtime.layers.entries import (
    FLUSH,
    JOIN,
    LEAVE,
    TO_CHANNEL,
    TO_GROUP,
    Head,
    read_head,
    write_head,
)
from runtime.layers.keys import node_of
from runtime.layers.named import NamedChannels
from runtime.layers.node import Node, NodeOptions
from runtime.layers.own import OwnTraffic
from runtime.layers.post import Post
from runtime.layers.scripts import GROUP_SEND, LOADING, NAMED_SEND, REMOTE_JOIN
from runtime.layers.sentinel import place_of
from runtime.layers.shards import Shards
from runtime.taps import is_muted
from runtime.typing import Message

BEATS: Final = 3
"""How often a lease is renewed before it would end."""

GOODBYE_S: Final = 1.0
"""How long the end waits for a server to forget this node; its lease ends in any case."""

LONGEST_WAIT_S: Final = 1.0
"""How long who leaves a group waits for what was sent to it before."""


class StreamNode(Node):
    """A node with one stream.

    Where all keys are on one server, a message to a group is one step there, and all members
    see one order. On several, each node's stream is on one of them: the sender asks for the
    nodes and appends to each, so that order holds between each sender and each receiver.
    """

    def __init__(self, options: NodeOptions, heir_of: StreamNode | None = None) -> None:
        super().__init__(options, heir_of)
        self._sequence: int = 0 if heir_of is None else heir_of._sequence
        self._sender = self.id.encode()
        self._own = OwnTraffic()
        self._flushes: dict[int, asyncio.Future[None]] = {}
        self._has_waited = False
        self._beat: asyncio.TimerHandle | None = None
        self._announced_at = self.loop.time()
        self._named: dict[Hashable, NamedChannels] = {}
        self.servers = self._connect()
        self.post = self._make_post()
        if heir_of is not None:
            self.post.last_id, self.post.seen = heir_of.post.last_id, heir_of.post.seen

    async def open(self) -> None:
        """Return when this node's stream is there, or when that has taken too long."""
        if not self.post.is_wanted:
            self.post.hold()
            self._beat_later()
        if not self.post.ready.done() and not self._has_waited:
            await asyncio.wait([self.post.ready], timeout=self.options.timeout_s)
            self._has_waited = True  # once: an outage must not hold up each that comes

    async def receive(self, channel: str) -> Message:
        """Return the next message of `channel`: of an own one, or of a named one."""
        owner = node_of(channel)
        if owner is None:
            return await self._named_for(channel).receive(channel)
        if owner != self.id:
            raise RuntimeError(
                f"Channel {channel!r} belongs to another process, or to a loop that has ended."
                " Receive from a channel of your own: `await layer.new_channel()`."
            )
        if not self.post.ready.done():
            await self.open()
        return await self.local.receive(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove `channel` from `group`, behind what was sent from here before."""
        if node_of(channel) == self.id:
            await self._own.wait_for_group(group, LONGEST_WAIT_S)
        await super().group_discard(group, channel)

    async def send(self, channel: str, message: Message, payload: bytes) -> None:
        """Append to the stream of the channel's node, or to that of a named channel."""
        owner = node_of(channel)
        if owner is None:
            if not await self._send_named(channel, payload):
                drops.report(None, channel, message, "capacity")
                raise ChannelFull(channel, self.options.capacity_of(channel))
        elif owner == self.id:
            await self._send_own(channel, message, payload)
        else:
            await self._append(owner, self._head(TO_CHANNEL, channel), payload)

    async def group_send(self, group: str, message: Message, payload: bytes) -> None:
        """Append to the stream of each node in the group, in one step."""
        for name in await self._append_to_group(group, payload):
            if not await self._send_named(name.decode(), payload):
                drops.report(None, name.decode(), message, "capacity")

    async def flush(self) -> None:
        """Delete what is kept, and tell each node to forget the rest."""
        self.forget()
        for link in await self.servers.find_all():
            await self._flush_server(link)

    async def close(self) -> None:
        """Leave all groups, delete the streams, and let go of the servers."""
        self._stop_beating()
        self._own.lose_all()
        for group in self.membership.groups():
            self._withdraw(group)
        if self.post.ready.done() and self.servers.link_for(self.post.key).is_up:
            gone = self.servers.call(self.post.key, "UNLINK", self.post.key)
            await asyncio.wait([gone], timeout=GOODBYE_S)
            if gone.done():
                gone.exception()  # an outage; the lease ends by itself
        await self.post.close()
        for named in self._named.values():
            await named.close()
        await self.servers.close()
        self.local.close()

    def drop_sockets(self) -> None:
        """Forget the sockets."""
        self.servers.drop_sockets()
        self.post.reader.drop_socket()
        for named in self._named.values():
            named.drop_socket()

    def _connect(self) -> Shards:
        hosts = self.options.hosts
        if isinstance(hosts, Cluster):
            return ClusterShards(hosts, self._make_link)
        return Shards([place_of(host) for host in hosts], self._make_link)

    def _make_post(self) -> Post:
        key = self.options.keys.node(self.id)
        return Post(
            key,
            self.servers,
            self._make_reader(self.servers.place_for(key)),
            self.options.lease_s,
            self._take,
            self._server_lost_all,
            on_pause=self._own.lose_all,
        )

    def _make_link(self, place: Place) -> Link:
        return Link(
            place,
            timeout_s=self.options.timeout_s,
            setup=[*LOADING, ("CLIENT", "SETNAME", f"{self.options.keys.prefix}:{self.id}")],
            greet=self._greet,
            on_change=self._changed,
        )

    def _make_reader(self, place: Place) -> Link:
        name = f"{self.options.keys.prefix}:{self.id}:reader"
        return Link(
            place,
            timeout_s=self.options.timeout_s,
            silence_s=self.options.lease_s / BEATS + self.options.timeout_s,
            setup=[("CLIENT", "SETNAME", name)],
        )

    async def _greet(self, link: Link) -> None:
        """Hold the stream before anything else is sent, and say anew what a server has lost."""
        has_lost = True  # or may have: it is another's stream that would tell
        if self.post.is_wanted and self.servers.link_for(self.post.key) is link:
            has_lost = self.post.held(await link.ask_first(*self.post.hold_command()))
        if has_lost:
            self._own.lose_all()
            for group in self.membership.groups():
                key = self.options.keys.group(group)
                if self.servers.link_for(key) is link:
                    link.tell_first(_nothing, "SADD", key, self.id)
                    link.tell_first(_nothing, "PEXPIRE", key, self._group_ms)

    def _changed(self, link: Link, error: Exception | None) -> None:
        if self.options.on_change is not None:
            self.options.on_change(self, error)

    def _server_lost_all(self, post: Post) -> None:
        self._own.lose_all()
        for group in self.membership.groups():
            self._announce_quietly(group)

    # --- the lease

    def _beat_later(self) -> None:
        self._beat = self.loop.call_later(self.options.lease_s / BEATS, self._beat_once)

    def _beat_once(self) -> None:
        self.post.hold()
        if self.loop.time() - self._announced_at > self.options.group_expiry_s / BEATS:
            self._announced_at = self.loop.time()
            for group in self.membership.groups():
                self._announce_quietly(group)
        self._beat_later()

    def _stop_beating(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    # --- what others must know

    @property
    def _group_ms(self) -> int:
        return int(max(self.options.group_expiry_s, self.options.lease_s) * 1000)

    def _announce(self, group: str) -> asyncio.Future[Any]:
        key = self.options.keys.group(group)
        announced = self.servers.call(key, "SADD", key, self.id)
        self.servers.tell(key, _nothing, "PEXPIRE", key, self._group_ms)
        return announced

    def _announce_quietly(self, group: str) -> None:
        key = self.options.keys.group(group)
        self.servers.tell(key, _nothing, "SADD", key, self.id)
        self.servers.tell(key, _nothing, "PEXPIRE", key, self._group_ms)

    def _withdraw(self, group: str) -> None:
        key = self.options.keys.group(group)
        self.servers.tell(key, _nothing, "SREM", key, self.id)

    async def _add_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        key = self.options.keys.group(group)
        if owner is None:
            await self.servers.call(key, "SADD", key, f"={channel}")
            self.servers.tell(key, _nothing, "PEXPIRE", key, self._group_ms)
        else:
            await self._join_remotely(group, owner, self._head(JOIN, f"{group} {channel}"))

    async def _discard_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        if owner is None:
            key = self.options.keys.group(group)
            await self.servers.call(key, "SREM", key, f"={channel}")
        else:
            await self._append(owner, self._head(LEAVE, f"{group} {channel}"), b"")

    async def _join_remotely(self, group: str, owner: str, head: str) -> None:
        key = self.options.keys.group(group)
        if self.servers.is_one:
            keys = [key, self.options.keys.node(owner)]
            limits = (self.options.stream_length, head, owner, self._group_ms)
            await self.servers.call(key, *REMOTE_JOIN.command(keys, *limits))
        elif await self._append(owner, head, b"") is not None:
            await self.servers.call(key, "SADD", key, owner)
            self.servers.tell(key, _nothing, "PEXPIRE", key, self._group_ms)

    # --- sending

    def _head(self, kind: str, target: str) -> str:
        # Numbered in the moment in which it is handed to the connection, which keeps the order.
        self._sequence += 1
        return write_head(self.id, self._sequence, kind, is_muted(), target)

    def _append(self, owner: str, head: str, payload: bytes) -> Awaitable[Any]:
        """Append to a node's stream; None comes back if the node is gone."""
        key = self.options.keys.node(owner)
        limit = ("NOMKSTREAM", "MAXLEN", "~", self.options.stream_length)
        return self.servers.call(key, "XADD", key, *limit, "*", head, payload)

    async def _append_to_group(self, group: str, payload: bytes) -> Sequence[bytes]:
        """Append to the streams of a group's nodes; returns the named channels in the group."""
        if not self.servers.is_one:
            return await self._append_to_each(group, payload)
        keys = self.options.keys
        key, head = keys.group(group), self._group_head(group)
        length = self.options.stream_length
        command = GROUP_SEND.command([key], keys.node_prefix, length, head, payload)
        named: list[bytes] = await self.servers.call(key, *command)
        return named

    async def _append_to_each(self, group: str, payload: bytes) -> Sequence[bytes]:
        """Do so where no script may touch all the streams: ask for the nodes, then append."""
        key = self.options.keys.group(group)
        members: list[bytes] = await self.servers.call(key, "SMEMBERS", key)
        nodes = [one.decode() for one in members if not one.startswith(b"=")]
        head = self._group_head(group)
        appended = await asyncio.gather(*(self._append(node, head, payload) for node in nodes))
        for node, entry_id in zip(nodes, appended, strict=True):
            if entry_id is None:
                self.servers.tell(key, _nothing, "SREM", key, node)
        return [one[1:] for one in members if one.startswith(b"=")]

    def _group_head(self, group: str) -> str:
        head = self._head(TO_GROUP, group)
        if group in self.membership:
            self._own.group_sent(group, self._sequence)
        return head

    async def _send_named(self, channel: str, payload: bytes) -> bool:
        options, head = self.options, self._head(TO_CHANNEL, channel)
        keys = [options.keys.channel(channel), options.keys.sent(channel, self.id)]
        capacity, expiry_ms = options.capacity_of(channel), int(options.expiry_s * 1000)
        keep_ms = int(self._keep_s * 1000)
        command = NAMED_SEND.command(
            keys, self._sequence, capacity, expiry_ms, keep_ms, head, payload
        )
        return bool(await self.servers.call(keys[0], *command))

    async def _send_own(self, channel: str, message: Message, payload: bytes) -> None:
        if channel in self.local.sinks:
            await self._send_to_consumer(channel, payload)
            return
        waiting = self.local.depth(channel) + self._own.count(channel)
        if waiting >= self.options.capacity_of(channel):
            drops.report(None, channel, message, "capacity")
            raise ChannelFull(channel, self.options.capacity_of(channel))
        head, number = self._head(TO_CHANNEL, channel), self._sequence
        self._own.sent(channel, number)
        try:
            await self._append(self.id, head, payload)
        except LayerUnavailable:
            self._own.not_sent(channel, number)
            raise

    async def _send_to_consumer(self, channel: str, payload: bytes) -> None:
        head, number = self._head(TO_CHANNEL, channel), self._sequence
        outcome = self._own.outcome(number)
        try:
            is_there = await self._append(self.id, head, payload) is not None
        except LayerUnavailable:
            self._own.delivered(number, True)
            raise
        if is_there and not await outcome:
            raise ChannelFull(channel, self.options.capacity_of(channel))

    # --- receiving

    @property
    def _keep_s(self) -> float:
        return self.options.expiry_s + self.options.lease_s

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
            )
        return named

    def _take_named(self, channel: str, age_ms: float, head: bytes, payload: bytes) -> None:
        if age_ms > self.options.expiry_s * 1000:
            self._expire([channel], payload)
        else:
            self.deliver_to_channel(channel, payload, read_head(head).is_muted)

    def _take(self, post: Post, written_ms: int, raw_head: bytes, payload: bytes) -> None:
        head = read_head(raw_head)
        if not post.seen.is_new(head):
            return
        is_late = post.now_ms - written_ms > self.options.expiry_s * 1000
        if head.kind == TO_GROUP:
            if head.sender == self._sender:
                self._own.group_arrived(head.target, head.number)
            if is_late:
                self._expire(self.membership.members(head.target), payload)
            else:
                self.deliver_to_group(head.target, payload, head.is_muted)
        elif head.kind == TO_CHANNEL:
            self._take_for_channel(head, payload, is_late)
        else:
            self._obey(head)

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

    def _obey(self, head: Head) -> None:
        """Do what another node asks for."""
        if head.kind == FLUSH:
            self.forget()
            if head.sender == self._sender and head.number in self._flushes:
                self._flushes.pop(head.number).set_result(None)
            return
        group, _, channel = head.target.partition(" ")
        if head.kind == JOIN:
            self.join(group, channel)
        elif head.kind == LEAVE:
            self.leave(group, channel)

    def _expire(self, channels: Sequence[str], payload: bytes) -> None:
        if (decoded := self._decode(payload)) is not None:
            for channel in channels:
                drops.report(None, channel, decoded.message, "expired")

    # --- forgetting all

    async def _flush_server(self, link: Link) -> None:
        keys = self.options.keys
        cursor, nodes = b"0", keys.node_prefix.encode()
        while True:
            cursor, found = await link.call(
                "SCAN", cursor, "MATCH", f"{_literal(keys.prefix)}:*", "COUNT", 1000
            )
            if kept := [key for key in found if not key.startswith(nodes)]:
                await asyncio.gather(*(link.call("UNLINK", key) for key in kept))
            for key in found:
                if key.startswith(nodes):
                    await self._flush_node(link, key)
            if cursor == b"0":
                return

    async def _flush_node(self, link: Link, key: bytes) -> None:
        head = self._head(FLUSH, "")
        number = self._sequence
        done: asyncio.Future[None] = self.loop.create_future()
        if key == self.post.key.encode() and self.post.ready.done():
            self._flushes[number] = done
        await link.call("XADD", key, "NOMKSTREAM", "*", head, b"")
        if number in self._flushes:
            # What comes after it is not forgotten: whoever goes on here may join again.
            await asyncio.wait([done], timeout=self.options.timeout_s)


def _nothing(answer: Any) -> None:
    """Pass over an answer."""


def _literal(prefix: str) -> str:
    """Return a pattern of the server's that matches `prefix` as it is."""
    return "".join(f"\\{letter}" if letter in "\\*?[]^-" else letter for letter in prefix)
