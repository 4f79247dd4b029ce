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
        band: where the range of time is that is asked for, and how wide; None for all of it.
    """

    bars: tuple[tuple[str, str], ...]
    times: tuple[float, ...]
    sentence: str
    band: tuple[float, float] | None = None

    @property
    def end(self) -> float:
        """When its right edge is, in seconds since the Unix epoch."""
        return self.times[-1]


def strip(density: Density, chosen: tuple[float, float] | None = None) -> DensityStrip:
    """Return the strip of a density.

    Args:
        chosen: the range of time that is asked for, in seconds since the Unix epoch.
    """
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
    band = _band(chosen, end - length_s, end) if chosen is not None else None
    return DensityStrip(tuple(bars), times, _sentence(density), band)


def _band(chosen: tuple[float, float], begin: float, end: float) -> tuple[float, float] | None:
    left, right = (
        round(WIDTH * (min(max(at, begin), end) - begin) / (end - begin), 2) for at in chosen
    )
    return (left, round(right - left, 2)) if right > left else None


def _sentence(density: Density) -> str:
    said = ", ".join(f"{sum(density.counts[name])} {name}" for name in NAMES)
    peak = density.peak / STEP_S
    return f"Messages of the last two and a half minutes: {said}; at most {peak:g} a second"
