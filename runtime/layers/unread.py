"""Messages of named channels that nobody takes: found when they have expired, and reported once.

Owns the note of where this node has sent to, and when to look there. A named channel is on the
server and on no process, so what expires there has to be looked for. All nodes of a layer share a
list of the channels on which something may expire, by when to look; whoever looks takes
a channel for a while, and what has expired off it. So a process that dies leaves the
looking to the others.

A message costs its sender a look into a dict. Nodes ask for the list when they speak to the
server anyway, and those that have sent when the time of what they sent has come.

Made by the nodes of the layers on Redis, on their loop.

Source: docs/decisions/0031-what-expires-unread.md
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from runtime.exceptions import LayerUnavailable
from runtime.layers.keys import Keys
from runtime.layers.scripts import NAMED_SWEEP, UNREAD_DONE, UNREAD_DUE, UNREAD_NOTE
from runtime.layers.shards import Shards
from runtime.throttle import ThrottledWarnings

warnings = ThrottledWarnings(logging.getLogger("runtime.layers.unread"))

MOST_NOTED: Final = 10_000
"""Channels that a node remembers to have told of; of one beyond it tells again."""

MOST_AT_ONCE: Final = 100
"""Channels that one look takes."""

LOOKS: Final = 4
"""How often a node that has others to speak for looks within a lease, at most."""

CLAIMS: Final = 6
"""Which part of a lease a channel is left to whoever looks there."""

LATE_S: Final = 0.01
"""How much later than the server says: its clock counts whole milliseconds."""


class Unread:
    """What may expire unread, as one node knows it.

    Args:
        node_id: whose last look at a channel the server remembers.
        expiry_s: after which a message has expired.
        lease_s: how much longer the server keeps it, and so the time that there is to look.
        report: given each message that has expired: its channel, its head and its payload.
    """

    def __init__(
        self,
        node_id: str,
        servers: Shards,
        keys: Keys,
        *,
        expiry_s: float,
        lease_s: float,
        report: Callable[[str, bytes, bytes], None],
    ) -> None:
        self._node_id = node_id
        self._servers = servers
        self._keys = keys
        self._report = report
        self._expiry_s = expiry_s
        self._expiry_ms = int(expiry_s * 1000)
        self._keep_ms = int((2 * expiry_s + lease_s) * 1000)
        # Shorter than an expiry, so that who sends meanwhile is known by a later time.
        self._claim_s = min(lease_s / CLAIMS, expiry_s / 2)
        self._every_s = lease_s / LOOKS
        self._loop = asyncio.get_running_loop()
        self._noted: dict[str, float] = {}
        self._ends_at = 0.0
        self._look_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        # Of no other look, also where a node goes on with the id of another one.
        self._tickets = map(f"{secrets.token_hex(6)}.{{}}".format, itertools.count())

    def __repr__(self) -> str:
        return f"<Unread noted={len(self._noted)} is_waiting={self._timer is not None}>"

    @property
    def silent_ms(self) -> int:
        """After how many ms what somebody took, and said nothing of, is nobody's."""
        return int(self._every_s * 1000)

    def sent(self, channel: str) -> None:
        """Take note of a message that a named channel has, if there is no note of it."""
        # Half of the time: what is sent under a note is there before somebody looks for it.
        if self._noted.get(channel, 0.0) <= self._loop.time():
            self._note(channel)

    def look_in_passing(self) -> None:
        """Look for what others have left, if that was not done lately."""
        if self._look_at <= self._loop.time():
            self._look()

    def forget(self) -> None:
        """Forget what was noted: the server may have lost it."""
        self._noted.clear()

    def adopt(self, other: Unread) -> None:
        """Look for what another node has sent, which rests or has ended."""
        self._ends_at = other._ends_at
        self._come_back(self._expiry_s)

    def close(self) -> None:
        """Look no more; others do."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note(self, channel: str) -> None:
        now = self._loop.time()
        self._noted.pop(channel, None)
        self._noted[channel] = now + self._expiry_s / 2
        if len(self._noted) > MOST_NOTED:
            del self._noted[next(iter(self._noted))]
        self._ends_at = now + self._keep_ms / 1000
        note = UNREAD_NOTE.command([self._keys.unread], channel, self._expiry_ms, self._keep_ms)
        self._servers.tell(self._keys.unread, partial(self._warn_of, None), *note)
        self._look_within(self._expiry_s)

    def _look_within(self, delay_s: float) -> None:
        at = self._loop.time() + delay_s + LATE_S
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self.close()
        self._look_at = self._loop.time() + self._every_s
        ask = UNREAD_DUE.command([self._keys.unread], int(self._claim_s * 1000), MOST_AT_ONCE)
        self._servers.tell(self._keys.unread, self._told, *ask)

    def _told(self, answer: Any) -> None:
        """Sweep the channels that are due, and come back for those that will be."""
        if isinstance(answer, Exception):
            self._warn_of(None, answer)
            self._come_back(self._claim_s)
            return
        due, until_ms, next_ms = answer
        for channel in due:
            self._sweep(channel.decode(), until_ms)
        if len(due) == MOST_AT_ONCE:
            self._look_within(0)
        elif next_ms >= 0:
            self._come_back(max(next_ms / 1000, self._claim_s))

    def _come_back(self, delay_s: float) -> None:
        """Look again as long as something that this node has sent may be there."""
        if self._loop.time() < self._ends_at:
            self._look_within(delay_s)

    def _sweep(self, channel: str, until_ms: bytes) -> None:
        keys = [self._keys.channel(channel), self._keys.swept(channel, self._node_id)]
        limits = (next(self._tickets), self._expiry_ms, self.silent_ms, self._keep_ms)
        swept = partial(self._swept, channel, until_ms)
        self._servers.tell(keys[0], swept, *NAMED_SWEEP.command(keys, *limits))

    def _swept(self, channel: str, until_ms: bytes, answer: Any) -> None:
        if isinstance(answer, Exception):
            self._warn_of(channel, answer)  # when its time is over, somebody looks again
            return
        expired, next_ms = answer
        for head, payload in zip(expired[::2], expired[1::2], strict=True):
            self._report(channel, head, payload)
        done = UNREAD_DONE.command([self._keys.unread], channel, until_ms, next_ms)
        self._servers.tell(self._keys.unread, partial(self._warn_of, channel), *done)
        if next_ms >= 0:
            self._look_within(next_ms / 1000)

    def _warn_of(self, channel: str | None, answer: Any) -> None:
        # A server that is away has been told of by its connection.
        if isinstance(answer, Exception) and not isinstance(answer, LayerUnavailable):
            about = "named channels" if channel is None else repr(channel)
            warnings.warn("look", "What expires on %s could not be found: %s", about, answer)
