"""SIGTERM and SIGINT for a process that ends in its own order: once to end, twice to end at once.

Owns the two handlers while somebody serves. Used by the worker and by the servers of protocols;
a server of another kind has its own, before which `runtime.drain` takes its place.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stopped_by_signals(stop: Callable[[], object], hurry: Callable[[], object]) -> Iterator[None]:
    """Let a signal call `stop()` on the running loop, and each further one `hurry()` too."""
    if threading.current_thread() is not threading.main_thread():
        yield  # under the reloader, whose main thread has the signals
        return
    loop = asyncio.get_running_loop()
    is_told = False

    def end() -> None:
        nonlocal is_told
        if is_told:
            hurry()
        is_told = True
        stop()

    # Not `loop.add_signal_handler()`, which Windows does not have.
    before = {one: signal.signal(one, lambda *_: loop.call_soon_threadsafe(end)) for one in SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
