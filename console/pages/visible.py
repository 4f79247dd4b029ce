"""Text whose invisible characters are made visible: controls, and those that turn it round.

Owns which they are and how they are written. What is as it reads stays one piece. Used where a
payload is shown raw, and where JSON is shown as a tree. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_PIECES = 4_000
"""Pieces of one text: of one that is all control characters the rest has a dot for each."""

_HIDDEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_RUN = re.compile(f"[{_HIDDEN}]+")
_TURNS = re.compile(r"[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text.

    Attributes:
        is_hidden: whether it stands for characters that nobody would see.
    """

    text: str
    is_hidden: bool = False


def pieces(text: str) -> list[Piece]:
    """Return a text in pieces, the invisible ones spelled as in a Python string."""
    return list(_pieces(text))


def escaped(text: str) -> str:
    r"""Return a JSON string whose invisible characters are escaped as JSON does, "\u202e"."""
    return _TURNS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _pieces(text: str) -> Iterator[Piece]:
    end = count = 0
    for run in _RUN.finditer(text):
        if count >= MOST_PIECES:
            break
        if run.start() > end:
            yield Piece(text[end : run.start()])
        yield Piece("".join(map(_spelled, run.group())), is_hidden=True)
        end = run.end()
        count += 2
    if end < len(text):
        yield Piece(_RUN.sub(lambda run: "·" * len(run.group()), text[end:]))


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
