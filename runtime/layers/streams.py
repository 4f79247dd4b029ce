"""A node whose messages travel in streams: each node reads one stream, on each server.

Owns what is written where, the lease, and the answer to a server that came back empty. A
group is a set of nodes; a message to it is appended once to the stream of each. There is no
short cut within the process: the server's order is the order for all.

Made by `RedisChannelLayer`, one for each event loop.

Source: DESIGN decision 6, docs/decisions/0012-node-streams.md
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final, cast

from runtime.drops import drops
from runtime.exceptions import ChannelFull, LayerUnavailable
from runtime.layers.addresses import Place
from runtime.layers.connection import Link
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
from runtime.layers.shards import Shards
from runtime.taps import is_muted
from runtime.typing import Message

BEATS: Final = 3
"""How often a lease is renewed before it would end."""

LONGEST_WAIT_S: Final = 1.0
"""How long who leaves a group waits for what was sent to it before."""


class StreamNode(Node):
    """A node on one server, or on several that share the keys.

    It has a stream on each of them, so that a message to a group is one step on the group's.
    """

    def __init__(self, options: NodeOptions, heir_of: StreamNode | None = None) -> None:
        super().__init__(options, heir_of)
        self._sequence: int = 0 if heir_of is None else heir_of._sequence
        self._sender = self.id.encode()
        self._own = OwnTraffic()
        self._flushes: dict[int, asyncio.Future[None]] = {}
        self._opening: asyncio.Future[Any] | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._announced_at = self.loop.time()
        self._named: dict[Link, NamedChannels] = {}
        self.servers = self._connect()
        self.posts = self._make_posts()
        if heir_of is not None:
            for post, old in zip(self.posts, heir_of.posts, strict=True):
                post.last_id, post.seen = old.last_id, old.seen

    async def open(self) -> None:
        """Return when this node's streams are there, or when that has taken too long."""
        if self._opening is None:
            for post in self.posts:
                post.hold()
            self._opening = asyncio.gather(*(post.ready for post in self.posts))
            self._beat_later()
        if not self._opening.done():
            await asyncio.wait([self._opening], timeout=self.options.timeout_s)

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
        if self._opening is None or not self._opening.done():
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
        for link in self._all_links():
            await self._flush_server(link)

    async def close(self) -> None:
        """Leave all groups, delete the streams, and let go of the servers."""
        self._stop_beating()
        self._own.lose_all()
        for group in self.membership.groups():
            self._withdraw(group)
        leaving = [
            self.servers.call(post.key, "UNLINK", post.key)
            for post in self.posts
            if post.is_wanted and post.link.is_up
        ]
        if leaving:
            await asyncio.wait(leaving, timeout=1)
        for post in self.posts:
            await post.close()
        for named in self._named.values():
            await named.close()
        await self.servers.close()
        self.local.close()
        for future in leaving:
            future.exception()  # an outage; the leases end by themselves

    def drop_sockets(self) -> None:
        """Forget the sockets."""
        self.servers.drop_sockets()
        for post in self.posts:
            post.reader.drop_socket()
        for named in self._named.values():
            named.drop_socket()

    def _connect(self) -> Shards:
        places = cast("Sequence[Place]", self.options.hosts)
        return Shards(places, self._make_link)

    def _make_posts(self) -> list[Post]:
        return [self._make_post(link) for link in self.servers.links]

    def _make_post(self, link: Link) -> Post:
        return Post(
            self.options.keys.node(self.id),
            link,
            self._make_reader(link.place),
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
        for post in self.posts:
            if post.link is not link or not post.is_wanted:
                continue
            if post.held(await link.ask_first(*post.hold_command())):
                self._tell_memberships(link)

    def _changed(self, link: Link, error: Exception | None) -> None:
        if self.options.on_change is not None:
            self.options.on_change(self, error)

    def _server_lost_all(self, post: Post) -> None:
        self._own.lose_all()
        for group in self.membership.groups():
            if self.servers.link_for(self.options.keys.group(group)) is post.link:
                self._announce_quietly(group)

    def _tell_memberships(self, link: Link) -> None:
        self._own.lose_all()
        for group in self.membership.groups():
            key = self.options.keys.group(group)
            if self.servers.link_for(key) is link:
                link.tell_first(_nothing, "SADD", key, self.id)
                link.tell_first(_nothing, "PEXPIRE", key, self._group_ms)

    # --- the lease

    def _beat_later(self) -> None:
        self._beat = self.loop.call_later(self.options.lease_s / BEATS, self._beat_once)

    def _beat_once(self) -> None:
        for post in self.posts:
            post.hold()
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
        key = self.options.keys.group(group)
        if owner is None:
            await self.servers.call(key, "SREM", key, f"={channel}")
        else:
            await self._append(owner, self._head(LEAVE, f"{group} {channel}"), b"", beside=key)

    async def _join_remotely(self, group: str, owner: str, head: str) -> None:
        keys = [self.options.keys.group(group), self.options.keys.node(owner)]
        length, group_ms = self.options.stream_length, self._group_ms
        command = REMOTE_JOIN.command(keys, length, head, owner, group_ms)
        await self.servers.call(keys[0], *command)

    # --- sending

    def _head(self, kind: str, target: str) -> str:
        # Numbered in the moment in which it is handed to the connection, which keeps the order.
        self._sequence += 1
        return write_head(self.id, self._sequence, kind, is_muted(), target)

    def _append(
        self, owner: str, head: str, payload: bytes, *, beside: str | None = None
    ) -> Awaitable[Any]:
        """Append to a node's stream: to the one on the server that has the key `beside`."""
        key = self.options.keys.node(owner)
        limit = ("NOMKSTREAM", "MAXLEN", "~", self.options.stream_length)
        return self.servers.call(beside or key, "XADD", key, *limit, "*", head, payload)

    async def _append_to_group(self, group: str, payload: bytes) -> Sequence[bytes]:
        keys = self.options.keys
        key, head = keys.group(group), self._head(TO_GROUP, group)
        if group in self.membership:
            self._own.group_sent(group, self._sequence)
        length = self.options.stream_length
        command = GROUP_SEND.command([key], keys.node_prefix, length, head, payload)
        named: list[bytes] = await self.servers.call(key, *command)
        return named

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
        link = self.servers.link_for(self.options.keys.channel(channel))
        named = self._named.get(link)
        if named is None:
            named = self._named[link] = NamedChannels(
                self.id,
                link,
                self._make_reader(link.place),
                self.options.keys,
                self.local,
                block_s=self.options.lease_s / BEATS,
                keep_s=self._keep_s,
                take=lambda channel, written_ms, head, payload: self._take_named(
                    link, channel, written_ms, head, payload
                ),
            )
        return named

    def _take_named(
        self, link: Link, channel: str, written_ms: int, head: bytes, payload: bytes
    ) -> None:
        now_ms = self.loop.time() * 1000 + link.offset_ms
        silent = read_head(head).is_muted
        if now_ms - written_ms > self.options.expiry_s * 1000:
            self._expire([channel], payload)
        else:
            self.deliver_to_channel(channel, payload, silent)

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

    def _all_links(self) -> Sequence[Link]:
        return self.servers.links

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
        is_own = key == self.options.keys.node(self.id).encode()
        if is_own and any(post.link is link and post.ready.done() for post in self.posts):
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
