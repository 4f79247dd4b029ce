from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.template.loader import render_to_string

from console.entry import DIRECTIONS
from console.templatetags import channelscope as tags

SPACE = "\u00a0"


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, ""),
        (0.048, "48 µs"),
        (0.2, "0.2 ms"),
        (48.04, "48.0 ms"),
        (412.4, "412 ms"),
        (1234.0, "1.2 s"),
    ],
)
def test_durations_are_written_in_the_unit_that_fits(
    milliseconds: float | None, words: str
) -> None:
    assert tags.took(milliseconds) == words


@pytest.mark.parametrize(
    ("size_bytes", "words", "short"),
    [
        (0, "0 B", "0"),
        (999, "999 B", "999"),
        (8_234, "8.2 kB", "8.2k"),
        (38_210, "38 kB", "38k"),
        (5_000_000, "5.0 MB", "5.0M"),
        (7_000_000_000_000, "7000 GB", "7000G"),
    ],
)
def test_sizes_are_written_in_the_unit_that_fits(size_bytes: int, words: str, short: str) -> None:
    assert tags.size(size_bytes) == words
    assert tags.short_size(size_bytes) == short


def test_thousands_are_held_together() -> None:
    assert tags.thousands(1_234_567) == f"1{SPACE}234{SPACE}567"
    assert tags.rate(1234.56) == f"1{SPACE}234.6"


def test_times_of_day_are_utc_to_the_millisecond() -> None:
    assert tags.clock(1_795_380_252.9851) == "20:44:12.985"
    assert tags.iso(0) == tags.clock(None) == ""


@pytest.mark.parametrize(("seconds", "words"), [(0, "00:00"), (761, "12:41"), (3_775, "1:02:55")])
def test_an_age_is_minutes_and_seconds_and_hours_when_needed(seconds: int, words: str) -> None:
    assert tags.age(closed(seconds)) == words


def closed(after_s: float) -> Any:
    return SimpleNamespace(opened_at=100.0, closed_at=100.0 + after_s)


def test_every_direction_has_a_glyph_with_a_name_of_its_own() -> None:
    directions = set(DIRECTIONS.values())
    assert directions == set(tags.GLYPHS)
    assert len({tags.dir_label(one) for one in directions}) == len(directions)


def test_a_spark_draws_a_bar_for_each_bucket_that_has_something() -> None:
    assert tags.spark_path((0, 3, 0, 1)) == "M6 17v-15M14 17v-5"
    assert tags.spark_path((0,) * 18) == ""


def test_a_plot_goes_from_edge_to_edge() -> None:
    path = tags.plot_path((0, 0, 4))
    assert path == "M0 110 150 110 300 20"


@pytest.mark.parametrize(
    ("type_name", "word"),
    [("websocket.receive", "receive"), ("http.response.body", "body"), ("chat.message",) * 2],
)
def test_only_the_protocols_own_names_are_shortened(type_name: str, word: str) -> None:
    assert tags.short_type(type_name) == word


def test_a_long_name_breaks_behind_its_dots_and_stays_text():
    html = render_to_string("console/parts/dotted.html", tags.dotted("chat.consumers.<b>!x"))
    assert html == "chat.<wbr>consumers.<wbr>&lt;b&gt;!<wbr>x"
