"""A packet as the bytes of an AX.25 frame, as it is on the air but for its checksum.

Owns the addresses and the two bytes that make a frame one of APRS. Pure.

Source: AX.25 Link Access Protocol 2.2, section 3; APRS Protocol Reference 1.0.1, chapter 3
"""

from __future__ import annotations

import re

from runtime.protocols.aprs.packet import MalformedPacket, Packet

UNNUMBERED = 0x03
NO_LAYER_3 = 0xF0
ADDRESS_BYTES = 7
MOST_HOPS = 8

LAST = 0x01
"""Of an address' last byte: no address follows."""

REPEATED = 0x80
RESERVED = 0x60

_CALL = re.compile(r"[A-Z0-9]{1,6}")


def decode(frame: bytes) -> Packet:
    """Return the packet of a frame.

    Raises:
        MalformedPacket: it is no frame of APRS.
    """
    addresses: list[tuple[str, int]] = []
    position = 0
    while not addresses or not addresses[-1][1] & LAST:
        field = frame[position : position + ADDRESS_BYTES]
        if len(field) < ADDRESS_BYTES or len(addresses) > MOST_HOPS + 1:
            raise MalformedPacket(f"2 to {MOST_HOPS + 2} addresses of 7 bytes")
        addresses.append((_read_address(field), field[6]))
        position += ADDRESS_BYTES
    if len(addresses) < 2:
        raise MalformedPacket("a destination and a source")
    if frame[position : position + 2] != bytes([UNNUMBERED, NO_LAYER_3]):
        raise MalformedPacket("an unnumbered frame without a layer 3, as APRS has")
    if not (info := frame[position + 2 :]):
        raise MalformedPacket("some information")
    (destination, _), (source, _), *hops = addresses
    path = tuple(f"{hop}*" if bits & REPEATED else hop for hop, bits in hops)
    return Packet(source, destination, path, info)


def encode(packet: Packet) -> bytes:
    """Return the frame of a packet.

    Raises:
        MalformedPacket: a station's name does not fit into an address.
    """
    if len(packet.path) > MOST_HOPS:
        raise MalformedPacket(f"a path of at most {MOST_HOPS} stations")
    stations = [packet.destination, packet.source, *packet.path]
    fields = [
        _write_address(station, is_last=number == len(stations))
        for number, station in enumerate(stations, 1)
    ]
    return b"".join(fields) + bytes([UNNUMBERED, NO_LAYER_3]) + packet.info


def _read_address(field: bytes) -> str:
    if any(byte & LAST for byte in field[:6]):
        raise MalformedPacket("addresses whose characters are shifted")
    call = bytes(byte >> 1 for byte in field[:6]).decode("ascii").rstrip(" ")
    if not _CALL.fullmatch(call):
        raise MalformedPacket("a call sign of capital letters and digits")
    number = field[6] >> 1 & 0x0F
    return f"{call}-{number}" if number else call


def _write_address(station: str, *, is_last: bool) -> bytes:
    call, _, ssid = station.removesuffix("*").partition("-")
    if not _CALL.fullmatch(call) or not (ssid or "0").isdecimal() or int(ssid or 0) > 15:
        raise MalformedPacket(f"a call sign of 6 characters and an SSID up to 15, not {station!r}")
    bits = RESERVED | int(ssid or 0) << 1 | (REPEATED if station.endswith("*") else 0) | is_last
    return bytes(ord(character) << 1 for character in call.ljust(6)) + bytes([bits])
