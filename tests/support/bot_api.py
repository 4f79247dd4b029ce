"""A Bot API server on loopback, written from the public documentation.

Knows what the runtime's server uses: getUpdates with its offsets, sendMessage with its limits,
setWebhook and deleteWebhook. Keeps what it was asked, and misbehaves when a test says so.

Source: https://core.telegram.org/bots/api
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from aiohttp import web

TOKEN = "123456:test-token-of-nobody"
SOON_S = 30


class BotApi:
    """One bot's server.

    Attributes:
        sent: the arguments of each sendMessage that was accepted, in order.
        sent_at: when, on the loop's clock.
        calls: the name of each method that was called.
        webhook: the arguments of the last setWebhook, or None.
        faults: answers to give in place of the next ones, by method: (status, body).
    """

    def __init__(self) -> None:
        self.url = ""
        self.sent: list[dict[str, Any]] = []
        self.sent_at: list[float] = []
        self.calls: list[str] = []
        self.webhook: dict[str, Any] | None = None
        self.faults: dict[str, deque[tuple[int, Any]]] = {}
        self.updates: list[Any] = []
        self._ids = count(1)
        self._changed = asyncio.Condition()

    def text(self, text: object, chat: int = 42, **fields: Any) -> dict[str, Any]:
        """Return the update of a message that somebody writes."""
        person = {"id": 7, "is_bot": False, "first_name": "Ada", "username": "ada"}
        message = {
            "message_id": 100 + next(self._ids),
            "date": 1_700_000_000,
            "chat": {"id": chat, "type": "private", "first_name": "Ada"},
            "from": person,
            "text": text,
            **fields,
        }
        return {"update_id": next(self._ids), "message": message}

    async def write(self, *updates: Any) -> None:
        """Let updates wait to be fetched."""
        async with self._changed:
            self.updates += updates
            self._changed.notify_all()

    async def say(self, text: str, chat: int = 42) -> None:
        """Let somebody write to the bot."""
        await self.write(self.text(text, chat))

    def fail(self, method: str, status: int, **body: Any) -> None:
        """Answer the next call of a method with an error."""
        answer = {"ok": False, "error_code": status, "description": "as the test wants it", **body}
        self.answer(method, status, answer)

    def answer(self, method: str, status: int, body: Any) -> None:
        """Answer the next call of a method with this."""
        self.faults.setdefault(method, deque()).append((status, body))

    async def wait_sent(self, number: int) -> list[str]:
        """Return the texts that were sent, once there are so many."""
        async with asyncio.timeout(SOON_S), self._changed:
            await self._changed.wait_for(lambda: len(self.sent) >= number)
        return [message["text"] for message in self.sent]

    async def wait_called(self, method: str, times: int = 1) -> None:
        """Return when a method was called so often."""
        async with asyncio.timeout(SOON_S), self._changed:
            await self._changed.wait_for(lambda: self.calls.count(method) >= times)

    async def serve(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if request.match_info["token"] != TOKEN:
            return self._respond(401, {"ok": False, "description": "Unauthorized"})
        arguments = dict(await request.post())
        async with self._changed:
            self.calls.append(method)
            self._changed.notify_all()
        if faults := self.faults.get(method):
            return self._respond(*faults.popleft())
        result = await getattr(self, f"_{method}")(arguments)
        return self._respond(200, {"ok": True, "result": result})

    @staticmethod
    def _respond(status: int, body: Any) -> web.Response:
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=text, content_type="application/json")

    async def _getUpdates(self, arguments: dict[str, Any]) -> list[Any]:
        if "offset" in arguments:  # confirms those before
            first = int(arguments["offset"])
            self.updates = [one for one in self.updates if self._number(one) >= first]
        try:
            async with asyncio.timeout(float(arguments.get("timeout", 0))), self._changed:
                await self._changed.wait_for(lambda: self.updates)
        except TimeoutError:
            return []
        return self.updates[: int(arguments.get("limit", 100))]

    @staticmethod
    def _number(update: Any) -> float:
        found = update.get("update_id") if isinstance(update, dict) else None
        return found if isinstance(found, int) else float("inf")

    async def _sendMessage(self, arguments: dict[str, Any]) -> dict[str, Any]:
        async with self._changed:
            self.sent.append(arguments)
            self.sent_at.append(asyncio.get_running_loop().time())
            self._changed.notify_all()
        chat = {"id": int(arguments["chat_id"]), "type": "private"}
        return {"message_id": next(self._ids), "date": 1_700_000_000, "chat": chat}

    async def _setWebhook(self, arguments: dict[str, Any]) -> bool:
        self.webhook = arguments
        return True

    async def _deleteWebhook(self, arguments: dict[str, Any]) -> bool:
        self.webhook = None
        return True


@asynccontextmanager
async def running_bot_api() -> AsyncIterator[BotApi]:
    """Run a Bot API server while the context lasts."""
    api = BotApi()
    application = web.Application()
    application.router.add_post("/bot{token}/{method}", api.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api.url = "http://{}:{}".format(*runner.addresses[0][:2])
        yield api
    finally:
        await runner.cleanup()
