from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from console.process import ProcessReport, ProcessView, Totals
from console.reading import Interest
from console.relay_leases import Leases
from console.relay_protocol import Batch, Beat, Rewind, Subscription
from console.relay_watching import (
    GONE_S,
    MOST_LOST,
    PATIENCE_S,
    STALE_S,
    Watched,
    Watching,
)
from tests.console.entries import an_entry

TOTALS = Totals(0.0, 0.0, 0.0, 0, 0, 0, 0, 0, {})
CONSOLE = "console!1"
RING = 40


def report(epoch: str, name: str = "web-2") -> ProcessReport:
    return ProcessReport(ProcessView(name, 1, "example", 0.0, epoch), TOTALS)


def beat(epoch: str, sent: dict[str, int] | None = None, **fields: Any) -> Beat:
    return Beat(report(epoch), f"process!{epoch}", sent or {}, **fields)


def watching(since: dict[str, int] | None = None) -> Any:
    console = Watching("own")
    console.open(0.0)
    console.watched["s"] = Watched(Subscription("s", Interest("tail"), since or {}))
    return console


def batch(start: int, end: int, *, origin: int = 0, missed: int = 0, epoch: str = "e") -> Batch:
    entries = tuple(an_entry(epoch, offset) for offset in range(start + missed, end))
    return Batch("s", epoch, origin, start, end, entries=entries, missed=missed)


def offsets(console: Any) -> list[int]:
    return [entry.offset for _, one in console.watched["s"].drain() for entry in one.entries]


def test_batches_in_order_are_taken_and_a_second_copy_is_not() -> None:
    console = watching({"e": 3})
    for one in (batch(3, 5), batch(3, 5), batch(5, 6), batch(3, 5)):
        assert console.take(one, CONSOLE, 0.0)[1] == []
    assert offsets(console) == [3, 4, 5]


def test_a_missing_batch_is_asked_for_and_nothing_is_shown_twice() -> None:
    console = watching({"e": 0})
    assert console.take(batch(4, 6), CONSOLE, 0.0) == (False, [Rewind(CONSOLE, "s", 0)])
    assert console.take(batch(6, 7), CONSOLE, 0.1) == (False, []), "it was asked already"
    console.take(batch(0, 7), CONSOLE, 0.2)
    console.take(batch(4, 9), CONSOLE, 0.3)
    assert offsets(console) == list(range(9))


def test_what_does_not_come_again_becomes_a_gap() -> None:
    console = watching({"e": 0})
    console.take(batch(4, 6), CONSOLE, 0.0)
    console.take(batch(4, 6), CONSOLE, PATIENCE_S)
    [(_, taken)] = console.watched["s"].drain()
    assert (taken.missed, [entry.offset for entry in taken.entries]) == (4, [4, 5])


def test_a_last_batch_that_was_lost_is_noticed_by_the_next_beat() -> None:
    console = watching({"e": 0})
    assert console.hear(beat("e", {"s": 0}), CONSOLE, 0.0) == []
    assert console.hear(beat("e", {"s": 3}), CONSOLE, 2.0) == [Rewind(CONSOLE, "s", 0)]


def test_a_first_batch_that_was_lost_is_noticed_by_the_second() -> None:
    console = watching()
    assert console.take(batch(5, 9, origin=2), CONSOLE, 0.0)[1] == [Rewind(CONSOLE, "s", 2)]


def test_a_restart_is_another_process() -> None:
    console = watching({"e": 90})
    console.hear(beat("e"), CONSOLE, 0.0)
    console.hear(beat("f"), CONSOLE, 1.0)
    console.take(batch(0, 2, epoch="f"), CONSOLE, 1.0)
    assert offsets(console) == [0, 1]
    assert [one.process.epoch for one in console.statuses(1.0)] == ["e", "f"]


def test_a_silent_process_is_stale_and_then_gone() -> None:
    console = watching({"e": 0})
    console.hear(beat("e"), CONSOLE, 0.0)
    assert console.statuses(STALE_S - 1)[0].presence == "live"
    assert console.statuses(STALE_S)[0].is_stale
    assert console.live(STALE_S) == []
    assert console.expire(GONE_S - 1) == []
    assert console.expire(GONE_S) == ["e"]
    assert console.statuses(GONE_S) == []


def test_one_that_says_goodbye_is_gone_at_once() -> None:
    console = watching()
    console.hear(beat("e"), CONSOLE, 0.0)
    console.hear(beat("e", is_last=True), CONSOLE, 0.0)
    assert console.statuses(0.0) == []


def test_a_process_that_comes_back_after_a_long_silence_goes_on_where_it_was() -> None:
    console = watching({"e": 0})
    console.hear(beat("e"), CONSOLE, 0.0)
    console.take(batch(0, 5), CONSOLE, 0.0)
    assert console.expire(GONE_S) == ["e"]
    [wanted] = console.lease(CONSOLE, GONE_S).subscriptions
    assert wanted.since == {"e": 5}, "the process tells what it has of it, and how much it lost"
    console.hear(beat("e"), CONSOLE, 60.0)
    console.take(batch(5, 60, origin=5, missed=15), CONSOLE, 60.0)
    taken = [one for _, one in console.watched["s"].drain()]
    assert sum(one.missed for one in taken) == 15
    assert [entry.offset for one in taken for entry in one.entries] == [*range(5), *range(20, 60)]


def test_a_list_that_has_let_go_of_a_process_s_rows_gets_them_anew() -> None:
    console = watching()
    console.watched["s"] = Watched(Subscription("s", Interest("rows"), {"e": 5}))
    console.hear(beat("e"), CONSOLE, 0.0)
    console.expire(GONE_S)
    assert console.lease(CONSOLE, GONE_S).subscriptions[0].since == {}


def test_processes_that_are_gone_for_good_are_not_kept_in_mind_for_ever() -> None:
    console = watching()
    for number in range(MOST_LOST + 20):
        epoch = f"{number:x}"
        console.hear(beat(epoch), CONSOLE, float(number))
        console.take(batch(0, 1, epoch=epoch), CONSOLE, float(number))
        console.expire(number + GONE_S)
    assert len(console.watched["s"].feeds) == MOST_LOST
    assert "0" not in console.watched["s"].feeds


def test_what_waits_for_a_slow_page_is_bounded_and_counted() -> None:
    console = watching({"e": 0})
    for start in range(0, 10_000, 100):
        console.take(batch(start, start + 100), CONSOLE, 0.0)
    taken = [one for _, one in console.watched["s"].drain()]
    kept = sum(len(one.entries) for one in taken)
    assert kept <= 2_000
    assert kept + sum(one.missed for one in taken) == 10_000


class Network:
    """A process, a console, and a layer between them that does what it likes.

    Attributes:
        shown: offsets of the entries that the console got.
        missed: how many it was told it will not get.
    """

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.now = 0.0
        self.console = watching({"e": 0})
        self.leases = Leases("e")
        self.written = 0
        self.shown: list[int] = []
        self.missed = 0
        self.under_way: list[Any] = []
        self.renew()

    def renew(self) -> None:
        lease = self.console.lease(CONSOLE, self.now)
        self.leases.take(lease, now=self.now, position=0, uptime_s=9.0)

    def write(self, count: int) -> None:
        self.written += count
        self.renew()
        for told in self.leases.told:
            missed = max(self.written - RING - told.sent, 0)
            made = batch(told.sent, self.written, origin=told.origin, missed=missed)
            self.under_way.append(made)
            told.cursor = told.sent = self.written

    def beat(self) -> None:
        sent = {told.subscription: told.sent for told in self.leases.told}
        self.under_way.append(beat("e", sent))

    def disturb(self, how: str) -> None:
        if how == "shuffle":
            self.chance.shuffle(self.under_way)
        elif self.under_way:
            chosen = self.chance.randrange(len(self.under_way))
            if how == "lose":
                self.under_way.pop(chosen)
            else:
                self.under_way.append(self.under_way[chosen])

    def deliver(self) -> None:
        frame = self.under_way.pop(0)
        if isinstance(frame, Rewind):
            self.leases.rewind(frame)
        elif isinstance(frame, Beat):
            self.under_way += self.console.hear(frame, CONSOLE, self.now)
        else:
            self.under_way += self.console.take(frame, CONSOLE, self.now)[1]
        for _, taken in self.console.watched["s"].drain():
            self.shown += [entry.offset for entry in taken.entries]
            self.missed += taken.missed


STEPS = ("write", "write", "lose", "double", "shuffle", "beat")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=60), st.randoms(use_true_random=False))
def test_whatever_the_layer_does_each_entry_is_shown_once_or_counted_as_missing(
    steps: list[str], chance: random.Random
) -> None:
    network = Network(chance)
    for step in steps:
        network.now += 0.25
        if step == "write":
            network.write(chance.randrange(1, 30))
        elif step == "beat":
            network.beat()
        else:
            network.disturb(step)
        if network.under_way and chance.random() < 0.7:
            network.deliver()
    for _ in range(10):  # from now on nothing is lost
        network.now += 1.0
        network.write(1)
        network.beat()
        while network.under_way:
            network.deliver()
    assert network.shown == sorted(set(network.shown)), "in order, and none twice"
    assert len(network.shown) + network.missed == network.written, "the rest is counted"
