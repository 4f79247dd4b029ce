"""Those who send numbered messages while something fails, and those who note what arrives."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from runtime.layers.base import BaseChannelLayer

PATIENCE_S = 60
"""How long a test waits for what has to come before it fails."""

BREATH_S = 0.001
"""Between two messages of a sender: a load, and not more than a receiver can hold."""


class Heard:
    """What has arrived at one receiver, by sender and in order."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = defaultdict(list)
        self.order: list[tuple[str, int]] = []
        self._changed: set[asyncio.Future[None]] = set()

    @property
    def total(self) -> int:
        return len(self.order)

    def note(self, message: dict[str, Any]) -> None:
        self.numbers[message["sender"]].append(message["number"])
        self.order.append((message["sender"], message["number"]))
        for waiting in self._changed:
            if not waiting.done():
                waiting.set_result(None)

    async def until(self, is_so: Callable[[], bool], what: str) -> None:
        """Return when `is_so()`, which is asked after each message."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not is_so():
                    waiting = asyncio.get_running_loop().create_future()
                    self._changed.add(waiting)
                    try:
                        await waiting
                    finally:
                        self._changed.discard(waiting)
        except TimeoutError:
            told = {sender: (len(of), of[-3:]) for sender, of in self.numbers.items()}
            raise AssertionError(f"It did not come that {what}; heard: {told}") from None

    async def more(self, count: int) -> None:
        """Return when `count` more messages have arrived."""
        goal = self.total + count
        await self.until(lambda: self.total >= goal, f"{count} more messages arrive")

    async def last_of(self, sender: Sender) -> None:
        """Return when the last message that `sender` has sent has arrived."""
        last = sender.sent - 1
        await self.until(
            lambda: last in self.numbers[sender.name], f"message {last} of {sender.name} arrives"
        )


class Sender:
    """Sends one message after another, as fast as they are accepted, until it is told to stop.

    Args:
        send: sends one message, and returns when the layer has accepted it.
    """

    def __init__(self, name: str, send: Callable[[dict[str, Any]], Any]) -> None:
        self.name = name
        self.sent = 0
        self._send = send
        self._is_stopping = False
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """Return when the message that is on its way has been accepted."""
        self._is_stopping = True
        async with asyncio.timeout(PATIENCE_S):
            await self._task

    async def _run(self) -> None:
        while not self._is_stopping:
            message = {"type": "note", "sender": self.name, "number": self.sent}
            await self._send(message)
            self.sent += 1
            await asyncio.sleep(BREATH_S)


class Receiver:
    """Receives from one channel, as code does that reads a layer by itself."""

    def __init__(self, layer: BaseChannelLayer, channel: str, heard: Heard | None = None) -> None:
        self.heard = Heard() if heard is None else heard
        self.task = asyncio.ensure_future(self._run(layer, channel))

    async def stop(self) -> None:
        """Return when it has ended; an error that it died of is raised here."""
        self.task.cancel()
        try:
            await self.task
        except asyncio.CancelledError:
            return

    async def _run(self, layer: BaseChannelLayer, channel: str) -> None:
        while True:
            self.heard.note(await layer.receive(channel))


async def join(layer: BaseChannelLayer, group: str) -> Heard:
    """Make a new channel a member of `group`, attached as a consumer's is; return what it hears."""
    heard = Heard()
    channel = await layer.new_channel()

    def sink(message: dict[str, Any], cause: object) -> bool:
        heard.note(message)
        return True

    layer.attach(channel, sink)
    await layer.group_add(group, channel)
    return heard
