"""The keys of the query language: the one table that everything else is made from.

Owns the names, what each compares, and in which rooms it has a meaning. The parser reads
it, the field's help and its completion show it, and a test holds the documentation to it.
Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from console.entry import DIRECTIONS

Room: TypeAlias = Literal["connections", "traffic"]

BYTES: Mapping[str, Decimal] = {
    "": Decimal(1),
    "b": Decimal(1),
    "k": Decimal(1_000),
    "kb": Decimal(1_000),
    "m": Decimal(1_000_000),
    "mb": Decimal(1_000_000),
}
MILLISECONDS: Mapping[str, Decimal] = {
    "": Decimal(1),
    "us": Decimal("0.001"),
    "ms": Decimal(1),
    "s": Decimal(1_000),
}
PLAIN: Mapping[str, Decimal] = {"": Decimal(1)}

BOTH: tuple[Room, ...] = ("connections", "traffic")
CONNECTIONS: tuple[Room, ...] = ("connections",)
TRAFFIC: tuple[Room, ...] = ("traffic",)


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        name: how it is written before the colon.
        meaning: what it compares, in a line.
        example: a term that uses it.
        rooms: where it has a meaning; elsewhere it matches nothing.
        aliases: other names for it.
        choices: the values that there are; none if there may be any.
        units: what a number is multiplied by, by the letters after it; None if it
            compares no number.
        is_number: whether it compares numbers only.
    """

    name: str
    meaning: str
    example: str
    rooms: tuple[Room, ...] = BOTH
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    units: Mapping[str, Decimal] | None = None
    is_number: bool = False

    @property
    def where(self) -> str:
        """The room that alone knows it, or "" if both do."""
        return "" if len(self.rooms) > 1 else self.rooms[0].capitalize()


TABLE: tuple[Key, ...] = (
    Key("type", "type of the event or message; of a connection its protocol", "type:chat.*"),
    Key(
        "dir",
        "direction, seen from the application",
        "dir:in,out",
        TRAFFIC,
        choices=tuple(dict.fromkeys(DIRECTIONS.values())),
    ),
    Key("kind", "what happened", "kind:group_send", TRAFFIC, choices=tuple(DIRECTIONS)),
    Key(
        "is",
        "how the connection stands, or what is special about an entry",
        "is:open",
        choices=("open", "closed", "idle", "error", "console", "binary", "cut"),
    ),
    Key(
        "state",
        "state of the connection",
        "state:closing",
        CONNECTIONS,
        choices=("connecting", "open", "idle", "closing", "closed", "refused", "error"),
    ),
    Key("path", "path of the connection", "path:/ws/chat/*"),
    Key("user", "name of the user, or anonymous", "user:ada"),
    Key("consumer", "class of the consumer", "consumer:ChatConsumer"),
    Key("proto", "protocol of the connection", "proto:ws", aliases=("protocol",)),
    Key("process", "name of the process", "process:web-*", aliases=("proc",)),
    Key("group", "group that the message went to, or that the connection is in", "group:lobby"),
    Key("channel", "channel name", "channel:thumbnails"),
    Key("code", "close code of the connection, or its HTTP status", "code:>1000", units=PLAIN),
    Key("error", "what went wrong: its sentence, or the class of the error", "error:KeyError"),
    Key("id", "id of the connection, or its first 8 characters", "id:5f00c2a1"),
    Key("trace", "id of all that one inbound event caused", "trace:5f00c2000017", TRAFFIC),
    Key(
        "at",
        "when it happened, in seconds since 1970",
        "at:>=1790000000",
        TRAFFIC,
        units=PLAIN,
        is_number=True,
    ),
    Key(
        "size", "bytes of the payload, or of all messages", "size:>1k", units=BYTES, is_number=True
    ),
    Key(
        "took",
        "time of the handler",
        "took:>50ms",
        TRAFFIC,
        aliases=("duration",),
        units=MILLISECONDS,
        is_number=True,
    ),
)

BY_NAME: Mapping[str, Key] = {name: key for key in TABLE for name in (key.name, *key.aliases)}
"""Each key by all of its names."""


def keys_of(room: str) -> list[Key]:
    """Return the keys that have a meaning in `room`, in the order of the table."""
    return [key for key in TABLE if room in key.rooms]


def completions(room: str) -> dict[str, tuple[str, ...]]:
    """Return what may be typed in `room`: each key with its colon, and the values after it."""
    return {f"{key.name}:": key.choices for key in keys_of(room)}
