from hypothesis import given
from hypothesis import strategies as st

from runtime.protocols.aprs.delivery import REMEMBERED_S, Deliveries
from runtime.protocols.aprs.message import Message


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def deliveries(clock, tries=3):
    return Deliveries(30.0, tries, clock)


def test_a_message_is_sent_at_once_then_ever_later_and_given_up_in_the_end():
    clock = Clock()
    pending = deliveries(clock)
    pending.add("W1AW", "hi", receipt="r")
    sent_at = []
    while True:
        due = pending.take_due()
        sent_at += [clock.now] * len(due.to_send)
        if due.given_up:
            break
        clock.now = pending.next_at
    assert sent_at == [0.0, 30.0, 90.0]
    assert clock.now == 210.0
    assert due.given_up[0].receipt == "r"
    assert len(pending) == 0
    assert pending.next_at is None


def test_what_is_acknowledged_is_not_sent_again():
    clock = Clock()
    pending = deliveries(clock)
    pending.add("W1AW", "hi")
    [message] = pending.take_due().to_send
    assert pending.settle("K9XYZ", message.number) is None  # another station's answer
    assert pending.settle("W1AW", message.number).message == message
    clock.now = 1e6
    assert pending.take_due().to_send == []


@given(st.integers(1, 50))
def test_each_message_has_a_number_of_its_own(number):
    pending = deliveries(Clock())
    for _ in range(number):
        pending.add("W1AW", "hi")
    assert len({message.number for message in pending.take_due().to_send}) == number


def test_a_repetition_is_known_for_a_while():
    clock = Clock()
    pending = deliveries(clock)
    message = Message("N0CALL", "hi", "1")
    assert pending.is_new("W1AW", message)
    pending.remember("W1AW", message)
    assert not pending.is_new("W1AW", message)
    assert pending.is_new("K9XYZ", message)
    assert pending.is_new("W1AW", Message("N0CALL", "another", "1"))
    clock.now = REMEMBERED_S
    assert pending.is_new("W1AW", message)


def test_a_message_without_a_number_is_always_new():
    pending = deliveries(Clock())
    message = Message("N0CALL", "hi")
    pending.remember("W1AW", message)
    assert pending.is_new("W1AW", message)
