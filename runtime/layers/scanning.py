"""What servers hold, found by looking at all their keys.

Owns the search and the counting of what waits there. For people and their tools, and for the
flush: an answer costs what the server holds. Called by the nodes of the Redis layers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from runtime.exceptions import ServerRefusal
from runtime.layers.connection import Link
from runtime.layers.job_scripts import WORKERS
from runtime.layers.named import CONSUMERS


async def scan(link: Link, pattern: str, kind: str = "") -> list[bytes]:
    """Return the keys of one server that match `pattern`.

    Args:
        kind: the type that they are of; any, if it is empty.
    """
    cursor, keys = b"0", set()
    only = ("TYPE", kind) if kind else ()
    while True:
        cursor, found = await link.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000, *only)
        keys.update(found)
        if cursor == b"0":
            return sorted(keys)


def literal(prefix: str) -> str:
    """Return a pattern of the server's that matches `prefix` as it is."""
    return "".join(f"\\{letter}" if letter in "\\*?[]^-" else letter for letter in prefix)


async def waiting_on_server(links: Iterable[Link], prefix: str) -> dict[str, int]:
    """Return {channel: messages, or jobs, that wait}, for named channels on which some do."""
    depths: dict[str, int] = {}
    for link in links:
        for kind, depth_of in (("channel", _messages_on), ("jobs", _jobs_on)):
            for key in await scan(link, f"{literal(prefix)}:{kind}:{{*}}"):
                if depth := await depth_of(link, key):
                    depths[key.partition(b"{")[2][:-1].decode()] = depth
    return depths


async def _messages_on(link: Link, key: bytes) -> int:
    """Return how many messages of a named channel nobody has taken."""
    length: int = await link.call("XLEN", key)
    try:
        pending: list[Any] = await link.call("XPENDING", key, CONSUMERS)
    except ServerRefusal:  # nobody has ever received from it
        return length
    return max(0, length - int(pending[0]))


async def _jobs_on(link: Link, key: bytes) -> int:
    """Return how many jobs of an acknowledged channel wait for a worker, or for their time."""
    asked = (
        link.call("XLEN", key),
        link.call("XPENDING", key, WORKERS),
        link.call("ZCARD", key + b":dead"),
    )
    length, pending, dead = await asyncio.gather(*asked)
    return max(0, int(length) - int(pending[0]) - int(dead))
