"""The buffer of one channel of the in-memory layer, for senders and receivers on any thread.

Owns the order of what waits, and whose turn it is among those that wait for it. Knows no
channel and no capacity. Called by the in-memory layer.
"""

from __future__ import annotations

import asyncio
from collections import deque

from runtime.taps import Cause
from runtime.typing import Message


class ChannelBuffer:
    """What waits on one channel, and who waits for it.

    Messages come from any thread; each receiver is woken on its own loop. Suites look at a
    channel of this layer as at an `asyncio.Queue`, so what does not wait there is here too.
    """

    __slots__ = ("_messages", "_receivers")

    def __init__(self) -> None:
        self._messages: deque[tuple[float, Message, Cause | None]] = deque()
        self._receivers: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def __repr__(self) -> str:
        return f"<ChannelBuffer messages={len(self._messages)} receivers={len(self._receivers)}>"

    def empty(self) -> bool:
        """Return whether nothing waits here."""
        return not self._messages

    def qsize(self) -> int:
        """Return how many messages wait here."""
        return len(self._messages)

    def get_nowait(self) -> tuple[float, Message]:
        """Remove the oldest message; returns when it would have expired, and the message.

        Raises:
            asyncio.QueueEmpty: there is none.
        """
        try:
            expires_at, message, _ = self._messages.popleft()
        except IndexError:
            raise asyncio.QueueEmpty("No message waits on this channel.") from None
        return expires_at, message

    @property
    def oldest_expires_at(self) -> float:
        """When the first message expires, in seconds of the monotonic clock."""
        return self._messages[0][0]

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits here and nobody does."""
        return not self._messages and not self._receivers

    def put(self, expires_at: float, message: Message, cause: Cause | None) -> None:
        """Append a message and wake one receiver."""
        self._messages.append((expires_at, message, cause))
        self._wake_one()

    def take(self) -> tuple[Message, Cause | None] | None:
        """Remove and return the oldest message, or None."""
        try:
            _, message, cause = self._messages.popleft()
        except IndexError:
            return None
        return message, cause

    def clear(self) -> None:
        """Forget what waits here; who waits goes on waiting."""
        self._messages.clear()

    def drop_expired(self, now: float) -> list[tuple[Message, Cause | None]]:
        """Remove and return the messages whose time has passed, with their causes."""
        dropped = []
        while self._messages and self._messages[0][0] <= now:
            dropped.append(self._messages.popleft()[1:])
        return dropped

    async def wait(self) -> None:
        """Return when there may be a message to take."""
        receiver = asyncio.get_running_loop().create_future()
        self._receivers.append(receiver)
        try:
            # A message that came from another thread before the line above woke nobody.
            if not self._messages:
                await receiver
        finally:
            if receiver in self._receivers:
                self._receivers.remove(receiver)
            elif self._messages:  # woken and cancelled at once: pass the turn on
                self._wake_one()

    def _wake_one(self) -> None:
        while self._receivers:
            receiver = self._receivers.popleft()
            loop = receiver.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, receiver)
                return


def _wake(receiver: asyncio.Future[None]) -> None:
    if not receiver.done():
        receiver.set_result(None)
