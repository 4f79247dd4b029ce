"""Messages that were lost: counted, said in the log, and told to the observers.

Owns the counts of this process and the rate of the warnings. A message is lost
where a channel is full, where nobody took it in time, where its consumer has no
handler for it, where a client is too slow for it, where a protocol's input is malformed,
and where the other side does not take what it gets. Called by the mailbox, the in-memory
layer, the consumers and their outbox, and the servers of protocols.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Final

from runtime.taps import Cause, Connection, DropReason, is_muted, taps
from runtime.throttle import ThrottledWarnings
from runtime.typing import Event, Message

logger = logging.getLogger("runtime.drops")

MOST_CLASSES: Final = 1_000
"""Channels that are counted apart; those beyond it are counted together."""

OTHERS: Final = "(others)"
"""Under which name they are."""

ADVICE: Final[dict[DropReason, str]] = {
    "capacity": "it holds its capacity and nobody takes them. Read it faster, or raise `capacity`"
    " or `channel_capacity`.",
    "expired": "nobody took it within the layer's `expiry`. Read it faster, or raise `expiry`.",
    "malformed": "it is not what its protocol says. The console shows it.",
    "no handler": "its consumer has no handler for it. Define one, or default_handler().",
    "slow client": "the client does not take what it is sent. Send less, or raise the consumer's"
    " outbound limit.",
    "undelivered": "the other side refused it, or never acknowledged it.",
}
"""What the log says of each reason, and what to do about it."""


class Drops:
    """The lost messages of this process.

    Attributes:
        counts: {(channel class, reason): messages}. The class of a process-local channel
            is its name up to the `!`; that of any other is its name.
        warnings: how they are written to the log.
    """

    def __init__(self, warnings: ThrottledWarnings | None = None) -> None:
        self.counts: Counter[tuple[str, DropReason]] = Counter()
        self.warnings = warnings or ThrottledWarnings(logger)
        self._lock = threading.Lock()

    def report(
        self,
        connection: Connection | None,
        channel: str,
        message: Message | Event,
        reason: DropReason,
        *,
        cause: Cause | None = None,
        is_warned: bool = True,
    ) -> None:
        """Count a lost message, warn of it, and tell the observers; from any thread.

        Args:
            connection: the observed connection that it was for, if it is known.
            channel: the channel that it was on; "" for a connection without one.
            message: what was lost.
            cause: what the message's envelope said about its origin.
            is_warned: False if the caller has more to say, and says it.
        """
        if is_muted():  # an observer's own traffic
            return
        kind = (self._class_of(channel, reason), reason)
        with self._lock:
            self.counts[kind] += 1
        if is_warned:
            self.warnings.warn(
                kind, "A message on channel %r was dropped: %s", kind[0], ADVICE[reason]
            )
        if (tap := taps.message_dropped) is not None:
            tap(connection, channel, dict(message), reason, cause)

    def _class_of(self, channel: str, reason: DropReason) -> str:
        local, mark, _ = channel.partition("!")
        name = local + mark
        is_known = len(self.counts) < MOST_CLASSES or (name, reason) in self.counts
        return name if is_known else OTHERS


drops = Drops()
"""What this process has lost."""
