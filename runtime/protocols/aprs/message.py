"""APRS messages: a text from one station to another, and its acknowledgement.

Owns their form inside a packet. When one is sent again is in `delivery`. Pure.

Source: APRS Protocol Reference 1.0.1, chapter 14; http://www.aprs.org/aprs11/replyacks.txt
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from runtime.protocols.aprs.packet import MalformedPacket, decode_text

LONGEST_TEXT = 67
"""Bytes of one message's text."""

_FORBIDDEN = str.maketrans({character: " " for character in "|~{\r\n\0"})
"""What may not stand in a text, as the TNCs of old took it for something else."""

_NUMBERED = re.compile(r"(.*)\{([A-Za-z0-9]{1,5})(?:\}([A-Za-z0-9]{0,5}))?", re.DOTALL)
_ANSWER = re.compile(r"(ack|rej)([A-Za-z0-9]{1,5})(?:\}[A-Za-z0-9]{0,5})?")


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes:
        to: the station that it is for.
        text: what it says.
        number: what an acknowledgement names; "" if none is asked for.
        acknowledges: the number of a message in the other direction; "" for none.
    """

    to: str
    text: str
    number: str = ""
    acknowledges: str = ""

    @property
    def is_bulletin(self) -> bool:
        """Whether it is for everybody."""
        return self.to.startswith(("BLN", "NWS", "SKY", "CWA", "BOM"))

    def to_info(self) -> bytes:
        """Return what a packet says that carries it."""
        number = f"{{{self.number}" if self.number else ""
        return f":{self.to:<9}:{self.text}{number}".encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement or a rejection.

    Attributes:
        to: the station that sent the message.
        number: of the message.
    """

    to: str
    number: str
    kind: Literal["ack", "rej"] = "ack"

    def to_info(self) -> bytes:
        """Return what a packet says that carries it."""
        return f":{self.to:<9}:{self.kind}{self.number}".encode()


def parse_message(info: bytes) -> Message | Answer:
    """Return the message, or the answer to one, that a packet of the kind "message" carries.

    Raises:
        MalformedPacket: it carries none.
    """
    if len(info) < 11 or info[:1] != b":" or info[10:11] != b":":
        raise MalformedPacket("a message like ':N0CALL-7 :text', its addressee 9 characters long")
    to = decode_text(info[1:10]).rstrip(" ")
    if not to:
        raise MalformedPacket("an addressee")
    text = decode_text(info[11:])
    if answer := _ANSWER.fullmatch(text.strip()):
        return Answer(to, answer[2], "ack" if answer[1] == "ack" else "rej")
    if numbered := _NUMBERED.fullmatch(text.rstrip()):
        return Message(to, numbered[1], numbered[2], numbered[3] or "")
    return Message(to, text)


def split_text(text: str) -> Iterator[str]:
    """Yield parts of a text that fit into a message each, cut between words where there are some.

    Characters that a message may not have become spaces.
    """
    rest = text.translate(_FORBIDDEN).strip()
    while rest:
        cut = _longest(rest)
        if cut < len(rest) and (space := rest.rfind(" ", cut // 2, cut + 1)) > 0:
            cut = space
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()


def _longest(text: str) -> int:
    """Return how many characters of `text` fit into one message."""
    return len(text.encode()[:LONGEST_TEXT].decode("utf-8", "ignore"))
