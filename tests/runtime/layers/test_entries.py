"""An entry that has been read before is left out; one that comes late is not taken for it."""

from hypothesis import given
from hypothesis import strategies as some

from runtime.layers.entries import MOST_SENDERS, NUMBERS_KEPT, TO_CHANNEL, Head, Seen

numbers = some.lists(some.integers(1, NUMBERS_KEPT), max_size=50)


def head(number, sender=b"sender"):
    return Head(sender, number, TO_CHANNEL, False, "channel")


@given(numbers)
def test_of_each_number_the_first_is_new_in_whatever_order_they_come(arriving):
    seen, before = Seen(), set()
    for number in arriving:
        assert seen.is_new(head(number)) is (number not in before)
        before.add(number)


def test_one_that_was_overtaken_is_new_and_its_repetition_is_not():
    seen = Seen()
    assert [seen.is_new(head(number)) for number in (1, 3, 2, 2, 3, 1)] == [
        *(True, True, True),
        *(False, False, False),
    ]


def test_senders_do_not_know_each_other():
    seen = Seen()
    assert seen.is_new(head(7, b"one"))
    assert seen.is_new(head(7, b"other"))


def test_one_that_is_too_far_behind_to_be_known_is_not_new_and_forgotten():
    seen = Seen()
    assert not seen.is_forgotten(head(1))
    assert seen.is_new(head(1))
    assert seen.is_new(head(10**12))
    assert not seen.is_new(head(10**12 - NUMBERS_KEPT))
    assert seen.is_forgotten(head(10**12 - NUMBERS_KEPT))
    assert not seen.is_forgotten(head(10**12 - NUMBERS_KEPT + 1))
    assert seen.is_new(head(10**12 - NUMBERS_KEPT + 1))


def test_the_sender_that_was_silent_longest_is_forgotten():
    seen = Seen()
    for sender in range(MOST_SENDERS + 1):
        assert seen.is_new(head(1, b"%d" % sender))
    assert not seen.is_new(head(1, b"%d" % MOST_SENDERS))
    assert seen.is_new(head(1, b"0"))
