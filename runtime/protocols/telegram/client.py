"""The Bot API, as this package uses it.

Owns all that knows `aiogram`, and what its errors mean here. No error that leaves this module
has the bot's token in it: aiohttp names addresses, and the token is part of each.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from aiogram import Bot, exceptions
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import DeleteWebhook, SetWebhook, TelegramMethod
from aiogram.types import ReplyParameters
from aiogram.utils.token import TokenValidationError
from django.core.exceptions import ImproperlyConfigured

from runtime.protocols.telegram.settings import NAME, TelegramSettings
from runtime.protocols.telegram.updates import Outgoing

T = TypeVar("T")

ANSWER_S = 20
"""How long an answer may take, besides the time that a poll waits."""


class Unreachable(Exception):
    """The Bot API did not answer, or cannot serve now: to be tried again."""


class MalformedAnswer(Unreachable):
    """The Bot API answered with something else than it promises."""


class Refused(Exception):
    """The Bot API refuses a call for good."""


class RetryAfter(Exception):
    """The Bot API wants to be left alone for some seconds.

    Attributes:
        for_s: how long.
    """

    def __init__(self, for_s: float) -> None:
        super().__init__(for_s)
        self.for_s = for_s


class Migrated(Exception):
    """A group has become another chat.

    Attributes:
        chat_id: of the chat that it is now.
    """

    def __init__(self, chat_id: int) -> None:
        super().__init__(chat_id)
        self.chat_id = chat_id


class _GetUpdates(TelegramMethod[list[Any]]):
    """As the library's, but gives each update as it came: one that is odd spoils no other."""

    __returning__: ClassVar[Any] = list[Any]
    __api_method__: ClassVar[str] = "getUpdates"

    offset: int | None = None
    limit: int | None = None
    timeout: int | None = None
    allowed_updates: list[str] | None = None


class _SendMessage(TelegramMethod[Any]):
    """As the library's, but what was sent is not read again: it has been sent."""

    __returning__: ClassVar[Any] = Any
    __api_method__: ClassVar[str] = "sendMessage"

    chat_id: int
    text: str
    parse_mode: str | None = None
    disable_notification: bool | None = None
    reply_parameters: ReplyParameters | None = None


class BotClient:
    """One bot at the Bot API.

    Raises:
        ImproperlyConfigured: the token is none.
    """

    def __init__(self, settings: TelegramSettings) -> None:
        self.settings = settings
        session = AiohttpSession(api=TelegramAPIServer.from_base(settings.API_URL))
        try:
            self._bot = Bot(settings.TOKEN, session=session)
        except TokenValidationError as error:
            raise ImproperlyConfigured(
                f"{NAME}['TOKEN'] is no token of a bot: BotFather gives one like '123456:ABC-DEF'."
            ) from error

    async def get_updates(self, offset: int | None, wait_s: int, limit: int = 100) -> list[Any]:
        """Return the updates from `offset` on, waiting for the first; confirms those before."""
        method = _GetUpdates(
            offset=offset,
            limit=limit,
            timeout=wait_s,
            allowed_updates=list(self.settings.UPDATES),
        )
        return await self._call(method, wait_s + ANSWER_S)

    async def listen_by_polling(self) -> None:
        """Say that updates are polled for; they are kept while nobody does."""
        await self._call(DeleteWebhook(drop_pending_updates=False), ANSWER_S)

    async def listen_by_webhook(self) -> None:
        """Say where updates are to be sent to."""
        method = SetWebhook(
            url=self.settings.WEBHOOK_URL or "",
            secret_token=self.settings.WEBHOOK_SECRET,
            allowed_updates=list(self.settings.UPDATES),
        )
        await self._call(method, ANSWER_S)

    async def send(self, chat_id: int, message: Outgoing) -> None:
        """Send a message."""
        reply = message.reply_to
        method = _SendMessage(
            chat_id=chat_id,
            text=message.text,
            parse_mode=message.parse_mode,
            disable_notification=message.is_silent or None,
            reply_parameters=None if reply is None else ReplyParameters(message_id=reply),
        )
        await self._call(method, ANSWER_S)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._bot.session.close()

    async def _call(self, method: TelegramMethod[T], timeout_s: int) -> T:
        try:
            return await self._bot(method, request_timeout=timeout_s)
        except exceptions.TelegramRetryAfter as error:
            raise RetryAfter(error.retry_after) from None
        except exceptions.TelegramMigrateToChat as error:
            raise Migrated(error.migrate_to_chat_id) from None
        except exceptions.ClientDecodeError as error:
            raise MalformedAnswer(self._hide(error)) from None
        except (
            exceptions.TelegramNetworkError,
            exceptions.TelegramServerError,
            exceptions.TelegramConflictError,
        ) as error:
            raise Unreachable(self._hide(error)) from None
        except exceptions.AiogramError as error:
            raise Refused(self._hide(error)) from None

    def _hide(self, error: Exception) -> str:
        return f"{type(error).__name__}: {error}"[:300].replace(self.settings.TOKEN, "<token>")
