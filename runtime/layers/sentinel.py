"""A master that Sentinels know: asked for each time that a connection is opened.

Owns the question to the Sentinels, one after another. That the server which they name is the
master by now, the greeting of the connection checks. redis-py's client for Sentinels is not
used: it swallows a cancellation while it connects.

Used by the nodes of the Redis layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from runtime.exceptions import ServerRefusal
from runtime.layers.addresses import Address, Host, Sentinels
from runtime.layers.connection import Link
from runtime.layers.dialing import Place

ASK_S: Final = 2.0
"""How long one Sentinel may take before the next is asked."""


@dataclass(frozen=True, slots=True)
class Master:
    """The server that the Sentinels call the master, whichever it is."""

    known_to: Sentinels

    def __str__(self) -> str:
        return f"master {self.known_to.name!r} of the Sentinels"

    async def find(self) -> Address:
        """Return where it is now.

        Raises:
            ConnectionError: no Sentinel says.
        """
        failures = []
        for sentinel in self.known_to.sentinels:
            try:
                answer = await _ask(sentinel, self.known_to.name)
            except (OSError, ServerRefusal) as error:
                failures.append(f"{sentinel}: {error}")
                continue
            if answer is not None:
                host, port = answer
                return self.known_to.template.at(host.decode(), int(port))
            failures.append(f"{sentinel}: it does not know this name")
        raise ConnectionError(f"no Sentinel knows the master: {'; '.join(failures)}")


def place_of(host: Host) -> Place:
    """Return where to find a server of the option `hosts`."""
    return Master(host) if isinstance(host, Sentinels) else host


async def _ask(sentinel: Address, name: str) -> Any:
    link = Link(sentinel, timeout_s=ASK_S, is_plain=True)
    try:
        return await link.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
    finally:
        await link.close()
