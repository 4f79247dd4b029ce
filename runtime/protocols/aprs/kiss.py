"""KISS: frames in a stream of bytes, between a computer and a TNC.

Owns the marks between frames and their escapes. Pure: bytes are fed in, frames come out.

Source: M. Chepponis, P. Karn: "The KISS TNC: A simple Host-to-TNC communications protocol", 1987
"""

from __future__ import annotations

from collections.abc import Iterator

FEND, FESC, TFEND, TFESC = 0xC0, 0xDB, 0xDC, 0xDD

DATA = 0x00
"""The command of a frame that is on the air; its upper half is the TNC's port."""

LONGEST_FRAME = 1_024
"""Bytes. AX.25 has at most 330 of them."""


class MalformedFrame(ValueError):
    """What stands between two marks is no frame.

    Attributes:
        data: what it was, as it came.
    """

    def __init__(self, data: bytes, expected: str) -> None:
        super().__init__(data, expected)
        self.data = data
        self.expected = expected

    def __str__(self) -> str:
        return f"Expected {self.expected}."


class Decoder:
    """Takes a stream apart."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._is_overlong = False

    def feed(self, data: bytes) -> Iterator[bytes | MalformedFrame]:
        """Yield what `data` completes: each frame that was on the air, and what was none."""
        for byte in data:
            if byte != FEND:
                self._is_overlong = self._is_overlong or len(self._waiting) >= LONGEST_FRAME
                if not self._is_overlong:
                    self._waiting.append(byte)
                continue
            whole, is_overlong = bytes(self._waiting), self._is_overlong
            self._waiting.clear()
            self._is_overlong = False
            if is_overlong:
                yield MalformedFrame(whole, f"a frame of at most {LONGEST_FRAME} bytes")
            elif whole:
                yield from _read(whole)


def encode(frame: bytes) -> bytes:
    """Return the bytes that make a TNC send `frame`."""
    escaped = frame.replace(bytes([FESC]), bytes([FESC, TFESC]))
    escaped = escaped.replace(bytes([FEND]), bytes([FESC, TFEND]))
    return bytes([FEND, DATA]) + escaped + bytes([FEND])


def _read(whole: bytes) -> Iterator[bytes | MalformedFrame]:
    if whole[0] & 0x0F != DATA:
        return  # a command is for a TNC, and none of ours
    frame = bytearray()
    is_escaped = False
    for byte in whole[1:]:
        if is_escaped:
            if byte not in (TFEND, TFESC):
                yield MalformedFrame(whole, "an escape that is one")
                return
            frame.append(FEND if byte == TFEND else FESC)
            is_escaped = False
        elif byte == FESC:
            is_escaped = True
        else:
            frame.append(byte)
    if is_escaped or not frame:
        yield MalformedFrame(whole, "a whole frame")
    else:
        yield bytes(frame)
