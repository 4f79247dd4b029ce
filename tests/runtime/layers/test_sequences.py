import pytest
from hypothesis import given
from hypothesis import strategies as some

from runtime.layers.history import Position
from runtime.layers.sequences import Sequences


def at(offset, epoch="one"):
    return Position(epoch, offset)


@pytest.fixture
def sequences():
    """The sequences of a node that is in `room`, whose last message has the offset 3."""
    made = Sequences()
    made.begin("room")
    assert made.expect("room", at(3)) == []
    return made


@given(some.permutations(range(4, 12)))
def test_whatever_the_order_of_arrival_the_log_s_order_comes_out(arrival):
    sequences = Sequences()
    sequences.begin("room")
    sequences.expect("room", at(3))
    let_through = [one for n in arrival for one in sequences.arrived("room", at(n), n)]
    assert let_through == list(range(4, 12))
    assert not sequences.is_waiting("room")


def test_what_has_come_already_does_not_come_again(sequences):
    assert sequences.arrived("room", at(4), "four") == ["four"]
    assert sequences.arrived("room", at(4), "four") == []
    assert sequences.arrived("room", at(3), "three") == []


def test_what_comes_before_it_is_known_where_the_group_stands_is_held():
    sequences = Sequences()
    sequences.begin("room")
    assert sequences.arrived("room", at(5), "five") == []
    assert sequences.arrived("room", at(4), "four") == []
    assert not sequences.is_waiting("room")
    assert sequences.expect("room", at(3)) == ["four", "five"]
    assert sequences.expect("room", at(9)) == []
    assert sequences.last_of("room") == at(5)


def test_what_has_not_come_can_be_given_up(sequences):
    assert sequences.arrived("room", at(8), "eight") == []
    assert sequences.arrived("room", at(6), "six") == []
    assert sequences.is_waiting("room")
    assert sequences.skip("room") == ["six"]
    assert sequences.is_waiting("room")
    assert sequences.skip("room") == ["eight"]
    assert sequences.skip("room") == []


def test_another_history_that_goes_on_counting_has_lost_nothing(sequences):
    assert sequences.arrived("room", at(5, "two"), "five") == []
    assert sequences.arrived("room", at(4, "two"), "four") == ["four", "five"]


def test_another_history_that_begins_anew_begins_with_its_first_message(sequences):
    assert sequences.arrived("room", at(2, "two"), "second") == []
    assert sequences.arrived("room", at(1, "two"), "first") == ["first", "second"]


def test_a_group_that_nobody_expects_anything_of_is_let_through(sequences):
    sequences.forget("room")
    assert sequences.arrived("room", at(9), "nine") == ["nine"]
    assert sequences.last_of("room") is None
    assert sequences.skip("room") == []
