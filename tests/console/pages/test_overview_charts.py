from __future__ import annotations

from console.activity import Steps
from console.pages.overview_charts import charts
from tests.console.pages.test_overview_figures import activity, took, totals


def test_each_chart_says_in_words_what_its_lines_are_now() -> None:
    one = activity(
        totals=totals(7),
        steps=Steps(inbound=(10,), durations=(took(0.01),)),
    )
    messages, latency, connections = charts([one])
    assert messages.sentence.endswith("Now: in 1.0 a second, out 0.0 a second, layer 0.0 a second.")
    assert "Now: 7;" in connections.sentence
    assert "p95 9." in latency.sentence
    assert "p99 9." in latency.sentence
    assert [(one.name, one.is_dashed) for one in latency.signals] == [
        ("p50", False),
        ("p95", False),
        ("p99", True),
    ]
    assert all(len(line.values) == 60 for chart in charts([one]) for line in chart.signals)


def test_a_chart_of_nothing_is_a_chart() -> None:
    for chart in charts([]):
        assert chart.data["signals"]


def test_of_several_processes_the_fullest_has_a_line_of_its_own() -> None:
    full = activity(totals=totals(7), steps=Steps(opened=(0, 6), closed=(0, 0)))
    other = activity(totals=totals(2), steps=Steps(opened=(0, 0), closed=(0, 3)))
    *_, alone = charts([full])
    assert [signal.name for signal in alone.signals] == ["open"]
    *_, connections = charts([full, other])
    everywhere, fullest = connections.signals
    assert everywhere.values[-2:] == [6, 9]
    assert fullest.values[-2:] == [5, 7]
    assert connections.sentence.endswith("at most 9 open, 7 in the fullest process.")


def test_how_many_were_open_at_most_is_said_of_the_time_that_is_shown() -> None:
    one = activity(totals=totals(1), steps=Steps(closed=(0, 8, *(0,) * 12)))
    assert "at most 9 open" in charts([one])[-1].sentence
    assert "last 2 minutes. Now: 1; 0.0 opened a second, at most 1 open." in (
        charts([one], 2)[-1].sentence
    )
