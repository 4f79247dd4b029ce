"""Guests of a chat room: people who are there by Telegram, by MQTT or by radio.

To the browsers in the room a guest is a person like the others. Each protocol's consumer runs in
the process of its server; the group carries what is said.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, ClassVar

from django.utils import timezone

from console.demo.consumers.chat import MAX_TEXT_CHARS
from runtime.consumer import AsyncConsumer
from runtime.exceptions import StopConsumer

SAID = "Said in the lobby."


class RoomGuest(AsyncConsumer):
    """One guest in one room, whatever they came by; a subclass speaks with them."""

    room: ClassVar[str] = "lobby"
    me: dict[str, str] | None = None

    async def hear(self, name: str, text: str) -> None:
        """Tell the guest what somebody else has said."""
        raise NotImplementedError

    async def enter(self, name: str) -> None:
        """Join the room, once."""
        if self.me is None:
            self.me = {"id": secrets.token_hex(4), "name": name}
            await self.channel_layer.group_add(self.group, self.channel_name)
            await self._tell_room("chat.joined", reply_to=self.channel_name)

    async def say(self, text: str) -> None:
        """Say something to the room."""
        at = timezone.now().isoformat()
        await self._tell_room("chat.message", text=text[:MAX_TEXT_CHARS], at=at)

    async def leave(self) -> None:
        """Leave the room, and be gone."""
        if self.me is not None:
            await self.channel_layer.group_discard(self.group, self.channel_name)
            await self._tell_room("chat.left")
        raise StopConsumer

    @property
    def group(self) -> str:
        """The group of the room."""
        return f"chat.{self.room}"

    # What the room says

    async def chat_message(self, event: dict[str, Any]) -> None:
        """Somebody said something; our own words come back this way too."""
        if event["user"] != self.me:
            await self.hear(event["user"]["name"], event["text"])

    async def chat_joined(self, event: dict[str, Any]) -> None:
        """Somebody came: tell them that we are here."""
        if event["reply_to"] != self.channel_name:
            here = {"type": "chat.present", "user": self.me}
            await self.channel_layer.send(event["reply_to"], here)

    async def chat_present(self, event: dict[str, Any]) -> None:
        """Somebody was here before us: a guest does not see who."""

    async def chat_left(self, event: dict[str, Any]) -> None:
        """Somebody went."""

    async def chat_typing(self, event: dict[str, Any]) -> None:
        """Somebody is typing."""

    async def chat_thumbnail(self, event: dict[str, Any]) -> None:
        """Somebody shows a picture, which these protocols do not carry here."""

    async def _tell_room(self, type_: str, **content: Any) -> None:
        message = {"type": type_, "user": self.me, **content}
        await self.channel_layer.group_send(self.group, message)


class TelegramGuest(RoomGuest):
    """Somebody who writes to the bot."""

    async def telegram_message(self, event: dict[str, Any]) -> None:
        """Say it in the room, and confirm it."""
        sender = event["sender"] or {}
        await self.enter(sender.get("username") or sender.get("name") or "Telegram")
        await self.say(event["text"])
        await self.send({"type": "telegram.message", "text": SAID})

    async def hear(self, name: str, text: str) -> None:
        """Write it to the chat."""
        await self.send({"type": "telegram.message", "text": f"{name}: {text}"})

    async def telegram_update(self, event: dict[str, Any]) -> None:
        """Pictures and the like are for another demo."""

    async def telegram_disconnect(self, event: dict[str, Any]) -> None:
        """The conversation is over."""
        await self.leave()


class MqttGuest(RoomGuest):
    """A topic to say something on, and one on which all that is said can be heard."""

    async def mqtt_connect(self, event: dict[str, Any]) -> None:
        """Be in the room for as long as the session lasts."""
        await self.enter("MQTT")

    async def mqtt_receive(self, event: dict[str, Any]) -> None:
        """Say it in the room, and let the topic hear it."""
        text = event["payload"].decode("utf-8", "replace").strip()
        if text:
            await self.say(text)
            await self.hear("MQTT", text)

    async def hear(self, name: str, text: str) -> None:
        """Publish it."""
        said = json.dumps({"name": name, "text": text})
        topic = f"channelscope/rooms/{self.room}/said"
        await self.send({"type": "mqtt.publish", "topic": topic, "payload": said, "qos": 1})

    async def mqtt_disconnect(self, event: dict[str, Any]) -> None:
        """The session is over."""
        await self.leave()


class AprsGuest(RoomGuest):
    """A station that writes to ours."""

    async def aprs_message(self, event: dict[str, Any]) -> None:
        """Say it in the room, and confirm it."""
        await self.enter(event["source"])
        await self.say(event["text"])
        await self.send({"type": "aprs.message", "text": SAID})

    async def hear(self, name: str, text: str) -> None:
        """Send it to the station."""
        await self.send({"type": "aprs.message", "text": f"{name}: {text}"})

    async def aprs_disconnect(self, event: dict[str, Any]) -> None:
        """The conversation is over."""
        await self.leave()
