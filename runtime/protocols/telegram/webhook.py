"""Where Telegram sends updates: a small HTTP server of the bot's own.

Owns who is let in and how much is read. Stands behind what speaks TLS to the world.

Source: https://core.telegram.org/bots/api#setwebhook
"""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from runtime.protocols.telegram.settings import TelegramSettings

LARGEST_BODY = 262_144
"""Bytes. An update has a few thousand."""

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"

RETRY = 503
"""Telegram sends an update again that was answered with an error."""


@asynccontextmanager
async def listening(
    settings: TelegramSettings,
    take: Callable[[object], bool],
    on_malformed: Callable[[object, str], None],
) -> AsyncIterator[tuple[str, int]]:
    """Listen while the context lasts.

    Args:
        take: gets each update; returns False to have it sent again.
        on_malformed: told of a body that is no JSON, with what was expected.

    Yields: the address and the port that it listens on.
    """
    secret = (settings.WEBHOOK_SECRET or "").encode()

    async def receive(request: web.Request) -> web.Response:
        said = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        # In constant time, and before the body: nothing of a stranger's is read.
        if not hmac.compare_digest(said, secret):
            return web.Response(status=403)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            on_malformed(b"", f"a body of at most {LARGEST_BODY} bytes")
            raise
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            on_malformed(body, "an update as JSON")
            return web.Response(status=400)
        return web.Response(status=200 if take(update) else RETRY)

    application = web.Application(client_max_size=LARGEST_BODY)
    application.router.add_post(settings.webhook_path, receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.WEBHOOK_HOST, settings.WEBHOOK_PORT)
        await site.start()
        yield runner.addresses[0][:2]
    finally:
        await runner.cleanup()
