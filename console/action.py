"""What may be done to connections, groups and channels, as values; and what became of it.

Owns the kinds of actions, their fields and their bounds. They cross to the process that
carries them out, so they are plain and small. Knows neither who asks nor how it is done.
Pure.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

ActionKind: TypeAlias = Literal["send", "deliver", "close", "join", "leave", "broadcast", "post"]

ON_CONNECTIONS: Final = ("send", "deliver", "close", "join", "leave")
"""Kinds that act on connections, in whichever process each of them is."""

MOST_CONNECTIONS: Final = 1_000
"""Connections in one action: of more, several are made."""

LONGEST_PAYLOAD: Final = 100_000
LONGEST_NAME: Final = 99
LONGEST_REASON_BYTES: Final = 123
"""Source: RFC 6455, section 5.5: a control frame has 125 bytes, two of them the code."""

CLOSE_CODES: Final = (1000, 1001, 1008, 1011, 1012, 1013, *range(3000, 5000))
"""What an application or its server may close with.

Source: RFC 6455, section 7.4; the IANA registry of WebSocket close codes
"""

REASONS_KEPT: Final = 5


class RefusedAction(ValueError):
    """An action that cannot be carried out as it was asked for.

    Attributes:
        reason: what was expected and what came, as a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Action:
    """Something to be done.

    Attributes:
        kind: "send" an event to the clients, "deliver" a layer message to the consumers,
            "close" the connections, let them "join" or "leave" a group; "broadcast" a message
            to a group, or "post" it on a channel.
        by: the name of who asked for it.
        connections: ids, for what is done to connections.
        group: its name, to join, leave or broadcast; `channel` is that to post on.
        layer: the alias of the channel layer, for what goes to a group or a channel.
        text: of a frame; `data` is a binary one, in base64.
        message: an event, or a layer message.
        code, reason: of a close.
    """

    kind: ActionKind
    by: str = ""
    connections: tuple[str, ...] = ()
    group: str = ""
    channel: str = ""
    layer: str = "default"
    text: str | None = None
    data: str | None = None
    message: Mapping[str, Any] | None = None
    code: int = 1000
    reason: str = ""

    @property
    def payload(self) -> object:
        """What is sent by it: text, bytes or a dict; None if nothing is."""
        if self.data is not None:
            return base64.b64decode(self.data)
        return self.text if self.text is not None else self.message

    def event(self) -> dict[str, Any]:
        """Return the event that sends the frame, or the message as the event that it is."""
        if self.message is not None:
            return dict(self.message)
        if self.data is not None:
            return {"type": "websocket.send", "bytes": base64.b64decode(self.data)}
        return {"type": "websocket.send", "text": self.text or ""}

    def require_valid(self) -> None:
        """Return if it can be carried out. Raises RefusedAction with the reason if not."""
        if len(self.connections) > MOST_CONNECTIONS:
            raise RefusedAction(f"Expected at most {MOST_CONNECTIONS} connections at once.")
        size = sum(len(one) for one in (self.text, self.data, repr(self.message)) if one)
        if size > LONGEST_PAYLOAD:
            raise RefusedAction(
                f"Expected a message of at most {LONGEST_PAYLOAD:_} characters, not {size:_}."
            )
        _CHECKS[self.kind](self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action.

    Attributes:
        done: how often it was carried out; `gone` counts connections that were closed already,
            `failed` what went wrong.
        reasons: why, each once, as sentences.
    """

    done: int = 0
    gone: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        """Return both together."""
        reasons = tuple(dict.fromkeys((*self.reasons, *other.reasons)))[:REASONS_KEPT]
        return Outcome(
            self.done + other.done, self.gone + other.gone, self.failed + other.failed, reasons
        )

    @property
    def is_whole(self) -> bool:
        """Whether all of it was done."""
        return not self.gone and not self.failed

    def __str__(self) -> str:
        counts = (("done", self.done), ("gone already", self.gone), ("failed", self.failed))
        said = ", ".join(f"{count} {word}" for word, count in counts if count) or "Nothing to do"
        return " ".join((f"{said}.", *self.reasons))


def total(outcomes: Iterable[Outcome]) -> Outcome:
    """Return all outcomes together."""
    return sum(outcomes, Outcome())


def failure(reason: str, count: int = 1) -> Outcome:
    """Return that `count` times it went wrong, for one reason."""
    return Outcome(failed=count, reasons=(reason,) if count else ())


def is_message(value: object) -> bool:
    """Return whether `value` is an event or a layer message: a dict with a type."""
    return isinstance(value, Mapping) and isinstance(value.get("type"), str) and bool(value["type"])


def _check_send(action: Action) -> None:
    if sum(one is not None for one in (action.text, action.data, action.message)) != 1:
        raise RefusedAction("Expected one of a text, binary data and an event.")
    if action.message is not None:
        _require_message(action)
    if action.data is not None:
        try:
            base64.b64decode(action.data, validate=True)
        except (binascii.Error, ValueError):
            raise RefusedAction("Expected binary data in base64.") from None


def _require_message(action: Action) -> None:
    if not is_message(action.message):
        raise RefusedAction('Expected an object with a "type", such as {"type": "chat.message"}.')


def _check_close(action: Action) -> None:
    if action.code not in CLOSE_CODES:
        raise RefusedAction(
            "Expected one of the codes 1000, 1001, 1008, 1011 to 1013 and 3000 to 4999, not"
            f" {action.code}."
        )
    if len(action.reason.encode("utf-8", "replace")) > LONGEST_REASON_BYTES:
        raise RefusedAction(f"Expected a reason of at most {LONGEST_REASON_BYTES} bytes.")


def _require_group(action: Action) -> None:
    _require_name(action.group, "group")


def _check_broadcast(action: Action) -> None:
    _require_group(action)
    _require_message(action)


def _check_post(action: Action) -> None:
    _require_name(action.channel, "channel")
    _require_message(action)


def _require_name(name: str, what: str) -> None:
    if not 0 < len(name) <= LONGEST_NAME:
        raise RefusedAction(f"Expected the name of a {what}: 1 to {LONGEST_NAME} characters.")


_CHECKS: Final = {
    "send": _check_send,
    "deliver": _require_message,
    "close": _check_close,
    "join": _require_group,
    "leave": _require_group,
    "broadcast": _check_broadcast,
    "post": _check_post,
}
