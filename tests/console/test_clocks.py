from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.clocks import Crossing, corrections

CLOCKS = "abcd"


def test_a_clock_that_contradicts_nothing_is_left_alone():
    crossings = [Crossing("a", 10.0, "b", 12.0), Crossing("b", 12.5, "a", 15.0)]
    assert corrections(crossings, "a") == {"a": 0.0, "b": 0.0}


def test_a_clock_that_is_behind_is_moved_by_as_little_as_puts_the_delivery_at_its_send():
    assert corrections([Crossing("a", 10.0, "b", 7.0)], "a") == {"a": 0.0, "b": 3.0}


def test_a_clock_that_is_ahead_is_moved_back_when_something_comes_back():
    crossings = [Crossing("a", 10.0, "b", 15.0), Crossing("b", 15.0, "a", 10.5)]
    assert corrections(crossings, "a") == {"a": 0.0, "b": -4.5}


def test_a_correction_reaches_those_beyond():
    crossings = [Crossing("a", 10.0, "b", 7.0), Crossing("b", 7.0, "c", 7.5)]
    assert corrections(crossings, "a") == {"a": 0.0, "b": 3.0, "c": 2.5}


def test_clocks_that_no_constant_sets_right_are_left_as_they_are():
    crossings = [Crossing("a", 10.0, "b", 5.0), Crossing("b", 5.2, "a", 10.5)]
    assert corrections(crossings, "a") == {"a": 0.0, "b": 5.0}
    crossings.append(Crossing("b", 8.0, "a", 10.5))
    assert corrections(crossings, "a") == {"a": 0.0, "b": 0.0}


@given(
    st.dictionaries(st.sampled_from(CLOCKS), st.floats(-1_000, 1_000)),
    st.lists(
        st.tuples(
            st.sampled_from(CLOCKS),
            st.sampled_from(CLOCKS),
            st.floats(0, 100),
            st.floats(0, 10),
        )
    ),
    st.sampled_from(CLOCKS),
)
def test_whatever_the_clocks_say_no_effect_is_before_its_cause(errors, ways, reference):
    crossings = [
        Crossing(
            sender,
            at + errors.get(sender, 0.0),
            receiver,
            at + took + errors.get(receiver, 0.0),
        )
        for sender, receiver, at, took in ways
    ]
    added = corrections(crossings, reference)
    assert added[reference] == 0.0
    for one in crossings:
        if one.sender != one.receiver:
            assert one.seen_at + added[one.receiver] >= one.sent_at + added[one.sender] - 1e-5
