"""What the consoles and the processes of a project say to each other, as messages.

Owns the frames, their version, their bounds, and the seal by which a project knows its own:
whoever shares the channel layer but not the project's secret can neither ask nor answer.
Everything that comes in is held against its shape before anybody acts on it. Knows no
channel layer and no clock. Pure.

Source: docs/decisions/0015-the-relay.md
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from console import plain
from console.action import Action, RefusedAction
from console.connection_view import ConnectionView
from console.entry_view import EntryView
from console.plain import MalformedValue
from console.process import ProcessReport
from console.reading import Interest

VERSION: Final = 1
TYPE: Final = "channelscope.relay"
GROUP: Final = "channelscope.relay"
"""The group in which every process of the project listens."""

MOST_BYTES: Final = 256_000
"""A layer message is never larger; what is, goes in parts."""

PART_CHARS: Final = 120_000
"""Characters of JSON in one part: quoted once more, they are at most twice as many."""

MOST_PARTS: Final = 200
MOST_SUBSCRIPTIONS: Final = 64
MOST_SINCE: Final = 1_200
LONGEST_NAME: Final = 200
MOST_ID: Final = 64

Seal: TypeAlias = Callable[[str], str]
"""Returns the seal of a body."""


class RefusedMessage(ValueError):
    """A message that is none of this project's, or not what it should be.

    Attributes:
        reason: why it was refused, as a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ForeignMessage(RefusedMessage):
    """A message with the seal of another project."""

    def __init__(self) -> None:
        super().__init__(
            "Another project, with a SECRET_KEY of its own, shares this channel layer: the two"
            " get each other's messages to groups. Give each a prefix of its own."
        )


class OtherVersion(RefusedMessage):
    """A process that speaks another version of the relay.

    Attributes:
        name: how it calls itself; nobody has checked that.
        version: which one it speaks.
    """

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"{name!r} speaks version {version} of the relay, expected {VERSION}.")
        self.name = name
        self.version = version


@dataclass(frozen=True, slots=True)
class Subscription:
    """One page that somebody looks at.

    Attributes:
        since: the offset that each process is to go on from, by its epoch.
    """

    id: str
    interest: Interest
    since: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lease:
    """A console is open: all that it wants, each time; what it leaves out it wants no more.

    Attributes:
        console: the channel that is answered to.
        ttl_s: seconds for which it holds, unless it is said again.
        age_s: seconds for which the console has been open: a process that is younger
            tells all that it has.
    """

    console: str
    ttl_s: float
    age_s: float
    subscriptions: tuple[Subscription, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewind:
    """A console has missed something: go on from `offset` once more."""

    console: str
    subscription: str
    offset: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, to one process or to all.

    Attributes:
        question: which one; `arguments` are its own.
    """

    id: str
    console: str
    question: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """One part of an answer; all parts in their order are one text."""

    ask: str
    epoch: str
    part: int
    parts: int
    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be done by one process, once; it says by an answer what became of it.

    Attributes:
        epoch: of the process that it is for.
        at: when it was asked for, in seconds since the Unix epoch.
    """

    id: str
    console: str
    epoch: str
    at: float
    action: Action


@dataclass(frozen=True, slots=True)
class Beat:
    """A process is there.

    Attributes:
        channel: where it can be asked, alone.
        sent: up to which offset it has told each of this console's subscriptions.
        is_last: whether it is about to go.
    """

    report: ProcessReport
    channel: str
    sent: Mapping[str, int] = field(default_factory=dict)
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What changed in one process between two offsets, for one subscription.

    Attributes:
        origin: the offset at which the subscription began in this process.
        start, end: the offsets: the batch after this one starts at `end`.
        rows: connections that changed; `came` are the ids of new ones.
        entries: those that match, oldest first.
        counts: of all connections that match, by protocol, if they changed.
    """

    subscription: str
    epoch: str
    origin: int
    start: int
    end: int
    rows: tuple[ConnectionView, ...] = ()
    came: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    entries: tuple[EntryView, ...] = ()
    missed: int = 0
    sampled_out: int = 0
    counts: Mapping[str, int] | None = None


Frame: TypeAlias = Lease | Rewind | Ask | Act | Answer | Beat | Batch

KINDS: Final[dict[str, type[Any]]] = {
    "lease": Lease,
    "rewind": Rewind,
    "ask": Ask,
    "act": Act,
    "answer": Answer,
    "beat": Beat,
    "batch": Batch,
}
_NAMES: Final = {kind: name for name, kind in KINDS.items()}


def encode(frame: Frame, sender: str, seal: Seal) -> dict[str, Any]:
    """Return the layer message that says `frame`.

    Args:
        sender: the name of the process, which a process of another version shows.

    Raises:
        RefusedMessage: it would be larger than `MOST_BYTES`.
    """
    body = dumps({"kind": _NAMES[type(frame)], **plain.to_plain(frame)})
    if len(body) > MOST_BYTES - 1_000:
        raise RefusedMessage(f"A message of {len(body)} bytes does not fit {MOST_BYTES}.")
    return {"type": TYPE, "v": VERSION, "name": sender, "body": body, "seal": seal(body)}


def decode(message: object, seals: tuple[Seal, ...]) -> Frame:
    """Return the frame that a layer message says.

    Args:
        seals: of the project's secret and of those that it had before.

    Raises:
        OtherVersion: it is of another version.
        RefusedMessage: it has no such seal, or is malformed.
    """
    body = _opened(message, seals)
    try:
        data = loads(body)
        kind = KINDS.get(data.pop("kind", "")) if isinstance(data, dict) else None
        if kind is None:
            raise RefusedMessage("Expected a frame of a known kind.")
        frame: Frame = plain.from_plain(kind, data)
        _require_bounds(frame)
    except (MalformedValue, RecursionError, RefusedAction, TypeError) as error:
        raise RefusedMessage(str(error)) from None
    return frame


def dumps(value: object) -> str:
    """Return `value` as JSON in ASCII."""
    return json.dumps(value, separators=(",", ":"), default=_plain_of)


def loads(text: str) -> Any:
    """Return what JSON says. Raises RefusedMessage for what is none, or is nested too deep."""
    try:
        # A name for what is no number: it then fails wherever a number is expected.
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise RefusedMessage(f"Expected JSON: {error}"[:200]) from None


def cut(text: str) -> list[str]:
    """Return `text` in parts that fit into a message each; at least one."""
    return [text[at : at + PART_CHARS] for at in range(0, len(text), PART_CHARS)] or [""]


def _opened(message: object, seals: tuple[Seal, ...]) -> str:
    if not isinstance(message, dict) or message.get("type") != TYPE:
        raise RefusedMessage(f"Expected a message of the type {TYPE!r}.")
    version, name = message.get("v"), message.get("name")
    if not isinstance(version, int) or not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise RefusedMessage("Expected a version and a name.")
    if version != VERSION:
        raise OtherVersion(name, version)
    body, given = message.get("body"), message.get("seal")
    if not isinstance(body, str) or not isinstance(given, str) or len(body) > MOST_BYTES:
        raise RefusedMessage(f"Expected a body of at most {MOST_BYTES} characters, and its seal.")
    if not (body.isascii() and given.isascii()):
        raise RefusedMessage("Expected ASCII.")
    if not any(hmac.compare_digest(seal(body), given) for seal in seals):
        raise ForeignMessage
    return body


def _require_bounds(frame: Frame) -> None:
    if isinstance(frame, Lease):
        is_fine = (
            0 < frame.ttl_s <= 600
            and frame.age_s >= 0
            and len(frame.subscriptions) <= MOST_SUBSCRIPTIONS
            and all(len(one.since) <= MOST_SINCE for one in frame.subscriptions)
            and all(0 < one.interest.limit <= 1_000 for one in frame.subscriptions)
        )
    elif isinstance(frame, Answer):
        is_fine = 0 <= frame.part < frame.parts <= MOST_PARTS
    elif isinstance(frame, Batch):
        is_fine = 0 <= frame.origin <= frame.start <= frame.end and frame.missed >= 0
        is_fine = is_fine and frame.sampled_out >= 0
        is_fine = is_fine and all(frame.start <= one.offset < frame.end for one in frame.entries)
        is_fine = is_fine and all(map(_is_identifier, (*frame.came, *frame.removed)))
    elif isinstance(frame, Rewind):
        is_fine = frame.offset >= 0
    elif isinstance(frame, Act):
        frame.action.require_valid()
        is_fine = bool(frame.id) and all(map(_is_identifier, frame.action.connections))
    else:
        is_fine = True
    if not is_fine:
        raise RefusedMessage(f"A {_NAMES[type(frame)]} is out of its bounds.")


def _is_identifier(text: str) -> bool:
    return text.isascii() and text.isalnum() and len(text) <= MOST_ID


def _plain_of(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
