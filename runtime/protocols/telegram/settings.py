"""What CHANNELS_TELEGRAM may say.

Owns names, types and defaults, and the rules between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from runtime.protocols.options import read_options

NAME = "CHANNELS_TELEGRAM"

_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """One bot.

    Attributes:
        TOKEN: of the bot, as BotFather gave it.
        API_URL: where the Bot API is; a server of one's own, for instance.
        SCOPE_TIMEOUT_S: seconds of silence after which a conversation is over.
        MAX_SCOPES: conversations at most; the one that was silent for longest makes room.
        UPDATES: the kinds of updates to ask for.
        POLL_S: how long one poll waits for updates.
        WEBHOOK_URL: where Telegram sends updates; None to poll for them.
        WEBHOOK_SECRET: what Telegram has to say there, as set with the webhook.
        WEBHOOK_HOST, WEBHOOK_PORT: where this server listens, behind what speaks TLS.
        PER_CHAT_S: seconds between two messages to one person.
        PER_GROUP_S: the same for a group.
        PER_SECOND: messages a second to all chats.
    """

    TOKEN: str = field(repr=False)
    API_URL: str = "https://api.telegram.org"
    SCOPE_TIMEOUT_S: float = 1800.0
    MAX_SCOPES: int = 10_000
    UPDATES: tuple[str, ...] = ("message",)
    POLL_S: int = 30
    WEBHOOK_URL: str | None = None
    WEBHOOK_SECRET: str | None = field(default=None, repr=False)
    WEBHOOK_HOST: str = "127.0.0.1"
    WEBHOOK_PORT: int = 8081
    PER_CHAT_S: float = 1.0
    PER_GROUP_S: float = 3.0
    PER_SECOND: int = 30

    def __post_init__(self) -> None:
        if self.WEBHOOK_URL is None:
            return
        if not _SECRET.fullmatch(self.WEBHOOK_SECRET or ""):
            raise ImproperlyConfigured(
                f"{NAME}: a webhook needs a WEBHOOK_SECRET of 1 to 256 letters, digits, '_' and"
                " '-'. Make one with: python -c 'import secrets; print(secrets.token_urlsafe())'"
            )

    @property
    def webhook_path(self) -> str:
        """The path at which updates come in: that of WEBHOOK_URL."""
        return urlsplit(self.WEBHOOK_URL or "").path or "/"


def telegram_settings() -> TelegramSettings:
    """Return what the project's settings say. Raises ImproperlyConfigured."""
    return read_options(NAME, TelegramSettings)
