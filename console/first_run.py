"""Why nothing has been seen yet: what has to be so before the console can show a scope.

Owns the checks, in the order in which a person would make them. They are made again while the
Overview waits for the first scope; each says what it found, or what to do.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from django.conf import settings

from console import vitals
from console.routes import inner_of
from console.templatetags.channelscope import clock_s
from runtime.boundary import Boundary
from runtime.layers import get_channel_layer
from runtime.routing import ProtocolTypeRouter, get_default_application
from runtime.taps import muted

if TYPE_CHECKING:
    from console.process import ProcessView

Tone: TypeAlias = Literal["ok", "warn", "wait"]

ANSWER_S = 2.0
DEEPEST = 20
"""So many applications may lie around the one that is observed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be so.

    Attributes:
        tone: "ok" if it is, "warn" if something has to be done, "wait" if it will be.
        sentence: what was found.
    """

    tone: Tone
    title: str
    sentence: str


async def checks(process: ProcessView, *, is_live: bool) -> list[Check]:
    """Return what was found.

    Args:
        process: this one.
        is_live: whether the page's own WebSocket is what asks.
    """
    return [
        _installed(),
        _application(),
        await _layer(),
        _socket(is_live),
        Check("wait", "First scope", f"Waiting since {clock_s(process.started_at)}"),
    ]


def _installed() -> Check:
    words = [f"{name} {version}" for name, version in vitals.versions().items() if version]
    return Check("ok", "App installed", ", ".join(words))


def _application() -> Check:
    name = getattr(settings, "ASGI_APPLICATION", None)
    if not name:
        sentence = 'Set ASGI_APPLICATION = "<project>.asgi.application", a ProtocolTypeRouter'
        return Check("warn", "No ASGI application", sentence)
    try:
        application = get_default_application()
    except Exception as error:
        return Check("warn", "The ASGI application cannot be imported", f"{name}: {error}")
    kind = type(application).__name__
    inner: Any = application
    for _ in range(DEEPEST):
        if isinstance(inner, ProtocolTypeRouter | Boundary):
            through = "" if inner is application else f", through {kind}"
            return Check("ok", "Application is observed", f"{name}{through}")
        inner = inner_of(inner)
    sentence = f"{name} is a {kind}: wrap it as runtime.boundary.Boundary(application)"
    return Check("warn", "Application is not observed", sentence)


async def _layer() -> Check:
    try:
        layer = get_channel_layer()
        if layer is None:
            sentence = "CHANNEL_LAYERS is empty: connections are seen, and there are no groups"
            return Check("ok", "No channel layer", sentence)
        took_ms = 1_000 * await _round_trip(layer)
    except TimeoutError:
        return Check("warn", "Channel layer does not answer", f"Nothing came in {ANSWER_S:g} s")
    except Exception as error:
        return Check("warn", "Channel layer does not answer", f"{type(error).__name__}: {error}")
    return Check("ok", "Channel layer answers", f"{type(layer).__name__}, {took_ms:.1f} ms")


async def _round_trip(layer: Any) -> float:
    """Send a message to a channel of one's own, and return the seconds until it came."""
    began = time.perf_counter()
    with muted():
        async with asyncio.timeout(ANSWER_S):
            channel = await layer.new_channel("channelscope")
            await layer.send(channel, {"type": "channelscope.check"})
            await layer.receive(channel)
    return time.perf_counter() - began


def _socket(is_live: bool) -> Check:
    if is_live:
        return Check("ok", "Live connection", "This page hears what happens as it happens")
    return Check("wait", "Live connection", "This page opens a WebSocket to the console")
