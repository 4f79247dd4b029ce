"""The jobs of one channel: those that wait, and the applications that do them.

Owns the bound on what waits, how many are done at once, and the knowledge of whether one
is being done, and how it ended. Receives nothing itself; `runtime.worker` puts in what it has
received.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

from runtime.boundary import observe
from runtime.tasks import spawn
from runtime.typing import ASGIApplication, Event, Message, Scope

logger = logging.getLogger("django.channels.worker")


Report = Callable[[BaseException | None], Awaitable[None]]
"""Is told that a job was done, or what it failed with."""


class Work(NamedTuple):
    """One message of a channel, to be handled.

    Attributes:
        message: the message.
        report: who hears how it ended; None if nobody wants to know. A job that is cut off by a
            cancellation has no end that it could hear of.
    """

    message: Message
    report: Report | None = None


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
        self._waiting: asyncio.Queue[Work] = asyncio.Queue(limit)
        self._refused: list[Work] = []
        self._running = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        name = f"jobs of {scope['channel']}"
        self._tasks = [spawn(self._serve(), name=name) for _ in range(concurrency)]

    @property
    def is_idle(self) -> bool:
        """Whether no job is being done; some may wait."""
        return self._is_idle.is_set()

    @property
    def running(self) -> int:
        """How many jobs are being done."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many have been taken, and nobody has begun."""
        return self._waiting.qsize() + len(self._refused)

    async def put(self, message: Message, report: Report | None = None) -> None:
        """Add a job, waiting for room; one for which a cancelled call has none waits as well."""
        work = Work(message, report)
        try:
            await self._waiting.put(work)
        except asyncio.CancelledError:
            self._refused.append(work)
            raise

    def take_back(self) -> Iterator[Work]:
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
                await desk.end_job(None)
            except Exception as error:
                logger.exception(
                    "A job of channel %r failed. The next one is done by a new application.",
                    self.scope["channel"],
                )
                await desk.end_job(error)
            finally:
                desk.leave()
            _raise_cancellation()

    async def _next(self) -> Work:
        work = await self._waiting.get()
        logger.debug("Channel %r: %s begins.", self.scope["channel"], work.message.get("type"))
        self._running += 1
        self._is_idle.clear()
        return work

    def _end_job(self) -> None:
        self._running -= 1
        if not self._running:
            self._is_idle.set()


class _Desk:
    """One application's side of the queue: asking for the next job ends the one before."""

    def __init__(self, queue: JobQueue, first: Work) -> None:
        self.queue = queue
        self.is_begun = False
        self.job: Work | None = first

    async def receive(self) -> Event:
        if self.is_begun or self.job is None:
            await self.end_job(None)
            self.job = await self.queue._next()
        self.is_begun = True
        return self.job.message

    async def end_job(self, error: BaseException | None) -> None:
        """Report how the job ended, if there is one and somebody listens."""
        if self.job is not None and self.job.report is not None and not _is_cancelled():
            await self.job.report(error)
        self.leave()

    def leave(self) -> None:
        if self.job is not None:
            self.job = None
            self.queue._end_job()

    def check_is_begun(self) -> None:
        if self.job is not None and not self.is_begun:
            raise RuntimeError(
                f"The application ended without a look at its job {self.job.message!r:.200}:"
                " expected it to await receive()."
            )


async def _refuse_send(event: Event) -> None:
    raise ValueError(
        f"A consumer of a channel has no client to send {event.get('type')!r} to."
        " Answer through the channel layer instead."
    )


def _raise_cancellation() -> None:
    """Cancel the running task if somebody wanted that and an application has kept it quiet."""
    if _is_cancelled():
        raise asyncio.CancelledError


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
