"""The channels that are received from on one event loop, and the way of a message into them.

Owns the sinks of those that somebody is attached to, the buffers of the others, and who
waits there. Knows no server and no group. Used by the nodes of the layers on Redis, on
their loop only.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from runtime.drops import drops
from runtime.layers.base import Sink
from runtime.layers.isolation import copier
from runtime.taps import Cause, current_connection, is_muted, taps
from runtime.typing import Message


class Waiting(NamedTuple):
    """A message that nobody has taken yet.

    Attributes:
        message: what was sent.
        cause: what it is an effect of, if its sender said so.
        expires_at: when nobody wants it any more, in seconds of the monotonic clock.
    """

    message: Message
    cause: Cause | None
    expires_at: float


Receiver: TypeAlias = asyncio.Future[Waiting]


class Buffer:
    """What waits on one channel, or who does."""

    __slots__ = ("messages", "receivers")

    def __init__(self) -> None:
        self.messages: deque[Waiting] = deque()
        self.receivers: deque[Receiver] = deque()

    def __repr__(self) -> str:
        return f"<Buffer messages={len(self.messages)} receivers={len(self.receivers)}>"

    def hand_over(self, waiting: Waiting) -> bool:
        """Give a message to the receiver that has waited longest; False if there is none."""
        while self.receivers:
            receiver = self.receivers.popleft()
            if not receiver.done():
                receiver.set_result(waiting)
                return True
        return False


class LocalChannels:
    """The channels of one loop.

    Args:
        capacity_of: how many messages a channel holds.
        expiry_s: seconds after which a message that nobody took is dropped.
    """

    def __init__(self, capacity_of: Callable[[str], int], expiry_s: float) -> None:
        self.sinks: dict[str, Sink] = {}
        self.buffers: dict[str, Buffer] = {}
        self._capacity_of = capacity_of
        self._expiry_s = expiry_s
        self._loop = asyncio.get_running_loop()
        self._sweep: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<LocalChannels sinks={len(self.sinks)} buffers={len(self.buffers)}>"

    def attach(self, channel: str, sink: Sink) -> None:
        """Give the messages of `channel` to `sink`, those that wait first."""
        self.sinks[channel] = sink
        buffer = self.buffers.pop(channel, None)
        if buffer is not None:
            for waiting in buffer.messages:
                sink(waiting.message, waiting.cause)

    def release(self, channel: str) -> None:
        """Forget `channel` and what waits for it, which is lost."""
        self.sinks.pop(channel, None)
        buffer = self.buffers.get(channel)
        if buffer is not None:
            while buffer.messages:
                lost = buffer.messages.popleft()
                drops.report(None, channel, lost.message, "undelivered", cause=lost.cause)
            self._forget_if_idle(channel, buffer)

    def deliver(self, channel: str, message: Message, cause: Cause | None) -> bool:
        """Put a message that is the channel's own on it; False if there is no room."""
        sink = self.sinks.get(channel)
        if sink is not None:
            return sink(message, cause)
        buffer = self.buffers.get(channel)
        if buffer is None:
            buffer = self.buffers[channel] = Buffer()
        waiting = Waiting(message, cause, time.monotonic() + self._expiry_s)
        if buffer.receivers and buffer.hand_over(waiting):
            return True
        if buffer.messages:
            self._drop_expired(channel, buffer)
        if len(buffer.messages) >= self._capacity_of(channel):
            drops.report(None, channel, message, "capacity", cause=cause)
            return False
        buffer.messages.append(waiting)
        self._sweep_later()
        return True

    def fan_out(self, channels: Iterable[str], message: Message, cause: Cause | None) -> None:
        """Put a copy of `message` on each of `channels`."""
        copy = copier(message)
        sinks, deliver = self.sinks, self.deliver
        for channel in channels:
            if (sink := sinks.get(channel)) is not None:
                sink(copy(), cause)
            else:
                deliver(channel, copy(), cause)

    async def receive(self, channel: str) -> Message:
        """Return the next message of `channel`; several receivers take turns."""
        buffer = self.buffers.get(channel)
        if buffer is None:
            buffer = self.buffers[channel] = Buffer()
        try:
            if buffer.messages:
                self._drop_expired(channel, buffer)
            if buffer.messages:
                taken = buffer.messages.popleft()
            else:
                taken = await self._wait(buffer)
        finally:
            self._forget_if_idle(channel, buffer)
        if (tap := taps.message_delivered) is not None and not is_muted():
            tap(current_connection.get(), channel, taken.message, taken.cause)
        return taken.message

    def channels(self) -> list[str]:
        """Return the channels that somebody is attached to, or receives from."""
        return [*self.sinks, *(name for name, one in self.buffers.items() if one.receivers)]

    def depth(self, channel: str) -> int:
        """Return how many messages wait on `channel`."""
        buffer = self.buffers.get(channel)
        return len(buffer.messages) if buffer is not None else 0

    def depths(self) -> dict[str, int]:
        """Return {channel: messages that wait}, for those on which some do."""
        return {name: len(one.messages) for name, one in self.buffers.items() if one.messages}

    def clear(self) -> None:
        """Forget what waits; who waits or is attached stays."""
        for channel, buffer in list(self.buffers.items()):
            buffer.messages.clear()
            self._forget_if_idle(channel, buffer)

    def adopt(self, other: LocalChannels) -> None:
        """Take what waits in `other`, whose loop has ended; its receivers have ended with it."""
        for channel, buffer in other.buffers.items():
            if buffer.messages:
                self.buffers[channel] = kept = Buffer()
                kept.messages.extend(buffer.messages)
        if self.buffers:
            self._sweep_later()

    def close(self) -> None:
        """End the timer."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    async def _wait(self, buffer: Buffer) -> Waiting:
        receiver: Receiver = self._loop.create_future()
        buffer.receivers.append(receiver)
        try:
            return await receiver
        except BaseException:
            if receiver.cancelled() or not receiver.done():
                if receiver in buffer.receivers:
                    buffer.receivers.remove(receiver)
            elif not buffer.hand_over(taken := receiver.result()):
                # Cancelled in the moment in which it was given the message: the next one takes it.
                buffer.messages.appendleft(taken)
                self._sweep_later()
            raise

    def _forget_if_idle(self, channel: str, buffer: Buffer) -> None:
        if not buffer.messages and not buffer.receivers and self.buffers.get(channel) is buffer:
            del self.buffers[channel]

    def _drop_expired(self, channel: str, buffer: Buffer) -> None:
        now = time.monotonic()
        while buffer.messages and buffer.messages[0].expires_at <= now:
            old = buffer.messages.popleft()
            drops.report(None, channel, old.message, "expired", cause=old.cause)

    def _sweep_later(self) -> None:
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._expiry_s, self._drop_all_expired)

    def _drop_all_expired(self) -> None:
        self._sweep = None
        for channel, buffer in list(self.buffers.items()):
            self._drop_expired(channel, buffer)
            self._forget_if_idle(channel, buffer)
        if any(buffer.messages for buffer in self.buffers.values()):
            self._sweep_later()
