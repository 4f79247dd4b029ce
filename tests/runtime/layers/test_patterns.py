import pytest

from runtime.exceptions import InvalidChannelLayerError
from runtime.layers.history import Retention
from runtime.layers.patterns import ByName


def by_name(option):
    return ByName(option, Retention, "history")


def test_the_first_glob_that_matches_decides():
    retentions = by_name({"room.1": {"messages": 1}, "room.*": Retention(2), "*": {"messages": 3}})
    assert [retentions.of(name).messages for name in ("room.1", "room.2", "lobby")] == [1, 2, 3]


def test_a_list_of_names_gives_each_the_default():
    retentions = by_name(["room.*"])
    assert retentions
    assert retentions.of("room.1") == Retention()
    assert retentions.of("lobby") is None


@pytest.mark.parametrize("option", [None, [], {}, ()])
def test_no_option_names_nothing(option):
    assert not by_name(option)
    assert by_name(option).of("room") is None


def test_an_argument_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(InvalidChannelLayerError, match="takes messages, seconds; got"):
        by_name({"room": {"length": 7}})


def test_a_name_alone_is_refused():
    with pytest.raises(InvalidChannelLayerError, match=r"Write \['room'\]"):
        by_name("room")
