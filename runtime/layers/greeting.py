"""What a server is greeted with, and what it must say to that.

Owns the first command on a connection, the login in it, and the oldest version that serves.
Sends nothing itself. Called by `runtime.layers.connection`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from runtime.layers.addresses import Address

OLDEST_SERVER: Final = (6, 2)


async def write_hello(address: Address) -> tuple[str | int, ...]:
    """Return the command that greets the server at `address`, with the login to it."""
    if address.credentials is None:
        return ("HELLO", 2)
    login = await address.credentials.get_credentials_async()
    return ("HELLO", 2, "AUTH", *(login if len(login) == 2 else ("default", *login)))


def require_version(version: str) -> None:
    """Refuse a server that is too old.

    Raises:
        ConnectionError: it is.
    """
    with suppress(ValueError):  # a server that counts in another way is taken as it is
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
            needed = ".".join(map(str, OLDEST_SERVER))
            raise ConnectionError(
                f"it is version {version}, and {needed} is the oldest that serves"
            )
