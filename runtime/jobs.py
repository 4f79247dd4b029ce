"""The jobs of one channel: those that wait, and the applications that do them.

Owns the bound on what waits, how many are done at once, and the knowledge of whether one
is being done. Receives nothing itself; `runtime.worker` puts in what it has received.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from runtime.boundary import observe
from runtime.tasks import spawn
from runtime.typing import ASGIApplication, Event, Message, Scope

logger = logging.getLogger("django.channels.worker")


class JobQueue:
    """Gives the messages of one channel to `concurrency` instances of an application.

    An application is called when there is a job for it, and goes on as long as it asks for
    more. One that fails takes no more than its job with it.

    Args:
        application: called with a copy of `scope`.
        scope: of the type `channel`.
        limit: how many messages wait before `put()` does.
        concurrency: how many are handled at once; with one they are handled in order.
    """

    def __init__(
        self, application: ASGIApplication, scope: Scope, limit: int, concurrency: int
    ) -> None:
        self.application = application
        self.scope = scope
        self._waiting: asyncio.Queue[Message] = asyncio.Queue(limit)
        self._refused: list[Message] = []
        self._running = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        name = f"jobs of {scope['channel']}"
        self._tasks = [spawn(self._serve(), name=name) for _ in range(concurrency)]

    @property
    def is_idle(self) -> bool:
        """Whether no job is being done; some may wait."""
        return self._is_idle.is_set()

    async def put(self, message: Message) -> None:
        """Add a job, waiting for room; one for which a cancelled call has none waits as well."""
        try:
            await self._waiting.put(message)
        except asyncio.CancelledError:
            self._refused.append(message)
            raise

    def take_back(self) -> Iterator[Message]:
        """Yield the jobs that nobody has begun, which are then nobody's but the caller's."""
        while not self._waiting.empty():
            yield self._waiting.get_nowait()
        while self._refused:
            yield self._refused.pop(0)

    async def wait_until_idle(self) -> None:
        """Return when no job is being done."""
        await self._is_idle.wait()

    async def close(self, timeout_s: float) -> bool:
        """Cancel the applications; return whether they ended in time.

        A synchronous handler is in a thread, which nobody can interrupt.
        """
        for task in self._tasks:
            task.cancel()
        _, pending = await asyncio.wait(self._tasks, timeout=timeout_s)
        return not pending

    async def _serve(self) -> None:
        while True:
            desk = _Desk(self, await self._next())
            try:
                await observe(self.application, dict(self.scope), desk.receive, _refuse_send)
                desk.check_is_begun()
            except Exception:
                logger.exception(
                    "A job of channel %r failed. The next one is done by a new application.",
                    self.scope["channel"],
                )
            finally:
                desk.leave()
            _raise_cancellation()

    async def _next(self) -> Message:
        message = await self._waiting.get()
        logger.debug("Channel %r: %s begins.", self.scope["channel"], message.get("type"))
        self._running += 1
        self._is_idle.clear()
        return message

    def _end_job(self) -> None:
        self._running -= 1
        if not self._running:
            self._is_idle.set()


class _Desk:
    """One application's side of the queue: asking for the next job ends the one before."""

    def __init__(self, queue: JobQueue, first: Message) -> None:
        self.queue = queue
        self.first: Message | None = first
        self.has_job = True

    async def receive(self) -> Event:
        if self.first is not None:
            first, self.first = self.first, None
            return first
        self.leave()
        message = await self.queue._next()
        self.has_job = True
        return message

    def leave(self) -> None:
        if self.has_job:
            self.has_job = False
            self.queue._end_job()

    def check_is_begun(self) -> None:
        if self.first is not None:
            raise RuntimeError(
                f"The application ended without a look at its job {self.first!r:.200}: expected it"
                " to await receive()."
            )


async def _refuse_send(event: Event) -> None:
    raise ValueError(
        f"A consumer of a channel has no client to send {event.get('type')!r} to."
        " Answer through the channel layer instead."
    )


def _raise_cancellation() -> None:
    """Cancel the running task if somebody wanted that and an application has kept it quiet."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
