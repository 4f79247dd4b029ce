"""What a bot has still to say: in order for each chat, and no faster than it may.

Owns the messages that wait and who sends them: one task a chat, for as long as something waits
there. A chat that has to wait holds up no other. Used by `runtime.protocols.telegram.server`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from runtime.drops import drops
from runtime.protocols.connecting import Backoff
from runtime.protocols.telegram.client import (
    BotClient,
    Migrated,
    Refused,
    RetryAfter,
    Unreachable,
)
from runtime.protocols.telegram.pace import Pace
from runtime.protocols.telegram.updates import Outgoing
from runtime.tasks import cancel_and_wait, spawn

logger = logging.getLogger("runtime.protocols")

WAITING = 100
"""Messages of one chat that wait before a consumer's send does."""


class Outbox:
    """The messages of one bot.

    Args:
        client: sends them.
        pace: says when.
    """

    def __init__(self, client: BotClient, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._waiting: dict[int, deque[Outgoing]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._progress = asyncio.Condition()

    async def put(self, chat_id: int, message: Outgoing) -> None:
        """Take a message; waits while a hundred wait for the chat."""
        async with self._progress:
            await self._progress.wait_for(
                lambda: len(self._waiting.get(chat_id, ())) < WAITING,
            )
        queue = self._waiting.get(chat_id)
        if queue is None:
            queue = self._waiting[chat_id] = deque()
            task = spawn(self._send_all(chat_id, queue), name=f"telegram outbox {chat_id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        queue.append(message)

    async def flush(self) -> None:
        """Return when nothing waits."""
        async with self._progress:
            await self._progress.wait_for(lambda: not self._waiting)

    async def close(self) -> None:
        """Forget what waits."""
        await cancel_and_wait(*self._tasks)

    async def _send_all(self, chat_id: int, queue: deque[Outgoing]) -> None:
        to = chat_id
        try:
            while queue:
                to = await self._send(to, queue[0])
                queue.popleft()
                if not queue:
                    del self._waiting[chat_id]
                async with self._progress:
                    self._progress.notify_all()
        finally:
            if self._waiting.get(chat_id) is queue:  # it failed, and is not to be waited for
                del self._waiting[chat_id]

    async def _send(self, chat_id: int, message: Outgoing) -> int:
        """Send one message, however often it takes. Returns the chat that it went to."""
        backoff = Backoff(first_s=0.5, most_s=30.0)
        while True:
            await asyncio.sleep(self._pace.take(chat_id))
            try:
                await self._client.send(chat_id, message)
            except RetryAfter as error:
                logger.info("Telegram lets chat %d wait for %g s.", chat_id, error.for_s)
                self._pace.hold(chat_id, error.for_s)
            except Migrated as error:
                chat_id = error.chat_id
            except Unreachable as error:
                logger.warning("A message to chat %d has to be sent again: %s", chat_id, error)
                await asyncio.sleep(backoff.next_s())
            except Refused as error:
                logger.error("A message to chat %d was refused: %s", chat_id, error)
                lost: dict[str, Any] = {"type": "telegram.message", "text": message.text}
                drops.report(None, "telegram", lost, "undelivered")
                return chat_id
            else:
                return chat_id
