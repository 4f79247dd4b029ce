"""Layers that know nothing of taps, observed as far as they can be seen: at their calls.

Owns the wrapping of a third party's layer as the project's registry makes it. The layer
stays the object that it is; its own methods are called through ours. What it hands over is
seen at the receiver's mailbox, but not linked: its messages carry no cause, and nobody
guesses one. What it sends itself, to do what it was asked, is no message of the application.
Called by the registry.

Source: DESIGN decision 8
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from runtime.drops import drops
from runtime.exceptions import ChannelFull
from runtime.layers.timing import tell_finished
from runtime.taps import Cause, current_connection, is_muted, taps

FIRES_TAPS = "fires_taps"
"""A layer class that has this attribute, and says True, tells the observers itself."""

UNKNOWN = -1
"""How many receivers a group has on a layer that does not say."""

Call = Callable[..., Awaitable[Any]]

_sending: ContextVar[tuple[Any, Cause | None]] = ContextVar("sending", default=(None, None))
"""The layer in whose `group_send()` this code runs, and of what cause: many send to each member by
their own `send()`.
"""


def tapped(layer: Any) -> Any:
    """Return `layer`, whose sends and memberships the observers hear of from now on."""
    if getattr(layer, FIRES_TAPS, False):
        return layer
    for name, wrap in _WRAPS.items():
        call = getattr(layer, name, None)
        if call is not None:
            setattr(layer, name, functools.wraps(call)(wrap(layer, call)))
    return layer


def _send(layer: Any, call: Call) -> Call:
    async def send(channel: str, message: Any) -> Any:
        if not _is_seen(message):
            return await call(channel, message)
        sends_to_group, cause = _sending.get()
        is_own = sends_to_group is layer
        if not is_own and (tap := taps.message_sent) is not None:
            cause = tap(current_connection.get(), layer, channel, message)
        is_timed = not is_own and taps.send_finished is not None
        began = time.perf_counter() if is_timed else None
        try:
            return await call(channel, message)
        except _full_of(layer):
            drops.report(None, channel, message, "capacity", cause=cause)
            raise
        finally:
            if began is not None:
                tell_finished(began, layer, message, None)

    return send


def _group_send(layer: Any, call: Call) -> Call:
    async def group_send(group: str, message: Any) -> Any:
        if not _is_seen(message):
            return await call(group, message)
        cause = None
        if (tap := taps.group_sent) is not None:
            cause = tap(current_connection.get(), layer, group, message, UNKNOWN)
        began = time.perf_counter() if taps.send_finished is not None else None
        token = _sending.set((layer, cause))
        try:
            return await call(group, message)
        finally:
            _sending.reset(token)
            if began is not None:
                tell_finished(began, layer, message, None)

    return group_send


def _group_add(layer: Any, call: Call) -> Call:
    async def group_add(group: str, channel: str) -> Any:
        answer = await call(group, channel)
        if (tap := taps.group_joined) is not None and not is_muted():
            tap(layer, group, channel)
        return answer

    return group_add


def _group_discard(layer: Any, call: Call) -> Call:
    async def group_discard(group: str, channel: str) -> Any:
        answer = await call(group, channel)
        if (tap := taps.group_left) is not None and not is_muted():
            tap(layer, group, channel)
        return answer

    return group_discard


def _full_of(layer: Any) -> tuple[type[BaseException], ...]:
    """Return what `layer` raises for a channel that is full: its own class, or ours."""
    own = getattr(layer, "ChannelFull", None)
    if isinstance(own, type) and issubclass(own, BaseException):
        return own, ChannelFull
    return (ChannelFull,)


def _is_seen(message: object) -> bool:
    # What is no message ends in an error of the layer's own.
    return isinstance(message, dict) and not is_muted()


_WRAPS: dict[str, Callable[[Any, Call], Call]] = {
    "send": _send,
    "group_send": _group_send,
    "group_add": _group_add,
    "group_discard": _group_discard,
}
