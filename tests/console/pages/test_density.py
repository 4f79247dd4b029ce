from __future__ import annotations

import re

from console.density import density_of
from console.pages.density import HEIGHT, WIDTH, strip

NOW = 10_000.0


def test_bars_stand_on_each_other_and_the_fullest_step_fills_the_strip():
    density = density_of([("in", NOW)] * 3 + [("layer", NOW)] * 6 + [("out", NOW)], NOW)
    paths = dict(strip(density).bars)
    parts = [re.fullmatch(r"M(\d+) (\d+)v-(\d+)", paths[name]) for name in ("in", "layer", "out")]
    heights = [int(part[3]) for part in parts]
    bottoms = [int(part[2]) for part in parts]
    assert {int(part[1]) for part in parts} == {WIDTH - 2}
    assert bottoms == [HEIGHT, HEIGHT - heights[0], HEIGHT - heights[0] - heights[1]]
    assert sum(heights) == HEIGHT - 2


def test_nothing_is_an_empty_strip_that_says_so():
    drawn = strip(density_of([], NOW))
    assert [path for _, path in drawn.bars] == ["", "", ""]
    assert "0 in, 0 layer, 0 out" in drawn.sentence
    assert drawn.times[-1] - drawn.times[0] == 150


def test_a_range_that_has_left_the_strip_is_not_drawn():
    density = density_of([], NOW)
    whole = strip(density)
    assert whole.band is None
    assert strip(density, (whole.end - 150, whole.end)).band == (0.0, WIDTH)
    assert strip(density, (whole.end - 75, whole.end + 99)).band == (WIDTH / 2, WIDTH / 2)
    assert strip(density, (whole.end - 500, whole.end - 400)).band is None
