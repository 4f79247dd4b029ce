"""The project's channel layer, as the relay uses it: frames go out sealed, and come in read.

Owns the channel of this process, its membership in the group of all, the messages that wait to
be read, and both kinds of layers: those that push, and those that are received from. What a
frame means is no business of it. All of it is muted, so that the console never watches itself.
Used by the node and its parts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from console.relay_protocol import GROUP, Frame, Seal, decode, encode
from runtime.layers.base import can_push
from runtime.taps import Cause, muted
from runtime.typing import Message

logger = logging.getLogger("console.relay")

MOST_WAITING = 2_000
"""Messages that wait to be read: of more the oldest are lost, and asked for again."""

REJOIN_S = 60.0
"""How often membership is said again: a layer may forget it, or have been emptied."""


class Transport:
    """One process's way to the others, on the event loop that runs.

    Args:
        layer: the project's channel layer.
        name: of this process.
        seals: of the project's secret, then of those that it had before.

    Attributes:
        channel: where this process can be reached, alone; "" until it has joined.
    """

    def __init__(self, layer: Any, name: str, seals: tuple[Seal, ...]) -> None:
        self.channel = ""
        self._layer = layer
        self._name = name
        self._seals = seals
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[Message] = deque(maxlen=MOST_WAITING)
        self._has_mail = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Transport {self.channel!r} waiting={len(self._inbox)}>"

    @property
    def is_polled(self) -> bool:
        """Whether the layer pushes nothing, so that somebody has to `poll()` it."""
        return not can_push(self._layer)

    async def open(self) -> None:
        """Get a channel. Raises what the layer raises."""
        with muted():
            self.channel = await self._layer.new_channel("channelscope")
            if not self.is_polled:
                self._layer.attach(self.channel, self.push)

    async def join(self) -> None:
        """Be one of the group of all. Raises what the layer raises."""
        with muted():
            await self._layer.group_add(GROUP, self.channel)

    async def leave(self) -> None:
        """Be none of them any more."""
        with muted(), suppress(Exception):
            await self._layer.group_discard(GROUP, self.channel)
            if not self.is_polled:
                await self._layer.release_channel(self.channel)

    async def stay(self) -> None:
        """Say again and again that this process is one of the group."""
        while True:
            await asyncio.sleep(REJOIN_S)
            with suppress(Exception):
                await self._layer.group_add(GROUP, self.channel)

    def push(self, message: Message, cause: Cause | None) -> bool:
        """Take a message from the layer, from any thread; what nobody can read is no drop."""
        self._inbox.append(message)
        # The loop may have ended without saying so, as in a test.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._has_mail.set)
        return True

    async def poll(self) -> None:
        """Take messages from a layer that does not push."""
        while True:
            try:
                message = await self._layer.receive(self.channel)
            except Exception:
                logger.debug("The channel layer failed.", exc_info=True)
                await asyncio.sleep(1.0)
                continue
            self._inbox.append(message)
            self._has_mail.set()

    async def receive(self) -> Frame:
        """Return the next frame, once it has come.

        Raises:
            RefusedMessage: it is none of this project, or of another version.
        """
        while not self._inbox:
            self._has_mail.clear()
            await self._has_mail.wait()
        return decode(self._inbox.popleft(), self._seals)

    async def send(self, channel: str, frame: Frame) -> bool:
        """Send to one process. Returns whether the layer took it."""
        return await self._try(lambda message: self._layer.send(channel, message), frame)

    async def send_all(self, frame: Frame) -> bool:
        """Send to all processes. Returns whether the layer took it."""
        return await self._try(lambda message: self._layer.group_send(GROUP, message), frame)

    async def _try(self, send: Callable[[dict[str, Any]], Awaitable[object]], frame: Frame) -> bool:
        try:
            with muted():
                await send(encode(frame, self._name, self._seals[0]))
        except Exception as error:  # a full channel, a layer that is away: the next look tells
            logger.debug("Not sent: %s", error)
            return False
        return True
