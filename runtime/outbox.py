"""What one consumer has sent and its client has not taken yet, with a bound.

Owns the order of what is sent, the count of what is unsent, and what becomes of a frame
for which there is no room: dropped, put in the place of an older one, or the end of
the connection. One task writes while something waits. Made for a consumer whose
`slow_client` is not "block"; all others await the server themselves and need none.

A server that does not let its `send` wait for the client, as Daphne, has taken
everything at once: nothing is ever unsent here, and its own memory grows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Literal, TypeAlias

from runtime.taps import Cause, Connection, current_cause
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import Event, Send

Policy: TypeAlias = Literal["block", "drop", "coalesce", "close"]
"""What to do with a frame for a client that is too slow."""

LINGER_S = 1.0
"""How long a client that ends may take over what it was sent before."""


class Frame:
    """An event that waits to be sent, with its cause, and the key of what may replace it."""

    __slots__ = ("cause", "event", "key", "size_bytes")

    def __init__(self, event: Event, cause: Cause | None, key: Hashable) -> None:
        self.event = event
        self.cause = cause
        self.key = key
        self.size_bytes = len(event.get("text") or event.get("bytes") or "")

    @property
    def can_be_lost(self) -> bool:
        """Whether it is a frame: an accept or a close is always sent."""
        return bool(self.event["type"] == "websocket.send")


class Outbox:
    """Sends for one consumer, without letting it wait.

    Args:
        send: the server's.
        policy: what becomes of a frame for which there is no room.
        limit_messages: events that may be unsent.
        limit_bytes: bytes (for text: characters) that may be unsent.
        key_of: says which waiting frame an event replaces, for "coalesce".
        on_lost: called with each event that will not be sent.
        on_overflow: called once when there is no room, for "close".
        connection: the observed connection that this is for, if it is.

    Attributes:
        coalesced: how many frames were replaced by later ones.
    """

    def __init__(
        self,
        send: Send,
        policy: Policy,
        *,
        limit_messages: int,
        limit_bytes: int,
        key_of: Callable[[Event], Hashable],
        on_lost: Callable[[Event], None],
        on_overflow: Callable[[], None],
        connection: Connection | None = None,
    ) -> None:
        self.coalesced = 0
        self._send = send
        self._policy = policy
        self._limit_messages = limit_messages
        self._limit_bytes = limit_bytes
        self._key_of = key_of
        self._on_lost = on_lost
        self._on_overflow = on_overflow
        self._connection = connection
        self._waiting: deque[Frame] = deque()
        self._unsent_messages = 0
        self._unsent_bytes = 0
        self._is_overflown = False
        self._failure: Exception | None = None
        self._writing: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many events are unsent, the one that is being sent included."""
        return self._unsent_messages

    async def send(self, event: Event) -> None:
        """Take `event`, and return at once.

        Raises:
            Exception: what this or an earlier event failed with.
        """
        self._raise_failure()
        frame = self._frame_of(event)
        if frame.can_be_lost and not self._make_room(frame):
            return
        self._waiting.append(frame)
        self._unsent_messages += 1
        self._unsent_bytes += frame.size_bytes
        if self._writing is None:
            self._writing = spawn(self._write(), name="outbox")
            # A turn for the task: a client that keeps up has nothing unsent, even in a burst.
            await asyncio.sleep(0)
            self._raise_failure()

    async def close(self) -> None:
        """Let the client take what waits, but not for long."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=LINGER_S)
        if self._writing is not None:
            await cancel_and_wait(self._writing)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _frame_of(self, event: Event) -> Frame:
        connection = self._connection
        cause = current_cause.get()
        if cause is None and connection is not None:
            # The handler may have ended when this is sent, and another one begun.
            cause = connection.cause or ("", "")
        is_keyed = self._policy == "coalesce" and event["type"] == "websocket.send"
        return Frame(event, cause, self._key_of(event) if is_keyed else None)

    def _make_room(self, frame: Frame) -> bool:
        """Return whether `frame` can wait at the end; else it is dealt with."""
        if self._policy == "coalesce" and self._replace(frame):
            return False
        if self._has_room(frame) and not self._is_overflown:
            return True
        if self._policy == "coalesce":
            self._forget_waiting(lambda: self._has_room(frame))
            return True
        if self._policy == "close" and not self._is_overflown:
            self._is_overflown = True
            self._forget_waiting(lambda: False)
            self._on_overflow()
        self._on_lost(frame.event)
        return False

    def _has_room(self, frame: Frame) -> bool:
        # One frame always has: it may be larger than the limit.
        return not self._unsent_messages or (
            self._unsent_messages < self._limit_messages
            and self._unsent_bytes + frame.size_bytes <= self._limit_bytes
        )

    def _replace(self, frame: Frame) -> bool:
        for waiting in self._waiting:
            if waiting.can_be_lost and waiting.key == frame.key:
                self._unsent_bytes += frame.size_bytes - waiting.size_bytes
                waiting.event, waiting.cause = frame.event, frame.cause
                waiting.size_bytes = frame.size_bytes
                self.coalesced += 1
                # It may be larger than the one before: others make room for it, as for a new one.
                self._forget_waiting(lambda: self._unsent_bytes <= self._limit_bytes, keep=waiting)
                return True
        return False

    def _forget_waiting(self, is_enough: Callable[[], bool], *, keep: Frame | None = None) -> None:
        for frame in [one for one in self._waiting if one.can_be_lost and one is not keep]:
            if is_enough():
                return
            self._waiting.remove(frame)
            self._sent(frame)
            self._on_lost(frame.event)

    def _sent(self, frame: Frame) -> None:
        self._unsent_messages -= 1
        self._unsent_bytes -= frame.size_bytes

    async def _write(self) -> None:
        try:
            while self._waiting:
                frame = self._waiting.popleft()
                current_cause.set(frame.cause)
                try:
                    await self._send(frame.event)
                finally:
                    self._sent(frame)
        except Exception as failure:
            # Raised by the next send: whoever called this one has gone on.
            self._failure = failure
            for frame in self._waiting:
                self._sent(frame)
            self._waiting.clear()
        finally:
            self._writing = None
