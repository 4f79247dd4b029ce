"""The time zone in which a viewer reads times: UTC, the server's, or their own.

Owns the cookie that keeps the choice, and the zone of whoever is being answered: a context
variable, which a view and the console's own WebSocket set before anything is written for
their viewer. Times are kept and sent in seconds since the Unix epoch; this is about words.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from django.conf import settings
from django.utils import timezone

COOKIE = "channelscope_zone"
SERVER = "server"
LONGEST_NAME = 64

_chosen: ContextVar[str] = ContextVar("channelscope_zone", default="")


def choose(cookies: Mapping[str, str]) -> None:
    """Write times, from here on in this context, as a viewer with these cookies wants them."""
    said = cookies.get(COOKIE, "")
    _chosen.set(said if is_zone(said) else "")


def is_zone(said: str) -> bool:
    """Return whether a cookie may say so: "server", or the name of a zone."""
    return said == SERVER or _zone(said) is not None


def chosen() -> str:
    """Return what was chosen: "" for UTC, "server", or a name such as "Europe/Berlin"."""
    return _chosen.get()


def name() -> str:
    """Return the name of the zone that times are written in."""
    said = _chosen.get()
    if said == SERVER:
        return str(settings.TIME_ZONE or "UTC")
    return said or "UTC"


def local(at: float) -> datetime:
    """Return a time, in seconds since the Unix epoch, in the zone of whoever is answered."""
    return datetime.fromtimestamp(at, _current())


def _current() -> tzinfo:
    said = _chosen.get()
    if said == SERVER:
        return timezone.get_default_timezone()
    return _zone(said) or UTC


@lru_cache(maxsize=256)
def _zone(said: str) -> tzinfo | None:
    """Return the zone with this name; None if there is none, or the name is none at all."""
    if not said or len(said) > LONGEST_NAME:
        return None
    try:
        return zoneinfo.ZoneInfo(said)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
