from __future__ import annotations

from dataclasses import replace

import pytest

from console.activity import Activity, ConsumerActivity, HandlerActivity, Steps
from console.latency import count_into, empty, sparse
from console.pages.overview_figures import (
    consumers,
    log_place,
    process_row,
    readouts,
)
from console.process import ProcessReport, ProcessStatus, Totals
from tests.console.recording import PROCESS

NOW = 1_790_000_000.0


def totals(open_count: int = 0, **by_protocol: int) -> Totals:
    return Totals(0.0, 0.0, 0.0, 0, 1, 0, 0, open_count, by_protocol)


def activity(**fields) -> Activity:
    return Activity(**{"newest": 100, "running_s": 10.0, "totals": totals(), **fields})


def took(*seconds: float) -> tuple[int, ...]:
    buckets = empty()
    count_into(buckets, seconds)
    return sparse(buckets)


def handler(consumer: str, name: str, *seconds: float, **fields) -> HandlerActivity:
    given = {"errors": 0, "max_waited_s": 0.0, "recent": (len(seconds),), **fields}
    return HandlerActivity(
        consumer,
        name,
        count=len(seconds),
        max_s=max(seconds),
        buckets=took(*seconds),
        **given,
    )


def by_label(activities: list[Activity], minutes: int = 10):
    return {one.label: one for one in readouts(activities, NOW, minutes)}


def test_the_readouts_are_those_of_all_processes() -> None:
    one = activity(
        totals=totals(3, websocket=2, http=1),
        steps=Steps(
            inbound=(500, 100),
            outbound=(0, 1240),
            sent=(20,),
            delivered=(80,),
            dropped=(3, 1, 0),
            errors=(2,),
            durations=(took(0.01, 0.01),),
        ),
        handlers=(handler("Chat", "receive", 0.01, 0.01, errors=2),),
        drops={"capacity": 4},
    )
    other = activity(totals=totals(1, websocket=1), steps=Steps(inbound=(0, 20)))
    said = by_label([one, other])
    assert said["Connections"].figure == "4"
    assert [(share.name, share.count) for share in said["Connections"].shares] == [
        ("websocket", 3),
        ("http", 1),
    ]
    assert (said["Messages in"].figure, said["Messages in"].unit) == ("12.0", "/s")
    assert said["Messages in"].under == "peak 50.0 at 14:13:10"
    assert said["Layer messages"].under == "2.0 sent, 8.0 delivered"
    assert (said["Layer drops"].figure, said["Layer drops"].tone) == ("4", "warn")
    assert said["Messages out"].under == "2.0 per message in"
    assert said["Layer drops"].under == "capacity at 14:13:10"
    assert (said["Errors"].figure, said["Errors"].under) == ("2", "in 1 handler, 10 min")
    assert said["Handler p95"].unit == "ms"


def test_of_less_time_they_say_no_more_than_what_is_known_of_each_step() -> None:
    before, lately = (9,) + (0,) * 12, (0,) * 11
    one = activity(
        steps=Steps(
            inbound=(90, *lately, 10),
            outbound=(0, *lately, 30),
            dropped=before,
            errors=(5, *lately, 1),
            durations=(took(1.0), *((),) * 11, took(0.001)),
        ),
        handlers=(handler("Chat", "receive", 1.0, 0.001, errors=6),),
        drops={"capacity": 8, "expired": 1},
    )
    said, whole = by_label([one], minutes=2), by_label([one])
    assert (whole["Layer drops"].figure, said["Layer drops"].figure) == ("9", "0")
    assert whole["Layer drops"].under == "last at 14:11:20"
    assert (said["Layer drops"].under, said["Layer drops"].tone) == ("in 2 min", "")
    assert (whole["Errors"].figure, whole["Errors"].under) == ("6", "in 1 handler, 10 min")
    assert (said["Errors"].figure, said["Errors"].under) == ("1", "last at 14:13:20")
    assert said["Messages in"].under == "peak 1.0 at 14:13:20"
    assert said["Messages out"].under == "3.0 per message in"
    assert (whole["Handler p95"].unit, said["Handler p95"].unit) == ("s", "ms")
    assert said["Handler p95"].under == "over 2 min"


def test_nothing_is_said_to_be_nothing_and_calls_for_no_alarm() -> None:
    said = by_label([activity()])
    assert said["Connections"].figure == "0"
    assert said["Messages out"].under == "none in 10 min"
    assert said["Handler p95"].under == "none in 10 min"
    assert {one.tone for one in said.values()} == {""}
    assert by_label([])["Connections"].figure == "0"


def test_more_protocols_than_there_are_colours_are_shown_together() -> None:
    said = by_label([activity(totals=totals(15, a=5, b=4, c=3, d=2, e=1))])
    shares = said["Connections"].shares
    assert [(share.name, share.count) for share in shares] == [
        ("a", 5),
        ("b", 4),
        ("c", 3),
        ("others", 3),
    ]


def test_a_consumer_is_one_row_over_its_handlers_and_processes() -> None:
    one = activity(
        consumers=(ConsumerActivity("Chat", "chat.consumers", "websocket", 2),),
        handlers=(
            handler("Chat", "receive", *[0.001] * 12),
            handler("Chat", "connect", 0.5, errors=1),
        ),
    )
    other = activity(consumers=(ConsumerActivity("Chat", "chat.consumers", "websocket", 3),))
    [row] = consumers([one, other])
    assert (row.name, row.open_count, row.protocols) == ("Chat", 5, ("websocket",))
    assert (row.errors, row.slowest, row.max_ms) == (1, "connect", 500.0)
    assert row.per_s == pytest.approx(13 / 60)
    assert row.p50_ms == pytest.approx(1.0, rel=0.07)
    assert row.bar is not None


def test_a_consumer_that_only_waits_has_no_latency() -> None:
    idle = activity(consumers=(ConsumerActivity("Ticker", "t", "websocket", 1),))
    [row] = consumers([idle])
    assert (row.p95_ms, row.bar, row.tone) == (None, None, "")


def test_latencies_lie_on_four_decades() -> None:
    places = [log_place(seconds) for seconds in (0.0, 0.0001, 0.001, 0.1, 1.0, 60.0)]
    assert places == pytest.approx([0, 0, 19, 57, 76, 76])


def test_a_process_that_is_silent_misses_beats() -> None:
    status = ProcessStatus(ProcessReport(PROCESS, totals(), loop_lag_s=0.2))
    row = process_row(status, activity(loop_lag_s=0.01))
    assert (row.silence, row.missed, row.is_lagging, row.loop_lag_s) == (0, "", True, 0.2)
    silent = process_row(replace(status, silent_s=5.0), None)
    assert (silent.silence, silent.missed) == (2, "M72 12H96")
    assert process_row(replace(status, silent_s=500.0), None).silence == 8
