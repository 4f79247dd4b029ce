"""Which of several servers a key is on, and the connections to them.

Owns the one rule that sends a key to a server, for all that the Redis layers keep: nodes,
groups and named channels. Knows nothing of what is kept. Used by the nodes of the layers; a
Cluster has a rule of its own, in `runtime.layers.cluster`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

from runtime.layers.addresses import Place
from runtime.layers.connection import Answer, Argument, Link


class Shards:
    """Independent servers, each with a share of the keys.

    Args:
        places: where they are, in the same order in all processes.
        make_link: makes the connection to one.
    """

    def __init__(self, places: Sequence[Place], make_link: Callable[[Place], Link]) -> None:
        self.links = [make_link(place) for place in places]

    def __repr__(self) -> str:
        return f"<Shards {self.links}>"

    def link_for(self, key: str) -> Link:
        """Return the connection to the server that has `key`."""
        links = self.links
        return links[0] if len(links) == 1 else links[crc32(key.encode()) % len(links)]

    def call(self, key: str, *command: Argument) -> asyncio.Future[Any]:
        """Send a command to the server that has `key`; the future is its answer."""
        return self.link_for(key).call(*command)

    def tell(self, key: str, answer: Answer, *command: Argument) -> None:
        """Send a command to the server that has `key`, and call `answer` with what it says."""
        self.link_for(key).tell(answer, *command)

    async def close(self) -> None:
        """Let go of all servers."""
        for link in self.links:
            await link.close()

    def drop_sockets(self) -> None:
        """Forget the sockets, after a fork."""
        for link in self.links:
            link.drop_socket()
