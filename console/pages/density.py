"""The strip above the tail: how much passed lately, as bars on the screen of an oscilloscope.

Owns the bars and the words; the counts are `console.density`. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from console.density import NAMES, STEP_S, STEPS, Density

WIDTH = 4 * STEPS
HEIGHT = 40
LABELS = 5


@dataclass(frozen=True, slots=True)
class DensityStrip:
    """What is drawn.

    Attributes:
        bars: (direction, SVG path), stacked from the bottom.
        times: seconds since the Unix epoch below the strip, from left to right.
        sentence: what it says, for who cannot see it.
    """

    bars: tuple[tuple[str, str], ...]
    times: tuple[float, ...]
    sentence: str


def strip(density: Density) -> DensityStrip:
    """Return the strip of a density."""
    scale = (HEIGHT - 2) / max(density.peak, 1)
    floor = [0] * STEPS
    bars = []
    for name in NAMES:
        path = []
        for place, count in enumerate(density.counts[name]):
            height = round((floor[place] + count) * scale) - round(floor[place] * scale)
            if count and height:
                bottom = HEIGHT - round(floor[place] * scale)
                path.append(f"M{4 * place + 2} {bottom}v-{height}")
            floor[place] += count
        bars.append((name, "".join(path)))
    end = (density.newest + 1) * STEP_S
    length_s = STEPS * STEP_S
    times = tuple(end - length_s + n * length_s / LABELS for n in range(LABELS + 1))
    return DensityStrip(tuple(bars), times, _sentence(density))


def _sentence(density: Density) -> str:
    said = ", ".join(f"{sum(density.counts[name])} {name}" for name in NAMES)
    peak = density.peak / STEP_S
    return f"Messages of the last two and a half minutes: {said}; at most {peak:g} a second"
