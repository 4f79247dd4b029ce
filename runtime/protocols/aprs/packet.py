"""An APRS packet, and the line of text that APRS-IS makes of it.

Owns the packet's shape and its checks. The bytes on the air are in `ax25`. Pure.

Source: http://www.aprs-is.net/Connecting.aspx; APRS Protocol Reference 1.0.1, chapters 3, 5 and 17
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_LINE = 512
"""Bytes, with the end of the line."""

THIRD_PARTY = b"}"
"""A packet that was carried over from another network begins so, and its own line follows."""

KINDS = {
    "!": "position",
    "=": "position",
    "/": "position",
    "@": "position",
    "`": "mic-e",
    "'": "mic-e",
    ":": "message",
    ";": "object",
    ")": "item",
    ">": "status",
    "_": "weather",
    "T": "telemetry",
    "?": "query",
    "<": "capabilities",
}
"""What a packet is about, by the first character of its information."""

_STATION = re.compile(r"[A-Za-z0-9]{1,9}(?:-[A-Za-z0-9]{1,2})?")
_HOP = re.compile(r"[A-Za-z0-9-]{1,9}\*?")
_MOST_HOPS = 10


class MalformedPacket(ValueError):
    """What came is no packet.

    Attributes:
        expected: what it should have been, in words.
    """

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected

    def __str__(self) -> str:
        return f"Expected {self.expected}."


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet.

    Attributes:
        source: the call sign of who sent it, with its SSID: "N0CALL-7".
        destination: for most packets a name of the program that made it.
        path: the stations that pass it on; those with a `*` have done so.
        info: what it says.
    """

    source: str
    destination: str
    path: tuple[str, ...]
    info: bytes

    @property
    def kind(self) -> str:
        """What it is about, in a word; "other" if the specification has none."""
        return KINDS.get(self.info[:1].decode("latin-1"), "other")

    @property
    def text(self) -> str:
        """What it says, as text."""
        return decode_text(self.info)

    def to_line(self) -> bytes:
        """Return it as a line of APRS-IS, without the line's end."""
        way = ",".join((self.destination, *self.path))
        return f"{self.source}>{way}:".encode("ascii") + self.info


def parse_line(line: bytes) -> Packet:
    """Return the packet that a line of APRS-IS is.

    Raises:
        MalformedPacket: it is none.
    """
    head, colon, info = line.rstrip(b"\r\n").partition(b":")
    if not colon or not info:
        raise MalformedPacket("a line like SOURCE>DESTINATION,PATH:information")
    try:
        source, arrow, way = head.decode("ascii").partition(">")
    except UnicodeDecodeError:
        raise MalformedPacket("ASCII before the information") from None
    if not arrow:
        raise MalformedPacket("a '>' after the source")
    destination, *path = way.split(",")
    for station in (source, destination):
        if not is_station(station):
            raise MalformedPacket(f"a station in place of {station!r:.20}")
    if len(path) > _MOST_HOPS or not all(_HOP.fullmatch(hop) for hop in path):
        raise MalformedPacket(f"a path of at most {_MOST_HOPS} stations")
    return Packet(source, destination, tuple(path), info)


def unwrap(packet: Packet) -> Packet:
    """Return the packet inside one that was carried over from another network; else itself.

    Raises:
        MalformedPacket: there is none inside.
    """
    return parse_line(packet.info[1:]) if packet.info.startswith(THIRD_PARTY) else packet


def is_station(text: str) -> bool:
    """Return whether `text` is a call sign, with or without an SSID."""
    return len(text) <= 9 and _STATION.fullmatch(text) is not None


def decode_text(data: bytes) -> str:
    """Return bytes as text: UTF-8 today, and what was usual before it."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
