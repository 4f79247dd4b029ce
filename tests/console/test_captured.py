"""What the tape keeps, in Python and compiled: both have the same names and promise the same."""

from __future__ import annotations

import sys
from collections import deque
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.captured import PENDING
from console.handlers import STEP_S, Step
from console.latency import bound_of, bucket_of
from console.taping import Counted, Durations, Numbers, Running, Written
from tests.console.recording import Recording

acts = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 3)),
    st.tuples(st.just("popleft"), st.just(0)),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("clear"), st.just(0)),
)


@given(st.lists(acts, max_size=60))
def test_what_waits_is_a_deque(acts: list[tuple[str, int]]) -> None:
    pending, model = Counted().pending, deque[Any]()
    for offset, (act, value) in enumerate(acts):
        if act == "append":
            waiting: Any = ({"type": "x"}, value or "a trace", offset, "x")
            pending.append(waiting)
            model.append(waiting)
        elif act == "clear":
            pending.clear()
            model.clear()
        elif act == "popleft" and model:
            assert pending.popleft() == model.popleft()
        elif act == "delete" and value < len(model):
            del pending[value]
            del model[value]
        assert list(pending) == list(model)
        assert len(pending) == len(model)


def test_of_what_waits_the_oldest_goes_when_there_are_too_many() -> None:
    pending = Counted().pending
    pending.extend(({}, 1, offset, "x") for offset in range(PENDING + 3))
    assert [waiting[2] for waiting in pending] == list(range(3, PENDING + 3))


def test_what_waits_is_let_go_of_with_the_last_who_knows_it() -> None:
    gone = []

    class Message(dict[str, Any]):
        def __del__(self) -> None:
            gone.append(self["number"])

    pending = Counted().pending
    for number in range(5):
        pending.append((Message(number=number), 1, number, "x"))
    pending.popleft()
    del pending[1]
    assert gone == [0, 2]
    del pending
    assert gone == [0, 2, 1, 3, 4]


@given(st.lists(st.tuples(st.floats(-1, 3_000), st.floats(0, 100)), max_size=50))
def test_durations_are_counted_where_they_belong(many: list[tuple[float, float]]) -> None:
    step, durations = Step(0), Durations()
    for took_s, waited_s in many:
        durations.add(took_s, waited_s)
    durations.move_into(step)
    durations.move_into(step)  # nothing is left of them
    assert step.count == sum(step.buckets) == len(many)
    assert step.total_s == pytest.approx(sum(took_s for took_s, _ in many))
    assert step.max_s == max((took_s for took_s, _ in many), default=0) or step.max_s == 0
    assert step.max_waited_s == max((waited_s for _, waited_s in many), default=0)
    counted = [bound_of(bucket) for bucket, count in enumerate(step.buckets) for _ in range(count)]
    expected = sorted(bound_of(bucket_of(took_s)) for took_s, _ in many)
    assert counted == pytest.approx(expected, rel=0.13)  # rounding may put one beyond a bound


def test_numbers_count_up_from_where_they_start() -> None:
    assert list(islice(Numbers(7), 3)) == [7, 8, 9]


@pytest.mark.parametrize(
    "link", [(3, 5, "x"), (3, "", "x"), ("trace", 5, "x"), ("trace", "position", "x"), ("", "", "")]
)
def test_a_handler_says_what_it_is_an_effect_of(link: tuple[Any, Any, str]) -> None:
    running = Running()
    running.link(*link)
    assert (running.trace, running.cause, running.name) == link


def test_entries_that_are_objects_already_have_their_place_among_the_others() -> None:
    written, more = Written(), Written()
    for number in range(3):
        written.append("open", float(number), None, 10 + number)
        more.append("close", 10.0 + number, None, 20 + number)
    written.add(more)
    assert written.kinds() == ["open"] * 3 + ["close"] * 3
    assert written.kinds(4) == ["close"] * 2
    assert written.times(2) == [2.0, 10.0, 11.0, 12.0]
    assert (written.at(5), written.weight(5), len(written)) == (12.0, 22, 6)
    written.empty(0)
    assert (written.kinds()[0], written.kinds(1)) == (None, ["open"] * 2 + ["close"] * 3)
    assert written.connections() == [None] * 6


def test_durations_of_others_are_left_to_others() -> None:
    written = Written()
    for number in range(4):
        written.append("in", float(number), None, 0)
    durations = [(9, 1.0), (10, 0.1), (12, 0.2), (14, 0.3), (11, 0.4)]
    assert written.took(durations, 0, 10) == 0
    assert written.took(durations, 1, 10) == 3
    assert [written[place][8] for place in range(4)] == [0.1, None, 0.2, None]


def test_what_was_written_holds_what_it_is_about_until_it_is_forgotten() -> None:
    recording = Recording(RING_ENTRIES=600)
    connection = recording.open()
    recording.start(connection)
    recorder = recording.recorder

    def echo(text: str) -> None:
        event = recording.receive(connection, text=text)
        recorder.handler_started(connection, event, None, recorder.timer())
        recording.send(connection, text=text)
        recorder.handler_finished(connection, event, None)

    text = "".join(["of this test ", "alone"])
    before = sys.getrefcount(text)
    for _ in range(200):
        echo(text)
    kinds = [entry.kind for entry in recorder.journal]
    assert kinds == ["in", "out", "handler"] * 200
    assert sys.getrefcount(text) >= before + 400
    for number in range(400):
        echo(str(number))
    assert [entry.kind for entry in recorder.journal] == kinds
    assert sys.getrefcount(text) == before


def test_handlers_that_end_in_different_steps_are_counted_in_their_own() -> None:
    """Though nobody has read meanwhile, so that all are folded at once."""
    recording = Recording()
    connection = recording.open()
    recording.start(connection)
    for waited_s in (0, 2 * STEP_S, 0):
        recording.clock.advance(waited_s)
        event = recording.receive(connection, text="x")
        recording.begin(connection, event)
        recording.recorder.handler_finished(connection, event, None)
    (stats,) = recording.recorder.state.handlers
    assert [step.count for step in stats.series(recording.clock.now)][-3:] == [1, 0, 2]
