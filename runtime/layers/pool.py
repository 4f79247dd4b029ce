"""Which node of a layer serves which event loop.

Owns the nodes of one layer: one for each loop that lives on, one on the background loop for
those that end with their call, the inheritance from a loop that has ended, the end of all, and
the child of a fork, which starts with none. Called by the layers on Redis, from any thread.

Source: docs/decisions/0016-one-node-a-loop.md
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from runtime.layers.background import background, is_temporary, run_on
from runtime.layers.keys import node_of
from runtime.layers.node import Node

N = TypeVar("N", bound=Node)
T = TypeVar("T")

_pools: weakref.WeakSet[NodePool[Any]] = weakref.WeakSet()

_inherited: list[Node] = []
"""Nodes of the parent process, in the child of a fork: kept, for nobody may close them."""


class NodePool(Generic[N]):
    """The nodes of one layer.

    Args:
        make: makes a node on the running loop; given one that rests, or whose loop has ended, its
            heir.
    """

    def __init__(self, make: Callable[[N | None], N]) -> None:
        self._make = make
        self._nodes: dict[asyncio.AbstractEventLoop, N] = {}
        self._resting: list[N] = []
        self._lock = threading.Lock()
        _pools.add(self)

    def __iter__(self) -> Any:
        return iter(list(self._nodes.values()))

    def here(self) -> N | None:
        """Return the running loop's node; None if the background loop's stands in for it."""
        loop = asyncio.get_running_loop()
        node = self._nodes.get(loop)
        if node is None and not is_temporary(loop):
            node = self._open(loop)
        return node

    def owner(self, channel: str) -> N | None:
        """Return the node of this process that a channel belongs to, if one is there."""
        node_id = node_of(channel)
        return next((node for node in self if node.id == node_id), None)

    async def run(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Await `work(node, *arguments)` on this loop, or on the background loop."""
        node = self.here()
        if node is not None:
            return await work(node, *arguments)
        return await background.run(self._run_here(work, *arguments))

    async def run_at_owner(
        self, channel: str, work: Callable[..., Awaitable[T]], *arguments: Any
    ) -> T:
        """Await `work(node, *arguments)` on the loop of the channel's node, if one is here."""
        node = self.owner(channel)
        if node is None or node.loop is asyncio.get_running_loop() or node.loop.is_closed():
            return await self.run(work, *arguments)
        return await run_on(node.loop, _awaited(work(node, *arguments)))

    async def close(self) -> None:
        """Close all nodes, each on its loop."""
        with self._lock:
            nodes, self._nodes, self._resting = self._nodes, {}, []
        for loop, node in nodes.items():
            await _run_at(loop, node, node.close)

    async def rest(self) -> None:
        """Let all nodes let go of their servers; those that come next go on with what they have."""
        with self._lock:
            nodes, self._nodes = self._nodes, {}
        for loop, node in nodes.items():
            await _run_at(loop, node, node.rest)
        with self._lock:
            self._resting += nodes.values()

    def abandon(self) -> None:
        """Close all nodes without waiting for it: their layer is gone."""
        nodes, self._nodes = self._nodes, {}
        for loop, node in nodes.items():
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(node.close(), loop)
            else:
                node.drop_sockets()

    def forget(self) -> None:
        """Start with none, in the child of a fork."""
        for node in self._nodes.values():
            node.drop_sockets()
            _inherited.append(node)
        self._nodes, self._resting = {}, []
        self._lock = threading.Lock()

    async def _run_here(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        node = self.here()
        assert node is not None  # the background loop is nobody's temporary one
        return await work(node, *arguments)

    def _open(self, loop: asyncio.AbstractEventLoop) -> N:
        with self._lock:
            ended = next((one for one in self._nodes if one.is_closed()), None)
            heir_of = self._nodes.pop(ended) if ended is not None else None
            if heir_of is not None:
                heir_of.drop_sockets()
            elif self._resting:
                heir_of = self._resting.pop()
            node = self._nodes[loop] = self._make(heir_of)
        return node


async def _run_at(
    loop: asyncio.AbstractEventLoop, node: Node, end: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Await the end of a node on its loop; one whose loop does not run can only be dropped."""
    if loop is asyncio.get_running_loop():
        await end()
    elif loop.is_running():
        await run_on(loop, end())
    else:
        node.drop_sockets()


async def _awaited(work: Awaitable[T]) -> T:
    return await work


def _forget_all() -> None:
    for pool in list(_pools):
        pool.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
