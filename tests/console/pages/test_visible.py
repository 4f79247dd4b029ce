from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from console.pages.visible import MOST_PIECES, Piece, escaped, pieces


def test_what_reads_as_it_is_stays_one_piece():
    assert pieces("two lines\nand a\ttab") == [Piece("two lines\nand a\ttab")]
    assert pieces("") == []


def test_control_characters_and_those_that_turn_text_round_are_spelled():
    assert pieces("a\x00\x07b\u202e") == [
        Piece("a"),
        Piece(r"\x00\x07", is_hidden=True),
        Piece("b"),
        Piece(r"\u202e", is_hidden=True),
    ]


def test_a_text_that_is_all_control_characters_does_not_become_a_page_of_pieces():
    hostile = "a\x00" * 50_000
    found = pieces(hostile)
    assert len(found) <= MOST_PIECES + 1
    assert "\x00" not in "".join(piece.text for piece in found)


@given(st.text())
def test_nothing_that_is_invisible_is_left(text):
    shown = "".join(piece.text for piece in pieces(text))
    assert not {"\x00", "\x1b", "\u202e", "\u2066", "\ufeff"} & set(shown)


@given(st.text())
def test_an_escaped_string_is_the_same_json(text):
    written = json.dumps(text, ensure_ascii=False)
    assert json.loads(escaped(written)) == text
