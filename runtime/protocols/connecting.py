"""Staying connected: when to try again, after each failure a little later.

Owns the delays. Jitter is handed in, so that a thousand clients of a server that was down do
not come back in one moment, and a test knows when. Used by the servers of all protocols.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

logger = logging.getLogger("runtime.protocols")

FIRST_S = 1.0
"""The delay before the second attempt, at most."""

MOST_S = 60.0
"""The longest delay."""


class Backoff:
    """The delays between attempts: each up to twice the one before, half of it by chance.

    Args:
        first_s: the first delay, at most.
        most_s: the longest one.
        jitter: returns a number from 0 to 1.
    """

    def __init__(
        self,
        first_s: float = FIRST_S,
        most_s: float = MOST_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.first_s = first_s
        self.most_s = most_s
        self._jitter = jitter
        self._failures = 0

    def succeed(self) -> None:
        """Begin anew: a connection stands."""
        self._failures = 0

    def next_s(self) -> float:
        """Return how long to wait after one more failure, in seconds."""
        longest = min(self.most_s, self.first_s * 2.0 ** min(self._failures, 60))
        self._failures += 1
        return longest / 2 + longest / 2 * self._jitter()


async def stay_connected(
    connect: Callable[[], Awaitable[None]],
    backoff: Backoff,
    *,
    to: str,
    lost: type[Exception] | tuple[type[Exception], ...],
) -> None:
    """Connect again whenever a connection is lost, until cancelled.

    Args:
        connect: connects, says `backoff.succeed()` when that has worked, and serves the
            connection to its end.
        to: what it connects to, for the log.
        lost: the errors by which a network ends; any other one is raised.
    """
    while True:
        try:
            await connect()
            failure = "the other side has closed it"
        except lost as error:
            failure = str(error) or type(error).__name__
        delay_s = backoff.next_s()
        logger.warning("No connection to %s: %s. Again in %.1f s.", to, failure, delay_s)
        await asyncio.sleep(delay_s)
