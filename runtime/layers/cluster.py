"""The servers of a Redis Cluster: which of them has a key now, and the way there.

Owns the answers MOVED and ASK, and the order of the commands for one slot while it goes to
another server. A connection belongs to a share of the slots, not to a server: when another
server takes the share over, the connection finds the new one, and goes on with what was
unanswered. The map is `runtime.layers.slots`. Used by the nodes of the layers in the place of
`runtime.layers.shards`.

Source: Redis Cluster specification
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.crc import key_slot

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.addresses import Address, Cluster
from runtime.layers.connection import Answer, Argument, Link, answer_to
from runtime.layers.dialing import Place
from runtime.layers.shards import Shards
from runtime.layers.slots import MasterOf, SlotMap
from runtime.tasks import cancel_and_wait, spawn

AGAIN_S: Final = 0.2
"""After which the servers are asked again if none could tell."""

MOST_MOVES: Final = 8
"""How often one command is sent on before its last answer is believed."""


class _Command:
    """A command on its way to the server that has its key."""

    __slots__ = ("answer", "command", "link", "moves", "owner", "slot")

    link: Link

    def __init__(
        self, owner: ClusterShards, key: str, command: tuple[Argument, ...], answer: Answer
    ) -> None:
        self.owner = owner
        self.slot = key_slot(key.encode())
        self.command = command
        self.answer = answer
        self.moves = 0

    def answered(self, reply: Any) -> None:
        """Give the answer to who waits, or go where it says."""
        self.owner.came_back(self, reply)


class _Lane:
    """The commands for one slot.

    Attributes:
        under_way: how many are on each connection.
        held: those that wait until no other connection than theirs has one: they would come to
            the slot's new server before those that it is sent by the old one.
    """

    __slots__ = ("held", "under_way")

    def __init__(self) -> None:
        self.under_way: dict[Link, int] = {}
        self.held: list[_Command] = []

    def is_free_for(self, link: Link) -> bool:
        """Return whether no other connection has a command."""
        return not self.under_way or (len(self.under_way) == 1 and link in self.under_way)

    def enter(self, link: Link) -> None:
        """Take note of a command on a connection."""
        self.under_way[link] = self.under_way.get(link, 0) + 1

    def leave(self, link: Link) -> None:
        """Take note of its answer."""
        left = self.under_way[link] - 1
        if left:
            self.under_way[link] = left
        else:
            del self.under_way[link]


class ClusterShards(Shards):
    """The servers of a Cluster, by the slots that they have.

    Args:
        cluster: some of its servers.
        make_link: makes the connection to one.
        timeout_s: how long a command waits for the Cluster to be found.
    """

    def __init__(
        self, cluster: Cluster, make_link: Callable[[Place], Link], timeout_s: float
    ) -> None:
        super().__init__([], make_link)
        self.is_one = False
        self.slots = SlotMap(cluster)
        self._make_link = make_link
        self._timeout_s = timeout_s
        self._of_share: dict[int, Link] = {}
        self._aside: dict[Address, Link] = {}
        """Connections to servers that were named in an answer."""
        self._moved: dict[int, Address] = {}
        """Slots of which an answer knew more than the map."""
        self._strays: set[int] = set()
        """Shares whose connections are to a server that has them no more."""
        self._unrouted: list[_Command] = []
        self._lanes: dict[int, _Lane] = {}
        self._holding: set[int] = set()
        """The slots with commands that are held."""
        self._finding: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every command to any server has its answer."""
        return super().is_idle and not self._unrouted and not self._holding

    def link_for(self, key: str) -> Link:
        """Return the connection to the server that has `key`, as far as the map knows.

        Raises:
            LayerUnavailable: no server has told yet which that is.
        """
        if not self.slots.is_known:
            raise LayerUnavailable(str(self.slots), "it has not been reached yet")
        return self._link_of_share(self.slots.share_of(key_slot(key.encode())))

    def place_for(self, key: str) -> Place:
        """Return where the server is that has `key`, whichever it is then."""
        return MasterOf(self.slots, key_slot(key.encode()))

    def read_together(self, key: str) -> Hashable:
        """Return `key`: no other is sure to be on its server."""
        return key

    async def find_anew(self) -> None:
        """Ask who has which slots; if no server can tell, what was told before is believed."""
        with suppress(OSError):
            await self.slots.refresh()

    def is_at_home(self, key: str, link: Link) -> bool:
        """Return whether a connection is to the server that has `key` by the map."""
        return link.address == self.slots.master_of(key_slot(key.encode()))

    def call(self, key: str, *command: Argument) -> asyncio.Future[Any]:
        """Send a command to the server that has `key`; the future is its answer."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.tell(key, answer_to(future), *command)
        return future

    def tell(self, key: str, answer: Answer, *command: Argument) -> None:
        """Send a command to the server that has `key`, and call `answer` with what it says."""
        self._send(_Command(self, key, command, answer))

    def came_back(self, command: _Command, reply: Any) -> None:
        """Give the answer of a command to who waits, or send it to the server that it names."""
        lane = self._lanes[command.slot]
        lane.leave(command.link)
        is_elsewhere = type(reply) is ServerRefusal and reply.code in ("MOVED", "ASK")
        if is_elsewhere and command.moves < MOST_MOVES:
            command.moves += 1
            self._send_on(command, reply)
        else:
            command.answer(reply)
        if lane.held:
            self._send_held(command.slot, lane)

    async def find_all(self) -> Sequence[Link]:
        """Return the connections to all servers that have slots."""
        await self.slots.refresh()
        return [self._link_of_share(share) for share in self.slots.shares()]

    async def close(self) -> None:
        """Let go of all servers; what waits for the map, or for its turn, fails."""
        if self._finding is not None:
            await cancel_and_wait(self._finding)
        await self.slots.close()
        self._fail_waiting("the connection was closed")
        await super().close()

    def _send(self, command: _Command) -> None:
        if self._unrouted or not self.slots.is_known:
            # Also when the map has just come: those that waited for it go first. A receiver takes
            # a lower number than the last for one that it has seen.
            self._unrouted.append(command)
            self._find()
            return
        lane = self._lanes.get(command.slot)
        if lane is None:
            lane = self._lanes[command.slot] = _Lane()
        link = self._link_of_slot(command.slot)
        if lane.held or not lane.is_free_for(link):
            lane.held.append(command)
            self._holding.add(command.slot)
        else:
            self._put_on(link, command)

    def _send_on(self, command: _Command, refusal: ServerRefusal) -> None:
        _, slot, where = refusal.answer.split(" ", 2)
        host, _, port = where.rpartition(":")
        at = command.link.address  # an answer without a host means the same one
        address = self.slots.address(host or (at.host if at is not None else ""), int(port))
        link = self._link_to(address)
        if refusal.code == "ASK":
            link.tell(_ignore, "ASKING")
        else:
            self._moved[int(slot)] = address
            self._find()
        self._put_on(link, command)

    def _send_held(self, slot: int, lane: _Lane) -> None:
        link = self._link_of_slot(slot)
        if lane.is_free_for(link):
            held, lane.held = lane.held, []
            self._holding.discard(slot)
            for command in held:
                self._put_on(link, command)

    def _put_on(self, link: Link, command: _Command) -> None:
        command.link = link
        self._lanes[command.slot].enter(link)
        link.tell(command.answered, *command.command)

    def _find(self) -> None:
        if self._finding is None or self._finding.done():
            self._finding = spawn(self._refresh(), name="cluster", on_error=_ignore)

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._ask_until_told()
        except TimeoutError:
            self._fail_unrouted(f"no server has told who serves what, for {self._timeout_s:g} s")
            return
        self._moved.clear()
        self._find_strays()
        unrouted, self._unrouted = self._unrouted, []
        for command in unrouted:
            self._send(command)

    async def _ask_until_told(self) -> None:
        while True:
            try:
                return await self.slots.refresh()
            except OSError:
                await asyncio.sleep(AGAIN_S)

    def _find_strays(self) -> None:
        """Note what is connected to a server that has its share no more, and goes on."""
        of_share, master_of = self._of_share.items(), self.slots.master_of
        strays = [one for one, link in of_share if link.is_up and link.address != master_of(one)]
        self._strays = set(strays)

    def _fail_unrouted(self, reason: str) -> None:
        unrouted, self._unrouted = self._unrouted, []
        for command in unrouted:
            command.answer(LayerUnavailable(str(self.slots), reason))

    def _fail_waiting(self, reason: str) -> None:
        for slot in self._holding:
            lane = self._lanes[slot]
            self._unrouted += lane.held
            lane.held = []
        self._holding.clear()
        self._fail_unrouted(reason)

    def _link_of_slot(self, slot: int) -> Link:
        if (address := self._moved.get(slot)) is not None:
            return self._link_to(address)
        share = self.slots.share_of(slot)
        if share in self._strays and not self._has_come_home(share):
            return self._link_to(self.slots.master_of(share))
        return self._link_of_share(share)

    def _has_come_home(self, share: int) -> bool:
        """Let a stray open anew as soon as it has nothing under way; return whether it has."""
        link = self._of_share[share]
        if link.is_up and link.address != self.slots.master_of(share):
            if not link.is_idle:
                return False
            link.reopen(ConnectionError("its slots have moved"))
        self._strays.discard(share)
        return True

    def _link_of_share(self, share: int) -> Link:
        link = self._of_share.get(share)
        if link is None:
            link = self._of_share[share] = self._make_link(MasterOf(self.slots, share))
            self.links.append(link)
        return link

    def _link_to(self, address: Address) -> Link:
        for share, of_share in self._of_share.items():
            # One that is up may be to a server that has the share no more.
            at = of_share.address if of_share.is_up else self.slots.master_of(share)
            if at == address:
                return of_share
        link = self._aside.get(address)
        if link is None:
            link = self._aside[address] = self._make_link(address)
            self.links.append(link)
        return link


def _ignore(answer: Any) -> None:
    """Pass over an answer, or an error that whoever waits has too."""
