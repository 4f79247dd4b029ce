"""Which of the servers a key is on, and the connections to them.

Owns the one rule that sends a key to a server, for all that the Redis layers keep: nodes,
groups and named channels. Knows nothing of what is kept. Used by the nodes of the layers. A
Cluster has a rule of its own, in `runtime.layers.cluster`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from typing import Any
from zlib import crc32

from runtime.layers.connection import Answer, Argument, Link
from runtime.layers.dialing import Place


class Shards:
    """Independent servers, each with a share of the keys.

    Args:
        places: where they are, in the same order in all processes.
        make_link: makes the connection to one.

    Attributes:
        is_one: whether all keys are on one server, so that a script may touch any of them.
        links: the connections that there are by now.
    """

    def __init__(self, places: Sequence[Place], make_link: Callable[[Place], Link]) -> None:
        self.links = [make_link(place) for place in places]
        self.is_one = len(self.links) == 1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.links}>"

    @property
    def is_idle(self) -> bool:
        """Whether every command to any server has its answer."""
        return all(link.is_idle for link in self.links)

    def link_for(self, key: str) -> Link:
        """Return the connection to the server that has `key`."""
        links = self.links
        return links[0] if len(links) == 1 else links[crc32(key.encode()) % len(links)]

    def place_for(self, key: str) -> Place:
        """Return where the server is that has `key`, for a connection of one's own."""
        return self.link_for(key).place

    def read_together(self, key: str) -> Hashable:
        """Return what `key` has in common with those that one command may read with it."""
        return self.link_for(key)

    def call(self, key: str, *command: Argument) -> asyncio.Future[Any]:
        """Send a command to the server that has `key`; the future is its answer."""
        return self.link_for(key).call(*command)

    def tell(self, key: str, answer: Answer, *command: Argument) -> None:
        """Send a command to the server that has `key`, and call `answer` with what it says."""
        self.link_for(key).tell(answer, *command)

    async def find_anew(self) -> None:
        """Return when it is known who has which keys, which is never another server here."""

    def is_at_home(self, key: str, link: Link) -> bool:
        """Return whether a connection is to the server that has `key`."""
        return True

    async def find_all(self) -> Sequence[Link]:
        """Return the connections to all servers."""
        return self.links

    async def close(self) -> None:
        """Let go of all servers."""
        for link in self.links:
            await link.close()

    def drop_sockets(self) -> None:
        """Forget the sockets, after a fork."""
        for link in self.links:
            link.drop_socket()
