"""Who serves which slots of a Redis Cluster, as its servers tell.

Owns the map of slots and its renewal, and the place that is asked for anew each time. Used by
`runtime.layers.cluster` and the connections that it makes.

Source: Redis Cluster specification
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from runtime.exceptions import ServerRefusal
from runtime.layers.addresses import Address, Cluster
from runtime.layers.connection import Link
from runtime.tasks import cancel_and_wait, spawn

ASK_S: Final = 2.0
"""How long one server may take to say who serves which slots, before another is asked."""


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
            self._asking = spawn(self._refresh(), name="cluster slots", on_error=_nothing)
        await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            await cancel_and_wait(self._asking)

    async def _refresh(self) -> None:
        failure: Exception = ConnectionError("no server of the Cluster is known")
        for address in dict.fromkeys([*self._masters, *self._known]):
            try:
                self._take(await _ask_slots(address), address)
                return
            except (OSError, ServerRefusal) as error:
                failure = error
        raise ConnectionError(f"no server of the Cluster says who serves what: {failure}")

    def _take(self, told: Sequence[Sequence[Any]], asked: Address) -> None:
        # A server that is told no name of its own, or keeps it, means the one that was asked.
        ranges = sorted(
            (first, (master[0] or b"").decode() or asked.host, master[1])
            for first, _, master, *_ in told
        )
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


async def _ask_slots(address: Address) -> Sequence[Sequence[Any]]:
    link = Link(address, timeout_s=ASK_S)
    try:
        told: Sequence[Sequence[Any]] = await link.call("CLUSTER", "SLOTS")
        return told
    finally:
        await link.close()


def _nothing(error: BaseException) -> None:
    """Pass over an error that whoever waits has too."""
