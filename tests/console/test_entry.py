from __future__ import annotations

from typing import get_args

import pytest

from console.entry import DIRECTIONS, Direction, Kind, spell, unspell


def test_every_kind_has_a_direction():
    assert set(DIRECTIONS) == set(get_args(Kind))
    assert set(DIRECTIONS.values()) == set(get_args(Direction))


def test_a_position_is_read_as_it_was_written():
    assert unspell(spell("5f00c2", 17)) == ("5f00c2", 17)


@pytest.mark.parametrize("text", ["", "17", "5f00c2:", "5f00c2:-1", "5f00c2:x", "5f00c2:1.5"])
def test_what_is_no_position_is_none(text):
    assert unspell(text) is None
