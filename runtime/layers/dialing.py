"""Opening a socket to a server, wherever it is at this moment.

Owns the way from a place to a connected socket: names, families.
The socket is plain and ours: whoever has forked can close it without its event loop.
Used by `runtime.layers.connection`.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from runtime.layers.addresses import Address


class Moving(Protocol):
    """A server that is not always the same."""

    async def find(self) -> Address:
        """Return where it is now; raises OSError if nobody knows."""


Place: TypeAlias = Address | Moving
"""Where one server is: fixed, or to be asked for each time."""


async def dial(place: Place) -> tuple[socket.socket, Address]:
    """Return a connected socket and the address that it leads to.

    Raises:
        OSError: the server cannot be reached, or nobody knows where it is.
    """
    address = place if isinstance(place, Address) else await place.find()
    if address.path:
        return await _connect(socket.AF_UNIX, address.path), address
    found = await _look_up(address)
    failure: OSError = ConnectionError(f"{address.host!r} has no IP address")
    for family, _, _, _, where in found:
        try:
            return await _connect(family, where), address
        except OSError as error:
            failure = error
    raise failure


async def _look_up(address: Address) -> list[tuple[Any, ...]]:
    where: tuple[str, int] = address.host, address.port
    with suppress(socket.gaierror):  # a number needs no thread
        return socket.getaddrinfo(*where, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    try:
        loop = asyncio.get_running_loop()
        return [*await loop.getaddrinfo(*where, type=socket.SOCK_STREAM)]
    except RuntimeError as error:  # there are no threads for it any more
        raise ConnectionError(f"the process is about to end: {error}") from error


async def _connect(family: int, where: object) -> socket.socket:
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(connecting, where)  # type: ignore[arg-type]
    except BaseException:
        connecting.close()
        raise
    return connecting
