from runtime.protocols.telegram.pace import MOST_KEPT, Pace


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def pace(clock, per_second=30):
    return Pace(1.0, 3.0, per_second, clock)


def test_the_second_message_to_a_person_waits_a_second():
    clock = Clock()
    paced = pace(clock)
    assert paced.take(42) == 0.0
    assert paced.take(42) == 1.0
    clock.now += 2.0
    assert paced.take(42) == 0.0


def test_a_group_waits_three():
    paced = pace(Clock())
    assert (paced.take(-42), paced.take(-42)) == (0.0, 3.0)


def test_others_do_not_wait_for_it_but_for_the_limit_of_all():
    paced = pace(Clock(), per_second=10)
    waits = [paced.take(chat) for chat in range(1, 12)]
    assert [round(wait, 6) for wait in waits] == [n / 10 for n in range(11)]


def test_a_chat_that_is_held_waits_and_others_do_not():
    paced = pace(Clock(), per_second=1e9)
    paced.hold(42, 17.0)
    assert paced.take(42) == 17.0
    assert paced.take(43) < 0.001


def test_times_that_have_passed_are_forgotten():
    clock = Clock()
    paced = pace(clock)
    for chat in range(1, MOST_KEPT + 1):
        paced.hold(chat, 1.0)
    clock.now += 5.0
    paced.take(1)
    assert len(paced._chat_free_at) < 10
