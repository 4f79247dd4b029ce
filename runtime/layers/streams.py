"""A node whose messages travel in streams: each node reads one.

Owns what is written where, the lease, and the answer to a server that came back empty. A
group is a set of nodes; a message to it is appended once to the stream of each. There is no
short cut within the process: the server's order is the order for all.

Made by `RedisChannelLayer`, one for each event loop.

Source: DESIGN decision 6, docs/decisions/0014-node-streams.md
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final

from runtime.layers.connection import Link
from runtime.layers.entries import FLUSH, JOIN, LEAVE, QUESTION, TO_KEPT, Author, Head, read_head
from runtime.layers.history import Position
from runtime.layers.history_scripts import KEEP_AND_APPEND, KEEP_AND_TELL
from runtime.layers.kept import KeptEntry
from runtime.layers.linked import BEATS, BEATS_AFTER_LOSS
from runtime.layers.node import NodeOptions
from runtime.layers.post import Post
from runtime.layers.questions import LONGEST_WAIT_S
from runtime.layers.scanning import literal, scan
from runtime.layers.scripts import GROUP_SEND, REMOTE_JOIN
from runtime.layers.sequences import Sequences
from runtime.layers.served import ServedNode, nothing
from runtime.tasks import spawn
from runtime.typing import Message

GOODBYE_S: Final = 1.0
"""How long the end waits for a server to forget this node; its lease ends in any case."""


class StreamNode(ServedNode):
    """A node with one stream.

    Where all keys are on one server, a message to a group is one step there, and all members
    see one order. On several, each node's stream is on one of them: the sender asks for the
    nodes and appends to each, so that order holds between each sender and each receiver.
    """

    def __init__(self, options: NodeOptions, heir_of: StreamNode | None = None) -> None:
        super().__init__(options, heir_of)
        self._has_waited = False
        self._is_heir = heir_of is not None
        self._greeted: set[Link] = set()
        self._announced_at = self.loop.time()
        self._announcements_left = 0
        self.post = self._make_post()
        # Where ways lead over several servers, what has a history is put in its order here.
        self._sequences: Sequences[KeptEntry] = Sequences()
        self._filling: set[str] = set()
        if heir_of is not None:
            self._sequences = heir_of._sequences
            self.post.follow(heir_of.post)

    async def open(self) -> None:
        """Return when this node's stream is there, or when that has taken too long."""
        if self.post.ready.done():
            return
        if not self.post.is_wanted:
            self.post.hold()
            self._beat_later()
        if not self._has_waited:
            await asyncio.wait([self.post.ready], timeout=self.options.timeout_s)
            self._has_waited = True  # once: an outage must not hold up each that comes

    async def group_send(
        self, group: str, message: Message, payload: bytes, author: Author | None = None
    ) -> None:
        """Append to the stream of each node in the group, in one step."""
        if self.kept.retention_of(group) is None:
            named = await self._append_to_group(group, payload, author)
        else:
            position, named = await self._keep(group, payload, author)
            if named and position:
                payload = self.kept.with_position(payload, position.decode())
        for name in named:
            if not await self._send_named(name.decode(), payload, author):
                self._report(name.decode(), payload, "capacity")

    async def flush(self) -> None:
        """Delete what is kept, and tell each node to forget the rest."""
        self.forget()
        keys = self.options.keys
        for link in await self.servers.find_all():
            found = await scan(link, f"{literal(keys.prefix)}:*")
            nodes = keys.node_prefix.encode()
            gone = [link.call("UNLINK", key) for key in found if not key.startswith(nodes)]
            await asyncio.gather(*gone)
            for node in await self._nodes_on(link):
                await self._flush_node(node)

    async def close(self) -> None:
        """Leave all groups, delete the stream, and let go of the servers."""
        for group in self.membership.groups():
            self._withdraw(group)
        if self.post.ready.done() and self.servers.link_for(self.post.key).is_up:
            gone = self.servers.call(self.post.key, "UNLINK", self.post.key)
            await asyncio.wait([gone], timeout=GOODBYE_S)
            if gone.done():
                gone.exception()  # an outage; the lease ends by itself
        await self.rest()

    async def rest(self) -> None:
        """Let go of the servers."""
        await self.post.close()
        await super().rest()

    def drop_sockets(self) -> None:
        """Forget the sockets."""
        super().drop_sockets()
        self.post.reader.drop_socket()

    # --- introspection

    async def groups(self) -> list[str]:
        """Return the groups that nodes which live, or named channels, are in."""
        members = {group: await self._members(group) for group in await self._known_groups()}
        everybody = {one for all_of in members.values() for one in all_of}
        named = {one for one in everybody if one.startswith("=")}
        alive = named | await self.rosters.alive(everybody - named)
        return [group for group, all_of in members.items() if alive.intersection(all_of)]

    async def group_channels(self, group: str) -> list[str]:
        """Return the channels in `group`, of all nodes."""
        members = await self._members(group)
        nodes = [one for one in members if not one.startswith("=")]
        answers = await self._ask(nodes, f"members {group}")
        named = [one[1:] for one in members if one.startswith("=")]
        return [*named, *(channel for answer in answers for channel in answer)]

    async def local_depths(self) -> list[dict[str, int]]:
        """Return what waits on channels in all processes, one dict for each node."""
        nodes: list[str] = []
        for link in await self.servers.find_all():
            nodes += await self._nodes_on(link)
        return await self._ask(nodes, "depths")

    async def _nodes_on(self, link: Link) -> list[str]:
        """Return the nodes whose streams are on a server; a lease of pub/sub's is no stream."""
        prefix = self.options.keys.node_prefix
        found = await scan(link, f"{literal(prefix)}*", "stream")
        return [key.decode().removeprefix(prefix) for key in found]

    async def _ask(self, nodes: Sequence[str], question: str) -> list[Any]:
        await self.open()
        head, number = self._head(QUESTION, question), self._sequence
        self._questions.begin(number)
        asked = await asyncio.gather(*(self._append(node, head, b"") for node in nodes))
        return await self._questions.gather(number, sum(map(bool, asked)), LONGEST_WAIT_S)

    async def _known_groups(self) -> list[str]:
        prefix = self.options.keys.group("")
        found: list[bytes] = []
        for link in await self.servers.find_all():
            found += await scan(link, f"{literal(prefix)}*")
        return [key.decode().removeprefix(prefix) for key in found]

    async def _members(self, group: str) -> list[str]:
        key = self.options.keys.group(group)
        return sorted(one.decode() for one in await self.servers.call(key, "SMEMBERS", key))

    # --- the lease

    def _make_post(self) -> Post:
        key = self.options.keys.node(self.id)
        return Post(
            key,
            self.servers,
            self._make_reader(self.servers.place_for(key)),
            self.options.lease_s,
            self._take_entry,
            self._server_lost_all,
            on_pause=self._own.lose_all,
        )

    def _take_entry(self, post: Post, written_ms: int, raw_head: bytes, payload: bytes) -> None:
        head = read_head(raw_head)
        # What took its place in a history before it was sent on may have been overtaken by any
        # number of others; whether it has come before is told by its position.
        is_placed = head.kind == TO_KEPT and not self.servers.is_one
        if post.seen.is_new(head) or is_placed:
            is_late = post.now_ms - written_ms > self.options.expiry_s * 1000
            self._take(head, payload, is_late=is_late)
        elif post.seen.is_forgotten(head):
            self._tell_left_out(head)

    async def _greet(self, link: Link) -> None:
        """Hold the stream before anything else is sent, and say anew what a server has lost."""
        self.unread.forget()
        # Or may have: it is another's stream that would tell. What it never had, it cannot lose.
        has_lost = link in self._greeted or self._is_heir
        self._greeted.add(link)
        if self.post.is_wanted and self.servers.link_for(self.post.key) is link:
            has_lost = self.post.held(await link.ask_first(*self.post.hold_command()))
        if has_lost:
            self._lose_all()
            for group in self.membership.groups():
                key = self.options.keys.group(group)
                if self.servers.link_for(key) is link:
                    link.tell_first(nothing, "SADD", key, self.id)
                    link.tell_first(nothing, "PEXPIRE", key, self._group_ms)

    # --- groups with history

    def _take_for_group(
        self, head: Head, group: str, position: str, payload: bytes, is_late: bool
    ) -> None:
        where = Position.parse(position)
        if where is None or is_late or self.servers.is_one:
            super()._take_for_group(head, group, position, payload, is_late)
        else:
            arrived = KeptEntry(where, head, payload)
            self._let_through(group, self._sequences.arrived(group, where, arrived))

    def _expect(self, group: str, last: Position) -> None:
        self._let_through(group, self._sequences.expect(group, last))

    def _let_through(self, group: str, entries: Sequence[KeptEntry]) -> None:
        for position, head, payload in entries:
            super()._take_for_group(head, group, str(position), payload, False)
        if self._sequences.is_waiting(group) and group not in self._filling:
            self._filling.add(group)
            filling = spawn(self._fill(group), name="fill a gap", on_error=nothing)
            filling.add_done_callback(lambda done: self._filling.discard(group))

    async def _fill(self, group: str) -> None:
        """Fetch what was overtaken on its way, until nothing waits for it."""
        while self._sequences.is_waiting(group):
            last = self._sequences.last_of(group)
            for entry in (await self.kept.read(group, last)).entries:
                self._let_through(group, self._sequences.arrived(group, entry.position, entry))
            if self._sequences.last_of(group) == last:  # it is not kept any more
                self._let_through(group, self._sequences.skip(group))

    def _server_lost_all(self, post: Post) -> None:
        self._lose_all()
        for group in self.membership.groups():
            self._announce_quietly(group)

    def _beat_once(self) -> None:
        self.post.hold()
        self.unread.look_in_passing()
        self.options.on_beat()
        is_due = self.loop.time() - self._announced_at > self.options.group_expiry_s / BEATS
        if is_due or self._announcements_left:
            self._announced_at = self.loop.time()
            self._announcements_left = max(0, self._announcements_left - 1)
            for group in self.membership.groups():
                self._announce_quietly(group)
        self._beat_later()

    def _lose_all(self) -> None:
        self._own.lose_all()
        self.options.on_loss()
        self._announcements_left = BEATS_AFTER_LOSS

    # --- what others must know

    def _announce(self, group: str) -> asyncio.Future[Any]:
        key = self.options.keys.group(group)
        if not self.servers.is_one and self.kept.retention_of(group) is not None:
            self._sequences.begin(group)
            # Behind this question comes the announcement: what is kept after it, comes here.
            self.kept.ask_position(group, lambda last: self._expect(group, last))
        announced = self.servers.call(key, "SADD", key, self.id)
        self.servers.tell(key, nothing, "PEXPIRE", key, self._group_ms)
        return announced

    def _announce_quietly(self, group: str) -> None:
        key = self.options.keys.group(group)
        self.servers.tell(key, nothing, "SADD", key, self.id)
        self.servers.tell(key, nothing, "PEXPIRE", key, self._group_ms)

    def _withdraw(self, group: str) -> None:
        self._sequences.forget(group)
        key = self.options.keys.group(group)
        self.servers.tell(key, nothing, "SREM", key, self.id)

    async def _add_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        key = self.options.keys.group(group)
        if owner is None:
            await self.servers.call(key, "SADD", key, f"={channel}")
            self.servers.tell(key, nothing, "PEXPIRE", key, self._group_ms)
            return
        head = self._head(JOIN, f"{group} {channel}")
        if self.servers.is_one:
            keys = [key, self.options.keys.node(owner)]
            limits = (self.options.stream_length, head, owner, self._group_ms)
            await self.servers.call(key, *REMOTE_JOIN.command(keys, *limits))
        elif await self._append(owner, head, b""):
            await self.servers.call(key, "SADD", key, owner)
            self.servers.tell(key, nothing, "PEXPIRE", key, self._group_ms)

    async def _discard_elsewhere(self, group: str, channel: str, owner: str | None) -> None:
        if owner is None:
            key = self.options.keys.group(group)
            await self.servers.call(key, "SREM", key, f"={channel}")
        else:
            await self._append(owner, self._head(LEAVE, f"{group} {channel}"), b"")

    # --- sending

    def _append(self, owner: str, head: str, payload: bytes) -> Awaitable[Any]:
        key = self.options.keys.node(owner)
        if owner == self.id:
            self._read_behind()
        limit = ("NOMKSTREAM", "MAXLEN", "~", self.options.stream_length)
        return self.servers.call(key, "XADD", key, *limit, "*", head, payload)

    def _read_behind(self) -> None:
        """Read the own stream behind what is sent next, if the same connection leads there."""
        if self.servers.is_one:
            self.post.expect(self.servers.links[0])

    async def _append_to_group(
        self, group: str, payload: bytes, author: Author | None
    ) -> Sequence[bytes]:
        """Append to the streams of a group's nodes; returns the named channels in the group."""
        if not self.servers.is_one:
            return await self._append_to_each(group, payload, author)
        keys = self.options.keys
        key, head = keys.group(group), self._group_head(group, author)
        length = self.options.stream_length
        if group in self.membership:
            self._read_behind()
        command = GROUP_SEND.command([key], keys.node_prefix, length, head, payload)
        named: list[bytes] = await self.servers.call(key, *command)
        return named

    async def _append_to_each(
        self, group: str, payload: bytes, author: Author | None
    ) -> Sequence[bytes]:
        """Do so where no script may touch all the streams: ask for the nodes, then append."""
        key = self.options.keys.group(group)
        members: list[bytes] = await self.servers.call(key, "SMEMBERS", key)
        head = self._group_head(group, author)
        await self._append_to_members(group, members, head, payload)
        return _named_of(members)

    async def _keep(
        self, group: str, payload: bytes, author: Author | None
    ) -> tuple[bytes, Sequence[bytes]]:
        """Do so for a group with history; returns the message's position too."""
        keys = self.options.keys
        key, head = keys.group(group), self._group_head(group, author, TO_KEPT)
        if self.servers.is_one:
            limits = (keys.node_prefix, self.options.stream_length)
            if group in self.membership:
                self._read_behind()
            command = self.kept.keeping(KEEP_AND_APPEND, group, head, payload, *limits)
            position, named = await self.servers.call(key, *command)
            return position, named
        command = self.kept.keeping(KEEP_AND_TELL, group, head, payload)
        position, members = await self.servers.call(key, *command)
        if position:  # else it was sent twice, and is too old by now
            await self._append_to_members(group, members, f"{head} {position.decode()}", payload)
        return position, _named_of(members)

    async def _append_to_members(
        self, group: str, members: Sequence[bytes], head: str, payload: bytes
    ) -> None:
        key = self.options.keys.group(group)
        nodes = [one.decode() for one in members if not one.startswith(b"=")]
        appended = await asyncio.gather(*(self._append(node, head, payload) for node in nodes))
        for node, entry_id in zip(nodes, appended, strict=True):
            if entry_id is None:
                self.servers.tell(key, nothing, "SREM", key, node)

    async def _flush_node(self, node: str) -> None:
        head, number = self._head(FLUSH, ""), self._sequence
        sending = self._append(node, head, b"")
        if node == self.id and self.post.ready.done():
            await self._forget_when_read(number, sending)
        else:
            await sending


def _named_of(members: Sequence[bytes]) -> list[bytes]:
    """Return the named channels among the members of a group."""
    return [one[1:] for one in members if one.startswith(b"=")]
