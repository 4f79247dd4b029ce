from __future__ import annotations

import json

from django.template.loader import render_to_string

from console.pages.charts import Chart, Signal, chosen_base, time_base

SIGNAL = Signal("in", "dir", "in", "1.5", (None, 0.123456, 7), "/s", "d-in")
CHART = Chart("chart-x", "Messages", "Messages. Now: in 1.5 a second.", (SIGNAL,))


def test_its_data_are_short_and_say_what_the_lines_are_now() -> None:
    assert json.loads(json.dumps(CHART.data)) == {
        "sentence": "Messages. Now: in 1.5 a second.",
        "least": 1.0,
        "axis": ["\u221210 min", "\u22128", "\u22126", "\u22124", "\u22122", "now"],
        "signals": [
            {
                "name": "in",
                "mark": "dir",
                "value": "in",
                "said": "1.5",
                "values": [None, 0.123, 7],
                "is_area": False,
                "is_dashed": False,
            }
        ],
    }


def test_it_shows_no_more_time_than_the_oldest_process_has_lived() -> None:
    assert [time_base(age_s) for age_s in (0, 120, 121, 300, 301, 86_400)] == [2, 2, 5, 5, 10, 10]
    signal = Signal("in", "dir", "in", "60", tuple(range(1, 61)))
    young = Chart("chart-x", "Messages", "Messages.", (signal,), minutes=2)
    assert young.data["axis"] == ["\u22122 min", "\u22121", "now"]
    assert young.data["signals"][0]["values"] == list(range(49, 61))


def test_an_address_may_ask_for_what_there_is_to_choose_from() -> None:
    assert [chosen_base(text) for text in ("2", "5", "10")] == [2, 5, 10]
    assert {chosen_base(text) for text in ("", "0", "7", "60", "-5", " 5", "5\n", "\u0665")} == {
        None
    }


def test_a_page_without_a_script_says_what_the_lines_are_now() -> None:
    page = render_to_string("console/parts/chart.html", {"chart": CHART})
    assert 'role="img" aria-label="Messages. Now: in 1.5 a second."' in page
    assert '<b data-signal="in">1.5</b>/s' in page


def test_what_is_hostile_stays_text_in_the_page_and_in_its_data() -> None:
    evil = "</script><script>alert(1)</script>"
    signal = Signal(evil, "ch", "1", evil, (1,))
    page = render_to_string(
        "console/parts/chart.html", {"chart": Chart("chart-x", evil, evil, (signal,))}
    )
    assert "<script>alert" not in page
    assert page.count("</script>") == 1
