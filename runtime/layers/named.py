"""Receiving from named channels, which any process may do.

Owns the reading of one server's named channels for one node: which are read, the coming
and going of receivers, and what becomes of a message whose way here was cut. No more is
taken from the server than somebody waits for. Made by the stream node.

There is no task: each answer asks the next question. A message is acknowledged when it has
been handed over; an answer that was lost is asked for again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.connection import Argument, Link
from runtime.layers.keys import Keys
from runtime.layers.local import LocalChannels
from runtime.layers.scripts import TAKEN
from runtime.layers.shards import Shards
from runtime.throttle import ThrottledWarnings
from runtime.typing import Message

logger = logging.getLogger("runtime.layers.named")
warnings = ThrottledWarnings(logger)

CONSUMERS: Final = "receivers"
"""The name of the one consumer group that each stream has."""

AGAIN_S: Final = 0.05
"""After which a read that failed, or could not be interrupted, is tried again."""


class NamedChannels:
    """The named channels of one server that a node receives from.

    Args:
        node_id: the name of the consumer.
        servers: for commands.
        reader: to the server, for reading only.
        block_s: how long one read waits.
        keep_s: how long the stream of a channel lives that is neither written nor read.
        take: given the channel and each entry: its age in ms, its head and its payload.
        on_answer: told that the server has answered, which it does now and then also when it is
            quiet.
    """

    def __init__(
        self,
        node_id: str,
        servers: Shards,
        reader: Link,
        keys: Keys,
        local: LocalChannels,
        *,
        block_s: float,
        keep_s: float,
        take: Callable[[str, float, bytes, bytes], None],
        on_answer: Callable[[], None],
    ) -> None:
        self._node_id = node_id
        self._servers = servers
        self._reader = reader
        self._keys = keys
        self._local = local
        self._block_ms = max(1, int(block_s * 1000))
        self._keep_ms = int(keep_s * 1000)
        self._take = take
        self._on_answer = on_answer
        self._loop = asyncio.get_running_loop()
        self._wanted: Counter[str] = Counter()
        self._asked: dict[bytes, str] = {}
        self._asks = 0
        self._made: set[str] = set()
        self._unsure: set[str] = set()
        """Channels of which an answer was lost: what it had is still this consumer's."""
        self.is_closed = False

    def __repr__(self) -> str:
        return f"<NamedChannels {dict(self._wanted)}>"

    async def receive(self, channel: str) -> Message:
        """Return the next message of `channel`."""
        if self._local.depth(channel):
            return await self._local.receive(channel)
        self._wanted[channel] += 1
        try:
            if not self._asked:
                self._ask()
            elif channel not in self._asked.values():
                self._interrupt(self._asks)
            return await self._local.receive(channel)
        finally:
            self._wanted[channel] -= 1
            if not self._wanted[channel]:
                del self._wanted[channel]
                if channel in self._asked.values():
                    # Let go after this turn: a receiver that loops is back by then.
                    self._loop.call_soon(self._let_go, channel)

    async def close(self) -> None:
        """Stop reading."""
        self.is_closed = True
        await self._reader.close()

    def drop_socket(self) -> None:
        """Forget the socket."""
        self._reader.drop_socket()

    def _let_go(self, channel: str) -> None:
        if channel not in self._wanted and channel in self._asked.values():
            self._interrupt(self._asks)

    def _ask(self) -> None:
        self._asked = {}
        if self.is_closed or not self._wanted:
            return
        unsure = self._unsure.intersection(self._wanted)
        channels = list(unsure or self._wanted)
        self._make(channel for channel in channels if channel not in self._made)
        self._asked = {self._keys.channel(channel).encode(): channel for channel in channels}
        self._asks += 1
        waits: tuple[Argument, ...] = () if unsure else ("BLOCK", self._block_ms)
        self._reader.tell(
            self._answered,
            *("XREADGROUP", "GROUP", CONSUMERS, self._node_id),
            *("COUNT", min(self._wanted[channel] for channel in channels)),
            *waits,
            "STREAMS",
            *self._asked,
            *["0" if unsure else ">"] * len(channels),
            is_kept=False,
        )

    def _make(self, channels: Iterable[str]) -> None:
        for channel in channels:
            key = self._keys.channel(channel)
            self._reader.tell(_made, "XGROUP", "CREATE", key, CONSUMERS, "0", "MKSTREAM")
            self._reader.tell(_nothing, "PEXPIRE", key, self._keep_ms)
            self._made.add(channel)

    def _answered(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            self._failed(answer)
            return
        self._on_answer()
        asked, self._asked = self._asked, {}
        if not answer:
            # It is quiet: a stream that is read must not go for being idle.
            self._made.clear()
        for key, entries in answer or ():
            channel = asked[key]
            if not entries:
                self._unsure.discard(channel)
            else:
                taken = TAKEN.command([key], *(entry_id for entry_id, _ in entries))
                self._reader.tell(_nothing, *taken)
            for entry_id, fields in entries:
                if fields:  # else it was deleted while it was on its way
                    self._hand_over(channel, entry_id, fields)
        # Those who have been served ask for more in this turn, if they want more.
        self._loop.call_soon(self._ask_if_idle)

    def _ask_if_idle(self) -> None:
        if not self._asked:
            self._ask()

    def _hand_over(self, channel: str, entry_id: bytes, fields: list[bytes]) -> None:
        now_ms = self._loop.time() * 1000 + self._reader.offset_ms
        age_ms = now_ms - int(entry_id.partition(b"-")[0])
        try:
            self._take(channel, age_ms, fields[0], fields[1])
        except Exception:  # a receiver's fault must not end the reading for the others
            logger.exception("A message of channel %r could not be handed over.", channel)

    def _failed(self, error: Exception) -> None:
        self._made.clear()
        if isinstance(error, LayerUnavailable):
            self._unsure.update(self._asked.values())
        elif isinstance(error, ServerRefusal) and error.code == "MOVED":
            self._reader.reopen(error)
        elif not (isinstance(error, ServerRefusal) and error.code in ("NOGROUP", "UNBLOCKED")):
            warnings.warn("read", "Named channels could not be read: %s", error)
        if not self.is_closed:
            self._loop.call_later(AGAIN_S, self._ask)

    def _interrupt(self, ask: int) -> None:
        """End the read that is under way, because others are wanted by now."""
        if ask != self._asks or not self._asked or self.is_closed:
            return

        def interrupted(answer: Any) -> None:
            if answer != 1:  # it was not waiting yet, or was just answered
                self._loop.call_later(AGAIN_S, self._interrupt, ask)

        key = next(iter(self._asked)).decode()
        self._servers.tell(key, interrupted, "CLIENT", "UNBLOCK", self._reader.client_id)


def _nothing(answer: Any) -> None:
    """Pass over an answer."""


def _made(answer: Any) -> None:
    if isinstance(answer, ServerRefusal) and answer.code != "BUSYGROUP":
        warnings.warn("make", "A named channel could not be made: %s", answer)
