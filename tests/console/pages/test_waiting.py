"""Why a message waited for its handler, and where its time went."""

from __future__ import annotations

import pytest

from console.pages.waiting import handler_of, parts, times_the_median, wait_of
from console.traces import build
from tests.console.test_traces import ALL, chat, entry

SPANS = build("t1", chat(), ALL).spans
BY_POSITION = {span.position: span for span in SPANS}


def ran(position: str, end: float, took_ms: float, connection: str = "a"):
    return entry(position, "handler", end, took_ms=took_ms, connection=connection)


WAITED = entry("e1:9", "handler", 10.0, took_ms=10.0, waited_ms=20.0, connection="a")
"""It was handled from 9.99 to 10.0, and had waited since 9.97."""


def test_the_handler_of_a_message_is_the_one_below_it():
    assert handler_of(BY_POSITION["e2:7"], SPANS) is BY_POSITION["e2:9"]
    assert handler_of(BY_POSITION["e2:9"], SPANS) is BY_POSITION["e2:9"]
    assert handler_of(BY_POSITION["e2:8"], SPANS) is None


def test_the_time_of_a_delivery_is_that_in_the_layer_in_the_mailbox_and_in_its_handler():
    found = {part.name: part.ms for part in parts(BY_POSITION["e2:7"], SPANS)}
    assert found == pytest.approx(
        {"in the layer": 5.0, "in the mailbox": 2.0, "in its handler": 5.0}, abs=0.01
    )
    bar = parts(BY_POSITION["e2:9"], SPANS)
    assert [part.number for part in bar] == [1, 2, 3]
    assert float(bar[-1].x) + float(bar[-1].width) == pytest.approx(100, abs=0.1)
    assert parts(BY_POSITION["e2:8"], SPANS) == []


def test_what_ran_meanwhile_on_the_same_connection_is_why_it_waited():
    before = ran("e1:7", 9.985, 30.0)
    wait = wait_of(WAITED, [before, WAITED])
    assert wait.ms == 20.0
    assert [(one.entry.position, round(one.ms)) for one in wait.own] == [("e1:7", 15)]
    assert wait.others == ()


def test_what_ran_for_others_is_said_apart_the_longest_first():
    wait = wait_of(WAITED, [ran("e1:5", 9.98, 2.0, "b"), ran("e1:6", 9.99, 9.0, "c")])
    assert wait.own == ()
    assert [one.entry.position for one in wait.others] == ["e1:6", "e1:5"]


def test_what_was_over_before_or_began_after_did_not_keep_it():
    assert wait_of(WAITED, [ran("e1:5", 9.97, 5.0), ran("e1:10", 10.0, 5.0)]).own == ()


@pytest.mark.parametrize("waited_ms", [None, 0.0, 0.01])
def test_what_did_not_wait_needs_no_reason(waited_ms):
    handler = entry("e1:9", "handler", 10.0, took_ms=10.0, waited_ms=waited_ms)
    assert wait_of(handler, [ran("e1:7", 9.99, 30.0)]) is None


def test_a_delivery_is_held_against_the_others_of_its_message():
    late = [
        entry("e1:1", "group_send", 1.0, receivers=3),
        *(entry(f"e1:{n}", "deliver", 1.0 + way, "e1:1") for n, way in ((2, 0.01), (3, 0.01))),
        entry("e1:4", "deliver", 1.05, "e1:1"),
    ]
    spans = build("t1", late, ALL).spans
    latest = next(span for span in spans if span.position == "e1:4")
    ratio, count = times_the_median(latest, spans)
    assert (round(ratio, 3), count) == (5.0, 3)
    assert times_the_median(BY_POSITION["e2:7"], SPANS) is None
    assert times_the_median(spans[0], spans) is None
