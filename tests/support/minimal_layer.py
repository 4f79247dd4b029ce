"""A channel layer as somebody else may have written it: the five methods, and nothing of ours."""

from __future__ import annotations

import asyncio
import copy
import itertools
from typing import Any


class MinimalChannelLayer:
    """Knows no base class, no `attach()`, no capacity and no observers."""

    extensions = ("groups",)

    def __init__(self) -> None:
        self.queues: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self.members: dict[str, set[str]] = {}
        self.numbers = itertools.count()

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self._queue(channel).put_nowait(copy.deepcopy(message))

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self._queue(channel).get()

    async def new_channel(self, prefix: str = "specific") -> str:
        return f"{prefix}.minimal!{next(self.numbers)}"

    async def group_add(self, group: str, channel: str) -> None:
        self.members.setdefault(group, set()).add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self.members.get(group, set()).discard(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        for channel in self.members.get(group, ()):
            await self.send(channel, message)

    def _queue(self, channel: str) -> asyncio.Queue[dict[str, Any]]:
        return self.queues.setdefault(channel, asyncio.Queue())
