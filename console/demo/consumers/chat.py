"""A chat room: people who are signed in, one group, and nothing that is stored.

Who is in a room is not kept anywhere either: a newcomer says so to the group, and
each member answers the newcomer directly. That holds across processes and needs no
shared state that could be wrong after one of them dies.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from typing import Any

from django.utils import timezone

from console.demo.consumers.thumbnails import CHANNEL as THUMBNAILS
from runtime.generic.websocket import AsyncJsonWebsocketConsumer

MAX_ROOM_CHARS = 50
MAX_TEXT_CHARS = 1000
THUMB_COMMAND = "/thumb"

# Close codes of the demo's own, in the range that RFC 6455, section 7.4.2 leaves to applications.
SIGN_IN_FIRST = 4401
NO_SUCH_ROOM = 4404


class ChatConsumer(AsyncJsonWebsocketConsumer):
    """One person in one room.

    Takes {"type": "message", "text"} and {"type": "typing"}. Sends "welcome", "joined",
    "present", "left", "message", "typing", "thumbnail" and "error".
    """

    group: str | None = None

    async def connect(self) -> None:
        """Join the room, or say by a close code why not.

        The code comes after accepting: a browser tells its page nothing of a refusal.
        """
        await self.accept()
        room = self.scope["url_route"]["kwargs"]["room"]
        if not self.scope["user"].is_authenticated:
            await self.close(code=SIGN_IN_FIRST, reason="Sign in first")
        elif len(room) > MAX_ROOM_CHARS:
            await self.close(code=NO_SUCH_ROOM, reason="No room has so long a name")
        else:
            await self._enter(room)

    async def disconnect(self, code: int | None) -> None:
        """Leave the room and let the others know."""
        if self.group is not None:
            await self.channel_layer.group_discard(self.group, self.channel_name)
            await self._tell_room("chat.left")

    async def _enter(self, room: str) -> None:
        # The id tells two tabs of one person apart, and is no address of anything.
        self.me = {"id": secrets.token_hex(4), "name": self.scope["user"].get_username()}
        self.group = f"chat.{room}"
        await self.send_json({"type": "welcome", "room": room, "you": self.me})
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self._tell_room("chat.joined", reply_to=self.channel_name)

    # What the browser says

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """Take a frame of JSON; any other is explained, where it would end the connection."""
        try:
            content = json.loads(text_data or "")
        except ValueError:
            content = None
        await self.receive_json(content, **kwargs)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Pass a message or a sign of typing on to the room."""
        match content:
            case {"type": "typing"}:
                await self._tell_room("chat.typing")
            case {"type": "message", "text": str(text)} if text.strip():
                await self._say(text.strip())
            case _:
                await self._refuse('Expected {"type": "message", "text": "..."}.')

    async def _say(self, text: str) -> None:
        command, _, subject = text.partition(" ")
        if len(text) > MAX_TEXT_CHARS:
            await self._refuse(f"A message has at most {MAX_TEXT_CHARS} characters.")
        elif command != THUMB_COMMAND:
            await self._tell_room("chat.message", text=text, at=timezone.now().isoformat())
        elif not subject.strip():
            await self._refuse(f"Say what to draw: {THUMB_COMMAND} <text>.")
        else:
            await self._ask_for_thumbnail(subject.strip())

    async def _ask_for_thumbnail(self, text: str) -> None:
        request = {"type": "thumbnail.generate", "text": text, "reply_to": self.channel_name}
        await self.channel_layer.send(THUMBNAILS, request)

    async def _refuse(self, why: str) -> None:
        await self.send_json({"type": "error", "text": why})

    # What the layer says

    async def chat_joined(self, event: dict[str, Any]) -> None:
        """Somebody came: show it, and tell them that we are here."""
        await self.send_json({"type": "joined", "user": event["user"]})
        if event["reply_to"] != self.channel_name:
            here = {"type": "chat.present", "user": self.me}
            await self.channel_layer.send(event["reply_to"], here)

    async def chat_present(self, event: dict[str, Any]) -> None:
        """Somebody was here before us."""
        await self.send_json({"type": "present", "user": event["user"]})

    async def chat_left(self, event: dict[str, Any]) -> None:
        """Somebody went."""
        await self.send_json({"type": "left", "user": event["user"]})

    async def chat_typing(self, event: dict[str, Any]) -> None:
        """Somebody else is typing."""
        if event["user"] != self.me:
            await self.send_json({"type": "typing", "user": event["user"]})

    async def chat_message(self, event: dict[str, Any]) -> None:
        """Somebody said something; our own words come back this way too."""
        words = {"user": event["user"], "text": event["text"], "at": event["at"]}
        await self.send_json({"type": "message", **words})

    async def thumbnail_ready(self, event: dict[str, Any]) -> None:
        """The worker drew what we asked for: show it to the whole room."""
        at = timezone.now().isoformat()
        await self._tell_room("chat.thumbnail", text=event["text"], png=event["png"], at=at)

    async def chat_thumbnail(self, event: dict[str, Any]) -> None:
        """Somebody shows a thumbnail."""
        image = "data:image/png;base64," + b64encode(event["png"]).decode("ascii")
        words = {"user": event["user"], "text": event["text"], "at": event["at"]}
        await self.send_json({"type": "thumbnail", **words, "image": image})

    async def _tell_room(self, type_: str, **content: Any) -> None:
        message = {"type": type_, "user": self.me, **content}
        await self.channel_layer.group_send(self.group, message)
