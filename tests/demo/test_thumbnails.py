from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.demo.thumbnails import HEIGHT, TRACE, WIDTH, draw


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    position = 8
    while position < len(png):
        length, name = struct.unpack_from(">I4s", png, position)
        data = png[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", png, position + 8 + length)
        assert checksum == zlib.crc32(name + data)
        yield name, data
        position += 12 + length


def pixels(png: bytes) -> list[bytes]:
    """Return the rows of a PNG that uses no filter."""
    data = zlib.decompress(dict(chunks(png))[b"IDAT"])
    rows = [data[start : start + WIDTH + 1] for start in range(0, len(data), WIDTH + 1)]
    assert all(row[0] == 0 for row in rows)
    return [row[1:] for row in rows]


def test_a_thumbnail_is_a_whole_png_of_its_size() -> None:
    png = draw("hello")
    assert [name for name, _ in chunks(png)] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack_from(">II", dict(chunks(png))[b"IHDR"]) == (WIDTH, HEIGHT)
    assert [len(row) for row in pixels(png)] == [WIDTH] * HEIGHT


def test_the_trace_goes_up_where_the_letters_do() -> None:
    rows = pixels(draw("az"))
    left = [y for y, row in enumerate(rows) if row[0] == TRACE]
    right = [y for y, row in enumerate(rows) if row[-1] == TRACE]
    assert max(right) < min(left)


@pytest.mark.parametrize("text", ["a", "aaaa", " ", "\N{SNOWMAN}", "x" * 1000])
def test_every_column_has_its_part_of_the_trace(text: str) -> None:
    rows = pixels(draw(text))
    assert all(any(row[x] == TRACE for row in rows) for x in range(WIDTH))


@given(st.text(min_size=1))
def test_any_text_can_be_drawn(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which no JSON text holds in UTF-8
        return
    assert len(pixels(draw(text))) == HEIGHT
