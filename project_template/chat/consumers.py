"""The chat: who is connected, and what they say to each other.

What is said goes to everybody in the room at once. Keeping it is another matter: the worker
does that, so that nobody waits for the database.
"""

import logging
from typing import Any

from django.utils import timezone

from chat.models import MAX_TEXT_CHARS, Message
from runtime.consumer import SyncConsumer
from runtime.exceptions import ChannelFull
from runtime.generic.websocket import AsyncJsonWebsocketConsumer

logger = logging.getLogger(__name__)

ARCHIVE = "archive"
"""The channel that the worker serves: `manage.py runworker archive`."""


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """One connection to one room.

    Takes {"text": "..."}; sends {"author", "text"} and {"error": "..."}.
    """

    async def connect(self) -> None:
        """Join the room that the path names."""
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.group = f"chat.{self.room}"
        self.author = self.scope["user"].get_username() or "somebody"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int | None) -> None:
        """Leave the room."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Pass on what somebody says, and hand it to the worker."""
        match content:
            case {"text": str(text)} if 0 < len(text.strip()) <= MAX_TEXT_CHARS:
                await self.say(text.strip())
            case _:
                expected = f"Expected a text of 1 to {MAX_TEXT_CHARS} characters, under 'text'."
                await self.send_json({"error": expected})

    async def say(self, text: str) -> None:
        """Tell the room, and have it kept."""
        said = {"room": self.room, "author": self.author, "text": text}
        await self.channel_layer.group_send(self.group, {"type": "chat.said", **said})
        said_at = timezone.now().isoformat()
        try:
            await self.channel_layer.send(ARCHIVE, {"type": "keep", "said_at": said_at, **said})
        except ChannelFull:
            logger.warning("The worker does not keep up, or does not run: a message is not kept.")

    async def chat_said(self, event: dict[str, Any]) -> None:
        """Somebody in the room said something; our own words come back this way too."""
        await self.send_json({"author": event["author"], "text": event["text"]})


class ArchiveConsumer(SyncConsumer):
    """Keeps what was said. It runs in the worker."""

    def keep(self, event: dict[str, Any]) -> None:
        """Write one message down."""
        names = ("room", "author", "text", "said_at")
        Message.objects.create(**{name: event[name] for name in names})
