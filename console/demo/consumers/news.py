"""The news by long poll: an HTTP request that is answered when there is something to say."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

from console.demo.models import Headline
from runtime.exceptions import StopConsumer
from runtime.generic.http import AsyncHttpConsumer
from runtime.layers import get_channel_layer
from runtime.tasks import spawn

GROUP = "news"
MOST_HEADLINES = 50


async def announce(headline: Headline) -> None:
    """Let everybody who waits know that there is a new headline."""
    layer: Any = get_channel_layer()
    await layer.group_send(GROUP, {"type": "news.published", "id": headline.pk})


class NewsLongPoll(AsyncHttpConsumer):
    """Answers `?after=<id>` with the headlines after that one, as soon as there are any.

    The answer is {"headlines": [{"id", "text"}, ...]}, oldest first, or 204 when nothing
    was published within `timeout_s`: proxies give up on a request that is older.
    """

    def __init__(self, timeout_s: float = 25.0) -> None:
        super().__init__()
        self.timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None

    async def handle(self, body: bytes) -> None:
        """Answer at once if there is news already; else leave the request open."""
        self._after = _cursor(self.scope["query_string"])
        # Join, then look: what is published between the two is found twice, never missed.
        await self.channel_layer.group_add(GROUP, self.channel_name)
        if not await self._answer_with_news():
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.timeout_s, self._time_out)

    async def news_published(self, event: dict[str, Any]) -> None:
        """Answer with what was published."""
        if await self._answer_with_news():
            await self.disconnect()
            raise StopConsumer

    async def news_timed_out(self, event: dict[str, Any]) -> None:
        """Answer that nothing happened."""
        await self.send_response(204, b"")
        raise StopConsumer

    async def disconnect(self) -> None:
        """Stop the clock; the group is left with the channel."""
        if self._timer is not None:
            self._timer.cancel()

    def _time_out(self) -> None:
        # By a message to ourselves, so that the answer has its turn in the mailbox
        # and never runs beside that of a headline.
        note = {"type": "news.timed_out"}
        spawn(self.channel_layer.send(self.channel_name, note), name="news timeout")

    async def _answer_with_news(self) -> bool:
        news = Headline.objects.filter(pk__gt=self._after).order_by("pk")[:MOST_HEADLINES]
        headlines = [{"id": one.pk, "text": one.text} async for one in news]
        if headlines:
            body = json.dumps({"headlines": headlines}).encode()
            headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
            await self.send_response(200, body, headers=headers)
        return bool(headlines)


def _cursor(query_string: bytes) -> int:
    """Return the id after which news is wanted; 0, before all of it, if none is given."""
    given = parse_qs(query_string.decode("ascii", "replace")).get("after", ["0"])[0]
    return int(given) if given.isdecimal() and len(given) < 19 else 0
