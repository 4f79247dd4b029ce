from __future__ import annotations

from typing import get_args

import pytest

from console.connection_view import ConnectionPhase
from console.entry import Direction, Kind
from console.query import parse
from console.query_keys import BY_NAME, TABLE, completions, keys_of


@pytest.mark.parametrize("key", TABLE, ids=lambda key: key.name)
def test_every_example_is_a_query_that_asks_for_its_key(key):
    (term,) = parse(key.example).terms
    assert term.key == key.name


def test_choices_are_all_that_there_are():
    assert set(BY_NAME["dir"].choices) == set(get_args(Direction))
    assert set(BY_NAME["kind"].choices) == set(get_args(Kind))
    assert set(BY_NAME["state"].choices) == set(get_args(ConnectionPhase))


def test_no_name_means_two_keys():
    assert len(BY_NAME) == sum(1 + len(key.aliases) for key in TABLE)


def test_a_room_offers_the_keys_that_mean_something_there():
    assert "took" not in {key.name for key in keys_of("connections")}
    assert "state" not in {key.name for key in keys_of("traffic")}
    assert completions("traffic")["dir:"] == BY_NAME["dir"].choices
    assert completions("traffic")["user:"] == ()
    assert (BY_NAME["took"].where, BY_NAME["user"].where) == ("Traffic", "")
