"""The bounded pool of threads on which synchronous handlers run.

Owns the threads of the process and their end. Does not know what it runs, nor where an
answer goes: that is `runtime.threads`, which calls it.

`concurrent.futures` would do as well, but makes a future with a lock for each call, and who
calls here asks for neither a result nor an error.

Source: docs/decisions/0006-sync-consumers.md
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from queue import SimpleQueue
from typing import Final, TypeAlias

DEFAULT_THREADS: Final = 40
"""How many synchronous handlers run at once, unless the variable ASGI_THREADS says otherwise."""

Job: TypeAlias = Callable[[], None]
"""What a thread calls; it raises nothing."""


class HandlerPool:
    """Threads that are started when they are needed, and stay.

    Args:
        size: how many there are at most; further jobs wait for one.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._starting = threading.Lock()
        # One entry for each thread that waits. Once all threads are there, nobody asks, and
        # entries that no job has taken must not add up.
        self._idle: deque[None] = deque(maxlen=size)

    def submit(self, job: Job) -> None:
        """Run `job` on some thread, as soon as one is free."""
        try:
            self._idle.pop()
        except IndexError:
            self._start_thread()
        self._jobs.put(job)

    def finish(self) -> None:
        """Return when all jobs have ended; the threads end with them."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _start_thread(self) -> None:
        with self._starting:
            number = len(self._threads)
            if number < self._size:
                # A daemon, for the interpreter waits for others before it calls finish().
                thread = threading.Thread(
                    target=self._serve, name=f"runtime-handler_{number}", daemon=True
                )
                thread.start()
                self._threads.append(thread)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # a thread that waits keeps no connection alive
            self._idle.append(None)


@cache
def handler_pool() -> HandlerPool:
    """Return the pool of this process."""
    pool = HandlerPool(int(os.environ.get("ASGI_THREADS") or DEFAULT_THREADS))
    atexit.register(pool.finish)
    return pool


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=handler_pool.cache_clear)
