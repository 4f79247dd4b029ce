"""A ticker: a consumer that speaks without being asked, for as long as somebody listens."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from django.utils import timezone

from runtime.generic.websocket import AsyncJsonWebsocketConsumer
from runtime.tasks import cancel_and_wait, spawn


class TickerConsumer(AsyncJsonWebsocketConsumer):
    """Sends one tick at once, and one more each `interval_s` until the visitor leaves."""

    def __init__(self, interval_s: float = 1.0) -> None:
        super().__init__()
        self.interval_s = interval_s
        self._ticking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Accept, and begin to tick."""
        await self.accept()
        self._ticking = spawn(self._tick(), name=f"ticker {self.channel_name}")

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Take no notice: a clock has nothing to answer."""

    async def disconnect(self, code: int | None) -> None:
        """Stop ticking."""
        if self._ticking is not None:
            await cancel_and_wait(self._ticking)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in count():
            # From the start, not from the tick before: delays do not add up to a drift.
            await asyncio.sleep(start + number * self.interval_s - loop.time())
            at = timezone.now().isoformat()
            await self.send_json({"type": "tick", "count": number, "at": at})
