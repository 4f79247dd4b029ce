"""The Bot API's updates as scopes and events, and the other way round.

Owns the reading of what comes: it is checked here, whoever sent it. Pure.

Source: https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.exceptions import UnknownEvent
from runtime.typing import Event, Scope

LONGEST_TEXT = 4_096
"""Characters of one message; a longer text is sent in parts."""

WITH_A_CHAT = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
)
"""Kinds of updates that say to which chat they belong."""


class MalformedUpdate(ValueError):
    """What came is no update that can be given to anybody.

    Attributes:
        expected: what was missing, in words.
    """

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected

    def __str__(self) -> str:
        return f"Expected {self.expected}."


@dataclass(frozen=True, slots=True)
class Incoming:
    """One update.

    Attributes:
        chat_id: the key of its scope.
        scope: for a scope that has to be opened.
        event: what happened.
    """

    chat_id: int
    scope: Scope
    event: Event


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to a chat.

    Attributes:
        text: at most `LONGEST_TEXT` characters.
        parse_mode: "HTML" or "MarkdownV2"; None for plain text.
        reply_to: the id of a message that it answers.
        is_silent: whether nobody is to be alerted.
    """

    text: str
    parse_mode: str | None = None
    reply_to: int | None = None
    is_silent: bool = False


def update_id(update: object) -> int | None:
    """Return the number of an update, or None if it has none."""
    found = update.get("update_id") if isinstance(update, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def read_update(update: object) -> Incoming:
    """Return who an update is for, and what it says.

    Raises:
        MalformedUpdate: nobody can tell.
    """
    if not isinstance(update, Mapping) or update_id(update) is None:
        raise MalformedUpdate("an object with an update_id")
    kind, content = _content(update)
    chat = _object(content, "chat")
    chat_id = _number(chat, "id")
    sender = content.get("from")
    sender = _person(sender) if isinstance(sender, Mapping) else None
    scope: Scope = {
        "type": "telegram",
        "path": f"chats/{chat_id}",
        "chat_id": chat_id,
        "chat_type": _text(chat, "type", ""),
        "chat_name": _text(chat, "title", "") or _name(chat),
        "sender": sender,
    }
    if sender is not None:
        scope["client"] = (sender["username"] or sender["name"], sender["id"])
    return Incoming(chat_id, scope, _event(kind, content, sender, update))


def read_messages(event: Event) -> Iterator[Outgoing]:
    """Yield the messages that an event "telegram.message" asks for: one, or a long text's parts.

    Raises:
        UnknownEvent: it is none.
    """
    text = event.get("text")
    if event.get("type") != "telegram.message" or not isinstance(text, str) or not text.strip():
        raise UnknownEvent(event, "telegram.message with a text that is not blank")
    parse_mode, reply_to = event.get("parse_mode"), event.get("reply_to")
    if parse_mode not in (None, "HTML", "MarkdownV2"):
        raise UnknownEvent(event, 'a parse_mode "HTML" or "MarkdownV2", or none')
    if reply_to is not None and not isinstance(reply_to, int):
        raise UnknownEvent(event, "reply_to as the id of a message")
    for begin in range(0, len(text), LONGEST_TEXT):
        part = text[begin : begin + LONGEST_TEXT]
        if part.strip():
            yield Outgoing(part, parse_mode, reply_to, bool(event.get("is_silent", False)))


def _content(update: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for kind in WITH_A_CHAT:
        if isinstance(content := update.get(kind), Mapping):
            return kind, content
    query = update.get("callback_query")
    if isinstance(query, Mapping) and isinstance(query.get("message"), Mapping):
        return "callback_query", {"from": query.get("from"), "chat": query["message"].get("chat")}
    raise MalformedUpdate(f"an update of a chat: {', '.join(WITH_A_CHAT)} or callback_query")


def _event(
    kind: str, content: Mapping[str, Any], sender: object, update: Mapping[str, Any]
) -> Event:
    text = _text(content, "text", "")
    if kind != "message" or "text" not in content:
        return {"type": "telegram.update", "kind": kind, "update": dict(update)}
    return {
        "type": "telegram.message",
        "text": text,
        "message_id": _number(content, "message_id"),
        "date": _number(content, "date"),
        "sender": sender,
    }


def _person(sender: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": _number(sender, "id"),
        "username": _text(sender, "username", ""),
        "name": _name(sender),
    }


def _name(one: Mapping[str, Any]) -> str:
    return f"{_text(one, 'first_name', '')} {_text(one, 'last_name', '')}".strip()


def _object(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = content.get(key)
    if not isinstance(found, Mapping):
        raise MalformedUpdate(f"an object as {key!r}")
    return found


def _number(content: Mapping[str, Any], key: str) -> int:
    found = content.get(key)
    if not isinstance(found, int) or isinstance(found, bool):
        raise MalformedUpdate(f"a whole number as {key!r}")
    return found


def _text(content: Mapping[str, Any], key: str, default: str) -> str:
    found = content.get(key, default)
    if not isinstance(found, str):
        raise MalformedUpdate(f"a text as {key!r}")
    return found
