"""The servers of a Redis Cluster: which of them has a key now, and the way there.

Owns the map of slots, its renewal, and the answers MOVED and ASK. A connection belongs to a
share of the slots, not to a server: when another server takes the share over, the connection
is lost, finds the new one, and goes on with what was unanswered. Used by the nodes of the
layers in the place of `runtime.layers.shards`.

Source: Redis Cluster specification
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from redis.crc import key_slot

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.addresses import Address, Cluster
from runtime.layers.connection import Answer, Argument, Link, answer_to
from runtime.layers.dialing import Place
from runtime.layers.shards import Shards
from runtime.tasks import cancel_and_wait, spawn

ASK_S: Final = 2.0
"""How long one server may take to say who serves which slots, before another is asked."""

AGAIN_S: Final = 0.2
"""After which the servers are asked again if none could tell."""

MOST_MOVES: Final = 8
"""How often one command is sent on before its last answer is believed."""


class SlotMap:
    """Who serves which slots.

    Args:
        cluster: some of its servers.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._known = list(cluster.nodes)
        self._template = cluster.nodes[0]
        self._starts: list[int] = []
        self._masters: list[Address] = []
        self._asking: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<SlotMap {dict(zip(self._starts, self._masters, strict=True))}>"

    def __str__(self) -> str:
        return f"cluster of {', '.join(map(str, self._known))}"

    @property
    def is_known(self) -> bool:
        """Whether a server has told."""
        return bool(self._starts)

    def share_of(self, slot: int) -> int:
        """Return the first slot of the share that `slot` is in."""
        return self._starts[bisect_right(self._starts, slot) - 1]

    def shares(self) -> Sequence[int]:
        """Return the first slots of all shares."""
        return self._starts

    def master_of(self, slot: int) -> Address:
        """Return the server that has `slot`."""
        return self._masters[bisect_right(self._starts, slot) - 1]

    def address(self, host: str, port: int) -> Address:
        """Return the address of one of the servers."""
        return self._template.at(host, port)

    async def refresh(self) -> None:
        """Ask the servers anew; who asks at the same time gets the same answer.

        Raises:
            ConnectionError: no server could say.
        """
        if self._asking is None or self._asking.done():
            self._asking = spawn(self._refresh(), name="cluster slots", on_error=_ignore)
        await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            await cancel_and_wait(self._asking)

    async def _refresh(self) -> None:
        failure: Exception = ConnectionError("no server of the Cluster is known")
        for address in dict.fromkeys([*self._masters, *self._known]):
            try:
                self._take(await _ask_slots(address))
                return
            except (OSError, ServerRefusal) as error:
                failure = error
        raise ConnectionError(f"no server of the Cluster says who serves what: {failure}")

    def _take(self, told: Sequence[Sequence[Any]]) -> None:
        ranges = sorted((first, master[0].decode(), master[1]) for first, _, master, *_ in told)
        if not ranges or ranges[0][0] != 0:
            raise ConnectionError("not all slots are served")
        self._starts = [first for first, _, _ in ranges]
        self._masters = [self.address(host, port) for _, host, port in ranges]
        self._known = list(dict.fromkeys([*self._known, *self._masters]))


@dataclass(frozen=True, slots=True)
class MasterOf:
    """The server that has a slot, whichever it is when the connection is opened."""

    slots: SlotMap = field(repr=False)
    slot: int

    def __str__(self) -> str:
        return f"master of slot {self.slot}"

    async def find(self) -> Address:
        """Return where it is now."""
        await self.slots.refresh()
        return self.slots.master_of(self.slot)


class _Command:
    """A command on its way to the server that has its key."""

    __slots__ = ("answer", "command", "moves", "owner", "slot")

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
        if type(reply) is ServerRefusal and reply.code in ("MOVED", "ASK"):
            self.moves += 1
            if self.moves <= MOST_MOVES:
                self.owner.send_on(self, reply)
                return
        self.answer(reply)


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
        self._unrouted: list[_Command] = []
        self._finding: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every command to any server has its answer."""
        return super().is_idle and not self._unrouted

    def link_for(self, key: str) -> Link:
        """Return the connection to the server that has `key`.

        Raises:
            LayerUnavailable: no server has told yet which that is.
        """
        if not self.slots.is_known:
            raise LayerUnavailable(str(self.slots), "it has not been reached yet")
        return self._link_of_slot(key_slot(key.encode()))

    def place_for(self, key: str) -> Place:
        """Return where the server is that has `key`, whichever it is then."""
        return MasterOf(self.slots, key_slot(key.encode()))

    def read_together(self, key: str) -> Hashable:
        """Return `key`: no other is sure to be on its server."""
        return key

    def call(self, key: str, *command: Argument) -> asyncio.Future[Any]:
        """Send a command to the server that has `key`; the future is its answer."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.tell(key, answer_to(future), *command)
        return future

    def tell(self, key: str, answer: Answer, *command: Argument) -> None:
        """Send a command to the server that has `key`, and call `answer` with what it says."""
        self._send(_Command(self, key, command, answer))

    def send_on(self, command: _Command, refusal: ServerRefusal) -> None:
        """Send a command to the server that another one has named."""
        _, slot, where = refusal.answer.split(" ", 2)
        host, _, port = where.rpartition(":")
        address = self.slots.address(host or str(self._link_of_slot(command.slot).place), int(port))
        link = self._link_to(address)
        if refusal.code == "ASK":
            link.tell(_ignore, "ASKING")
        else:
            self._moved[int(slot)] = address
            self._find()
        link.tell(command.answered, *command.command)

    async def find_all(self) -> Sequence[Link]:
        """Return the connections to all servers that have slots."""
        await self.slots.refresh()
        return [self._link_of_slot(share) for share in self.slots.shares()]

    async def close(self) -> None:
        """Let go of all servers; what waits for the map fails."""
        if self._finding is not None:
            await cancel_and_wait(self._finding)
        await self.slots.close()
        self._fail_unrouted("the connection was closed")
        await super().close()

    def _send(self, command: _Command) -> None:
        if self._unrouted or not self.slots.is_known:
            # Also when the map has just come: those that waited for it go first. A receiver takes
            # a lower number than the last for one that it has seen.
            self._unrouted.append(command)
            self._find()
        else:
            self._link_of_slot(command.slot).tell(command.answered, *command.command)

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
        unrouted, self._unrouted = self._unrouted, []
        for command in unrouted:
            self._send(command)

    def _fail_unrouted(self, reason: str) -> None:
        unrouted, self._unrouted = self._unrouted, []
        for command in unrouted:
            command.answer(LayerUnavailable(str(self.slots), reason))

    async def _ask_until_told(self) -> None:
        while True:
            try:
                return await self.slots.refresh()
            except OSError:
                await asyncio.sleep(AGAIN_S)

    def _link_of_slot(self, slot: int) -> Link:
        if (address := self._moved.get(slot)) is not None:
            return self._link_to(address)
        share = self.slots.share_of(slot)
        link = self._of_share.get(share)
        if link is None:
            link = self._of_share[share] = self._make_link(MasterOf(self.slots, share))
            self.links.append(link)
        return link

    def _link_to(self, address: Address) -> Link:
        for share, of_share in self._of_share.items():
            if self.slots.master_of(share) == address:
                return of_share
        link = self._aside.get(address)
        if link is None:
            link = self._aside[address] = self._make_link(address)
            self.links.append(link)
        return link


async def _ask_slots(address: Address) -> Sequence[Sequence[Any]]:
    link = Link(address, timeout_s=ASK_S)
    try:
        told: Sequence[Sequence[Any]] = await link.call("CLUSTER", "SLOTS")
        return told
    finally:
        await link.close()


def _ignore(answer: Any) -> None:
    """Pass over an answer, or an error that whoever waits has too."""
