"""Which thread a synchronous handler runs on, and how what it sends reaches the client.

Different connections run on different
threads at once; each connection keeps its own order. Under a test's transaction
all handlers share the test's thread, since only that thread sees what the test has
written.

Source: docs/decisions/0006-sync-consumers.md
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import cache, partial
from weakref import WeakKeyDictionary

from runtime.db import DatabaseSyncToAsync
from runtime.environment import is_test_environment
from runtime.exceptions import StopConsumer
from runtime.pool import handler_pool
from runtime.taps import Cause, Connection, current_cause
from runtime.tasks import spawn
from runtime.typing import Event, Send

logger = logging.getLogger("runtime.threads")

UNSENT_WATERMARK = 64
"""Events that a handler may be ahead of its client before `send()` blocks."""

UNTOLD_S = 0.005
"""How long what a handler has sent waits for the handler's end: Python's own switch interval."""


class HandlerThread:
    """Runs the handlers of one synchronous consumer in a thread, and sends for them.

    A handler does not wait for each of its sends: they go out in order, in the consumer's own
    task. Of short handlers it is told as they end, once, since each telling wakes the loop's
    thread, which takes the interpreter from theirs. One that works for longer than `UNTOLD_S` is
    prompt from then on, and so is the next: what it sends goes out at once, while it runs.

    All handlers run in one context, so that a context variable that one sets is there in
    the next, whatever thread that runs on.

    Args:
        send: the server's; awaited on the loop on which this is made.
        connection: the observed connection that this is for, if it is.
    """

    def __init__(self, send: Send, connection: Connection | None = None) -> None:
        self.is_cancelled = False
        """Whether the consumer has been cancelled: work in parts stops after this part."""
        self._send = send
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._timer = _timer_of(self._loop)
        self._context = copy_context()
        self._unsent: deque[tuple[Event, Cause | None]] = deque()
        self._room = threading.Condition()
        self._blocked = 0
        self._failure: BaseException | None = None
        self._is_working = False
        self._is_prompt = False
        self._is_late = False
        self._is_under_test = is_test_environment()
        self._is_signalled = False
        self._wake: asyncio.Future[None] | None = None

    def send(self, event: Event) -> None:
        """Send `event` to the client; from any thread but the loop's.

        Blocks while the client is more than `UNSENT_WATERMARK` events behind.

        Raises:
            Exception: what an earlier send failed with.
        """
        self._raise_failure()
        connection = self._connection
        cause = (connection.cause or ("", "")) if connection is not None else None
        self._unsent.append((event, cause))
        if self._is_prompt or not self._is_working:
            self._signal()
        if len(self._unsent) > UNSENT_WATERMARK and not self._is_under_test:
            self._wait_for_room()
            self._raise_failure()

    async def run(self, work: Callable[[], None]) -> None:
        """Call `work()` in a thread; return when it has ended and all is sent.

        A cancellation is raised when the work has ended: a thread cannot be
        interrupted, and nothing else of the connection happens beside it.

        Raises:
            BaseException: what the work, or a send, failed with.
        """
        cancellation: asyncio.CancelledError | None = None
        self._is_working = True
        self._is_prompt, self._is_late = self._is_late, False
        self._timer.watch(self, self._loop)
        self._wake = self._loop.create_future()
        # Last of all: from here on the thread and the loop contend for the interpreter.
        self._start(work)
        while self._is_working or self._unsent:
            try:
                if not self._unsent:
                    await self._wake
                await self._flush()
            except asyncio.CancelledError as cancelled:
                cancellation, self.is_cancelled = cancelled, True
            if self._is_working:
                self._wake = self._loop.create_future()
        self._wake = None
        if cancellation is not None:
            self._log_failure()
            raise cancellation
        self._raise_failure()

    @property
    def is_working(self) -> bool:
        """Whether a handler runs."""
        return self._is_working

    def become_prompt(self) -> None:
        """Let out what the handler has sent so far, and the rest at once; on the loop."""
        # In this order: what the handler sends meanwhile is found here, or told by the handler.
        self._is_prompt = self._is_late = True
        if self._unsent:
            self._signalled()

    def _start(self, work: Callable[[], None]) -> None:
        if self._is_under_test:
            hop = DatabaseSyncToAsync(work, thread_sensitive=True, context=self._context)
            spawn(hop(), name="handler thread", on_error=self._fail).add_done_callback(self._ended)
        else:
            handler_pool().submit(partial(self._work_in_pool, work))

    def _work_in_pool(self, work: Callable[[], None]) -> None:
        try:
            _hop().thread_handler(self._loop, _NO_ERROR, [], self._context.run, work)
        except BaseException as failure:  # raised by run(), on the loop
            self._fail(failure)
        finally:
            # Not before the context has been left: the next handler enters it.
            self._ended()

    def _fail(self, failure: BaseException) -> None:
        # A send may have failed before, of which the handler has not been told.
        if self._failure is None:
            self._failure = failure

    def _ended(self, task: asyncio.Task[None] | None = None) -> None:
        self._is_working = False
        self._signal()

    async def _flush(self) -> None:
        while self._unsent:
            event, cause = self._unsent.popleft()
            try:
                if cause is None:
                    await self._send(event)
                else:
                    await self._send_observed(event, cause)
            except Exception as failure:
                self._failure = failure
                self._unsent.clear()
            finally:
                if self._blocked:
                    with self._room:
                        self._room.notify_all()

    async def _send_observed(self, event: Event, cause: Cause) -> None:
        # The handler that sent it may have ended by now, and another one begun.
        token = current_cause.set(cause)
        try:
            await self._send(event)
        finally:
            current_cause.reset(token)

    def _wait_for_room(self) -> None:
        self._signal()
        with self._room:
            self._blocked += 1  # before the first look: who makes room looks at it afterwards
            self._room.wait_for(lambda: len(self._unsent) <= UNSENT_WATERMARK // 2)
            self._blocked -= 1

    def _signal(self) -> None:
        if not self._is_signalled:
            self._is_signalled = True
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                self._loop.call_soon_threadsafe(self._signalled)

    def _signalled(self) -> None:
        self._is_signalled = False
        if self._wake is not None:
            if not self._wake.done():
                self._wake.set_result(None)
        elif self._unsent and not self._is_working:
            # A thread of the project's own sent something between two handlers.
            spawn(self._flush(), name="handler thread send")

    def _log_failure(self) -> None:
        # Kept, it would be raised by the next work as if that had failed.
        failure, self._failure = self._failure, None
        if failure is not None and not isinstance(failure, StopConsumer):
            logger.error("A handler failed while it was cancelled.", exc_info=failure)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            try:
                raise failure
            finally:
                del failure  # its traceback has this frame, so each would keep the other


class _PromptTimer:
    """Makes those prompt that still work after `UNTOLD_S`: one timer for all on a loop."""

    def __init__(self) -> None:
        self._working: set[HandlerThread] = set()
        self._is_set = False

    def watch(self, thread: HandlerThread, loop: asyncio.AbstractEventLoop) -> None:
        self._working.add(thread)
        if not self._is_set:
            self._is_set = True
            loop.call_later(UNTOLD_S, self._tick)

    def _tick(self) -> None:
        self._is_set = False
        working, self._working = self._working, set()
        for thread in working:
            if thread.is_working:
                thread.become_prompt()


def _timer_of(loop: asyncio.AbstractEventLoop) -> _PromptTimer:
    found = _timers.get(loop)
    if found is None:
        found = _timers[loop] = _PromptTimer()
    return found


_timers: WeakKeyDictionary[asyncio.AbstractEventLoop, _PromptTimer] = WeakKeyDictionary()

_NO_ERROR = (None, None, None)


@cache
def _hop() -> DatabaseSyncToAsync[[], None]:
    """Return what prepares a thread for a call; it keeps nothing of the call."""
    return DatabaseSyncToAsync(_nothing, thread_sensitive=False)


def _nothing() -> None:
    """Stand for the function that `DatabaseSyncToAsync` wants to be made with."""
