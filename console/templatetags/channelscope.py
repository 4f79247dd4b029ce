"""How the console writes down times, sizes and signals, and which glyph a direction has.

Owns words and numbers only: no markup, which lives in templates, and no reading
of state. Used by the templates of the console; a project's templates need none of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from django import template
from django.template.loader import render_to_string

from console import zones
from console.connection_view import badge_of

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from console.connection_view import ConnectionView

register = template.Library()

NO_BREAK_SPACE = "\u00a0"

GLYPHS: Mapping[str, tuple[str, str]] = {
    "in": ("d-in", "Inbound"),
    "out": ("d-out", "Outbound"),
    "layer": ("d-layer", "Sent to layer"),
    "deliver": ("d-layer", "Delivered from layer"),
    "life": ("d-life", "Lifecycle"),
    "handler": ("handler", "Handler"),
    "error": ("error", "Error"),
}
"""Direction of an entry: (icon, what the icon means). Scripts find them drawn in the page."""

PLOT_WIDTH, PLOT_HEIGHT = 300, 120
SLOW_MS = 50.0


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """Draw an icon of the sprite; without a label it is decoration.

    The same icon is the same text: regions that are rendered again and again are full of them.
    """
    context = {"name": name, "size": size, "label": label}
    return render_to_string("console/parts/icon.html", context)


@register.inclusion_tag("console/parts/dotted.html")
def dotted(name: str) -> dict[str, list[str]]:
    """Write a long name so that its lines break behind a dot, and not within a word."""
    return {"pieces": re.split(r"(?<=[.!])", name)}


@register.filter
def dir_icon(direction: str) -> str:
    """Return the icon of a direction, such as "d-in"."""
    return GLYPHS.get(direction, GLYPHS["life"])[0]


@register.filter
def dir_label(direction: str) -> str:
    """Return what the icon of a direction means, for who cannot see it."""
    return GLYPHS.get(direction, GLYPHS["life"])[1]


@register.filter
def clock(at: float | None) -> str:
    """Return the time of day to the millisecond, in the viewer's zone, such as "20:44:12.991"."""
    return zones.local(at).isoformat(timespec="milliseconds")[11:23] if at else ""


@register.filter
def clock_s(at: float | None) -> str:
    """Return the time of day to the second, in the viewer's zone, such as "20:44:12"."""
    return zones.local(at).strftime("%H:%M:%S") if at else ""


@register.filter
def moment(at: float | None) -> str:
    """Return a day and a time in the viewer's zone, such as "2026-11-28 20:44:12"."""
    return zones.local(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""


@register.simple_tag
def zone() -> str:
    """Return the name of the zone that times are written in."""
    return zones.name()


@register.filter
def iso(at: float | None) -> str:
    """Return a time as `<time datetime>` wants it; "" for none."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds") if at else ""


@register.filter
def age(view: ConnectionView) -> str:
    """Return how long a connection has been open, or was: "12:41", "1:02:55"."""
    return duration((view.closed_at or time.time()) - view.opened_at)


def duration(seconds: float) -> str:
    """Return seconds as "mm:ss", from an hour on as "h:mm:ss"."""
    whole = max(int(seconds), 0)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute:02}:{second:02}"


@register.filter
def seconds(value: float) -> str:
    """Return a stretch of seconds, such as "6.4 s"."""
    return f"{value:.1f} s" if value < 100 else duration(value)


@register.filter
def took(milliseconds: float | None) -> str:
    """Return how long something ran, such as "48 µs" or "0.2 ms"; "" if nobody measured."""
    if milliseconds is None:
        return ""
    if milliseconds < 0.1:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 100:
        return f"{milliseconds:.1f} ms"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


@register.filter
def milliseconds(seconds: float) -> float:
    """Return seconds as milliseconds."""
    return seconds * 1_000


@register.filter
def epoch(position: str) -> str:
    """Return the process that a position lies in; "" for none."""
    return str(position or "").partition(":")[0]


@register.filter
def is_slow(milliseconds: float | None) -> bool:
    """Return whether a handler ran longer than a person should wait for all of them."""
    return bool(milliseconds) and float(milliseconds or 0.0) >= SLOW_MS


@register.filter
def size(size_bytes: int | None) -> str:
    """Return a number of bytes, such as "133 B" or "8.2 kB"; "" for None."""
    if size_bytes is None:
        return ""
    number, unit = _scaled(size_bytes)
    return f"{number} {unit}B"


@register.filter
def short_size(size_bytes: int) -> str:
    """Return a number of bytes in four characters, such as "38k"."""
    number, unit = _scaled(size_bytes)
    return f"{number}{unit}"


def _scaled(value: float) -> tuple[str, str]:
    unit = ""
    for unit in ("", "k", "M", "G"):
        if value < 1000 or unit == "G":
            break
        value /= 1000
    return (f"{value:.1f}" if unit and value < 10 else f"{value:.0f}"), unit


@register.filter
def thousands(number: int) -> str:
    """Return a count with a space that does not break between thousands, "1 204"."""
    return f"{number:,}".replace(",", NO_BREAK_SPACE)


@register.filter
def rate(per_second: float) -> str:
    """Return a rate with one decimal."""
    return f"{per_second:,.1f}".replace(",", NO_BREAK_SPACE)


@register.filter
def badge(protocol: str) -> str:
    """Return the short form of a scope's type, such as "ws"."""
    return badge_of(protocol)


@register.filter
def total(buckets: Sequence[int]) -> int:
    """Return the sum of a signal's buckets."""
    return sum(buckets)


@register.filter
def spark_path(buckets: Sequence[int]) -> str:
    """Return the bars of a sparkline as an SVG path, 4 units a bucket, tallest 15."""
    return _spark_path(tuple(buckets))


@lru_cache(maxsize=1024)
def _spark_path(buckets: tuple[int, ...]) -> str:
    top = max([*buckets, 1])
    return "".join(
        [
            f"M{2 + 4 * place} 17v-{max(round(15 * count / top), 2)}"
            for place, count in enumerate(buckets)
            if count
        ]
    )


@register.filter
def plot_path(buckets: Sequence[int]) -> str:
    """Return a signal as one SVG line over the whole width of a chart screen."""
    top = max([*buckets, 1])
    step = PLOT_WIDTH / max(len(buckets) - 1, 1)
    points = (
        f"{round(place * step)} {round(PLOT_HEIGHT - 10 - (PLOT_HEIGHT - 30) * count / top)}"
        for place, count in enumerate(buckets)
    )
    return "M" + " ".join(points)


@register.filter
def short_type(type_name: str) -> str:
    """Return the last word of an ASGI event's type; a layer message keeps its whole name."""
    prefix, _, word = type_name.rpartition(".")
    return word if prefix in {"websocket", "http", "http.response"} else type_name


@register.filter
def channel_tail(channel: str) -> str:
    """Return what tells a channel from others of its process; a named one keeps its name."""
    process, mark, own = channel.rpartition("!")
    return f"{process.rpartition('.')[2][:8]}!{own[:12]}" if mark else channel


@register.filter
def initial(name: str) -> str:
    """Return the capital that stands in an avatar."""
    return name[:1].upper()
