"""A text drawn as the trace of an oscilloscope, in a PNG of a few hundred bytes.

Pure: bytes in, bytes out. Called by `ThumbnailConsumer`, on its worker's thread.

Source: PNG Specification (Third Edition), sections 5 "Datastream structure",
9 "Filtering" and 11.2 "Critical chunks".
"""

from __future__ import annotations

import struct
import zlib

WIDTH, HEIGHT = 192, 96
DIVISION = 16  # pixels between two lines of the graticule
MARGIN = 8  # pixels that the trace keeps from the upper and lower edge

SCREEN, GRATICULE, TRACE = 0, 1, 2
PALETTE = bytes.fromhex("0a11101f332c3ddba6")

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT_PALETTE = (8, 3, 0, 0, 0)  # depth, colour type, compression, filter, interlace


def draw(text: str) -> bytes:
    """Return a PNG of `text`: one step of the trace for each of its UTF-8 bytes.

    Args:
        text: at least one character; of a long text every so-many-th byte is drawn.
    """
    rows = [bytearray(_graticule_row(y)) for y in range(HEIGHT)]
    levels = _levels(text.encode("utf-8"))
    before = levels[0]
    for x, level in enumerate(levels):
        for y in range(min(before, level), max(before, level) + 2):
            rows[y][x] = TRACE
        before = level
    return _png(rows)


def _levels(data: bytes) -> list[int]:
    """Return the row of the trace for each column."""
    low, high = min(data), max(data)
    bottom, span = HEIGHT - MARGIN - 2, HEIGHT - 2 * MARGIN - 2
    scale = span / (high - low or 1)
    steps = (data[x * len(data) // WIDTH] for x in range(WIDTH))
    return [bottom - round((step - low) * scale) for step in steps]


def _graticule_row(y: int) -> bytes:
    if y % DIVISION == 0:
        return bytes([GRATICULE]) * WIDTH
    return bytes(SCREEN if x % DIVISION else GRATICULE for x in range(WIDTH))


def _png(rows: list[bytearray]) -> bytes:
    header = struct.pack(">II5B", len(rows[0]), len(rows), *_EIGHT_BIT_PALETTE)
    # Each row begins with its filter: 0, none, which flat colours compress best with.
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), level=9)
    chunks = ((b"IHDR", header), (b"PLTE", PALETTE), (b"IDAT", pixels), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
