from __future__ import annotations

from collections.abc import Iterator

import pytest

from console import zones
from console.templatetags.channelscope import clock, clock_s, moment

AT = 1_790_000_000.125


@pytest.fixture(autouse=True)
def nobody() -> Iterator[None]:
    yield
    zones.choose({})


def test_times_are_in_utc_unless_somebody_wants_another_zone() -> None:
    zones.choose({})
    assert (zones.chosen(), zones.name()) == ("", "UTC")
    assert clock(AT) == "14:13:20.125"


def test_a_viewer_reads_times_in_the_zone_of_their_cookie() -> None:
    zones.choose({zones.COOKIE: "Asia/Tokyo"})
    assert zones.name() == "Asia/Tokyo"
    assert clock(AT) == "23:13:20.125"
    assert clock_s(AT) == "23:13:20"
    assert moment(AT) == "2026-09-21 23:13:20"


def test_the_server_s_zone_is_that_of_the_project(settings) -> None:
    settings.TIME_ZONE = "America/New_York"
    zones.choose({zones.COOKIE: "server"})
    assert (zones.chosen(), zones.name()) == ("server", "America/New_York")
    assert clock_s(AT) == "10:13:20"


@pytest.mark.parametrize(
    "said", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "a" * 500, "\0"]
)
def test_a_cookie_that_names_no_zone_says_nothing(said: str) -> None:
    zones.choose({zones.COOKIE: said})
    assert zones.name() == "UTC"


def test_no_time_is_no_word() -> None:
    assert (clock(None), clock_s(0), moment(None)) == ("", "", "")
