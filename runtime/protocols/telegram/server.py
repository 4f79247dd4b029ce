"""The Telegram server: one bot, a scope for each chat.

Owns the way of an update from the Bot API to its scope. What goes the other way is the
outbox's. Run by `manage.py runtelegram`.

Source: https://core.telegram.org/bots/api#getting-updates
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from runtime.exceptions import MissingLibrary
from runtime.protocols.connecting import Backoff, stay_connected
from runtime.protocols.server import ProtocolServer
from runtime.protocols.telegram.pace import Pace
from runtime.protocols.telegram.settings import NAME, TelegramSettings, telegram_settings
from runtime.protocols.telegram.updates import (
    MalformedUpdate,
    read_messages,
    read_update,
    update_id,
)
from runtime.typing import ASGIApplication, Event, Scope

if TYPE_CHECKING:
    from runtime.protocols.telegram.client import BotClient
    from runtime.protocols.telegram.outbox import Outbox


class TelegramServer(ProtocolServer):
    """Serves one bot.

    Args:
        settings: of the bot; by default the project's CHANNELS_TELEGRAM.
        backoff: between two attempts to reach the Bot API.

    Attributes:
        listens_at: the address and the port of the webhook, once it listens.

    Raises:
        MissingLibrary: aiogram is not installed.
        ImproperlyConfigured: there is no token that could be one.
    """

    protocol: ClassVar[str] = "telegram"

    def __init__(
        self,
        application: ASGIApplication,
        settings: TelegramSettings | None = None,
        *,
        backoff: Backoff | None = None,
        **options: Any,
    ) -> None:
        try:
            from runtime.protocols.telegram import client, outbox, webhook
        except ImportError as error:
            raise MissingLibrary("telegram", "aiogram") from error
        self._library, self._webhook = client, webhook
        self.settings = telegram_settings() if settings is None else settings
        bounds = {
            "scope_timeout_s": self.settings.SCOPE_TIMEOUT_S,
            "max_scopes": self.settings.MAX_SCOPES,
        }
        super().__init__(application, **{**bounds, **options})
        self.backoff = backoff or Backoff()
        self.listens_at: tuple[str, int] | None = None
        self._client: BotClient = client.BotClient(self.settings)
        pace = Pace(
            self.settings.PER_CHAT_S,
            self.settings.PER_GROUP_S,
            self.settings.PER_SECOND,
            time.monotonic,
        )
        self._outbox: Outbox = outbox.Outbox(self._client, pace)
        self._next_update: int | None = None

    def describe(self) -> str:
        """Return how updates come in."""
        if self.settings.WEBHOOK_URL is None:
            return "a Telegram bot by long polling"
        return f"a Telegram bot at {self.settings.WEBHOOK_URL}"

    async def handle(self) -> None:
        """Get updates, by polling or by webhook.

        Raises:
            ImproperlyConfigured: the Bot API refuses the token, or the webhook's address.
        """
        listen = self._poll if self.settings.WEBHOOK_URL is None else self._listen
        lost = (self._library.Unreachable, self._library.RetryAfter)
        try:
            await stay_connected(listen, self.backoff, to="the Bot API", lost=lost)
        except self._library.Refused as error:
            raise ImproperlyConfigured(f"The Bot API refuses {NAME}: {error}") from error
        finally:
            await self._outbox.close()
            await self._client.close()

    async def application_send(self, scope: Scope, event: Event) -> None:
        """Send a message to the scope's chat.

        Raises:
            UnknownEvent: it is no "telegram.message" with a text.
        """
        for message in read_messages(event):
            await self._outbox.put(scope["chat_id"], message)

    async def flush(self) -> None:
        """Return when all messages are sent, and the updates that were handled confirmed."""
        await self._outbox.flush()
        if self.settings.WEBHOOK_URL is None and self._next_update is not None:
            # A poll that does not wait, and whose update is left for the next process.
            with suppress(self._library.Unreachable, self._library.RetryAfter):
                await self._client.get_updates(self._next_update, 0, limit=1)

    async def _poll(self) -> None:
        await self._client.listen_by_polling()
        while True:
            updates = await self._fetch()
            if self.is_stopping:
                await asyncio.Event().wait()  # what came is not confirmed, and comes again
            if not self._take_all(updates) and updates:
                await asyncio.sleep(self.backoff.next_s())  # none can be confirmed

    async def _fetch(self) -> list[Any]:
        if self.is_stopping:
            return []
        try:
            updates = await self._client.get_updates(self._next_update, self.settings.POLL_S)
        except self._library.MalformedAnswer as error:
            self.report_malformed(str(error), "an answer of the Bot API")
            raise
        self.backoff.succeed()
        return updates

    async def _listen(self) -> None:
        async with self._webhook.listening(
            self.settings, self._take_pushed, self.report_malformed
        ) as address:
            self.listens_at = address
            await stay_connected(
                self._announce,
                self.backoff,
                to="the Bot API",
                lost=(self._library.Unreachable, self._library.RetryAfter),
            )

    async def _announce(self) -> None:
        await self._client.listen_by_webhook()
        self.backoff.succeed()
        await asyncio.Event().wait()

    def _take_all(self, updates: list[Any]) -> bool:
        """Give out updates; returns whether there is a new offset."""
        before = self._next_update
        for update in updates:
            self._take(update)
            if (number := update_id(update)) is not None:
                self._next_update = max(number + 1, self._next_update or 0)
        return self._next_update != before

    def _take_pushed(self, update: object) -> bool:
        if self.is_stopping:
            return False
        self._take(update)
        return True

    def _take(self, update: object) -> None:
        try:
            incoming = read_update(update)
        except MalformedUpdate as error:
            self.report_malformed(update, error.expected)
            return
        scope = self.get_or_create_application_instance(incoming.chat_id, incoming.scope)
        scope.offer(incoming.event)  # one chat that is slow must not hold up the others
