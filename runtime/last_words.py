"""What is still said as this process ends, while its event loop runs and its layers speak.

Owns who has something to say, and how long they may take together. A server that ends cancels
what runs, all of it at once, or stops its event loop in the middle: whoever would speak then is
not heard. Called by the boundary when a server ends its lifespan, by a worker or a protocol's
server that is told to stop, and by Daphne's reactor, which has no lifespan.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeAlias

Speak: TypeAlias = Callable[[], Coroutine[Any, Any, None]]

WITHIN_S: Final = 1.0
"""How long they may hold up the end."""

logger = logging.getLogger("runtime.last_words")

_speakers: list[Speak] = []


def add(speak: Speak) -> None:
    """Call `speak` when this process is about to end, whatever serves it."""
    _speakers.append(speak)
    if len(_speakers) == 1:
        _say_before_daphne_ends()


def remove(speak: Speak) -> None:
    """Call it no more."""
    if speak in _speakers:
        _speakers.remove(speak)


async def say() -> None:
    """Let everybody speak, at once and not for long. Their errors end nothing."""
    speaking = [asyncio.ensure_future(speak()) for speak in _speakers]
    if not speaking:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            for error in await asyncio.gather(*speaking, return_exceptions=True):
                if isinstance(error, Exception):
                    logger.error("The last words of this process failed.", exc_info=error)


def _say_before_daphne_ends() -> None:
    daphne = sys.modules.get("daphne.server")
    if daphne is not None:
        daphne.reactor.addSystemEventTrigger("before", "shutdown", _as_deferred, daphne.defer)


def _as_deferred(defer: Any) -> Any:
    """Return what Twisted's reactor waits for before it stops."""
    return defer.Deferred.fromFuture(asyncio.ensure_future(say()))
