"""Serving fixed channels: jobs that consumers hand to a process of their own.

Owns one listener for each channel, and the orderly end: no further jobs are taken, those
that wait go back to the layer, and those that run are finished. Channels do not wait for
each other. Jobs of a channel that the layer acknowledges are acknowledged as they end. Called
by `manage.py runworker`, or by a project that runs its worker within the server
(`await worker.handle()`).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

from runtime import last_words
from runtime.acknowledging import Ending, HeldJobs, policy_of
from runtime.concurrency import ACKNOWLEDGED
from runtime.exceptions import JobsCutOff
from runtime.jobs import JobQueue
from runtime.signals import stopped_by_signals
from runtime.taps import taps
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import ASGIApplication, Message, Scope

if TYPE_CHECKING:
    from runtime.layers.acknowledged import RetryPolicy

logger = logging.getLogger("django.channels.worker")

DEADLINE_S = 10.0
"""How long jobs that run may take to finish when the worker is told to stop."""

CANCEL_S = 1.0
"""How long a cancelled job may take to end before it is left behind."""


_serving: WeakSet[Worker] = WeakSet()


class ServedChannel(NamedTuple):
    """What a worker does on one of its channels.

    Attributes:
        concurrency: how many jobs it does at once.
        running, waiting: jobs that it does now, and that it has taken and not begun.
        is_acknowledged: whether the layer keeps a job until it is done.
    """

    channel: str
    concurrency: int
    running: int
    waiting: int
    is_acknowledged: bool


def workers() -> list[Worker]:
    """Return the workers that serve in this process now."""
    return list(_serving)


class Worker:
    """Serves `channels` of `channel_layer` with `application`.

    Args:
        application: called with a scope of the type `channel` for each of the channels.
        channels: the names of the channels.
        channel_layer: where they are received from.
        max_applications: how many messages of a channel wait in the worker; further ones
            stay in the layer.
        concurrency: how many messages of a channel are handled at once. With one they are
            handled in order.
        deadline_s: how long jobs that run may take to finish after `stop()`.

    Raises:
        ValueError: there is no channel layer.
    """

    def __init__(
        self,
        application: ASGIApplication,
        channels: Sequence[str],
        channel_layer: Any,
        max_applications: int = 1000,
        *,
        concurrency: int = 1,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        if channel_layer is None:
            raise ValueError(
                "Channel layer is not valid: expected one to receive from, got None."
                " Set CHANNEL_LAYERS."
            )
        self.application = application
        self.channels = list(channels)
        self.channel_layer = channel_layer
        self.max_applications = max_applications
        self.concurrency = concurrency
        self.deadline_s = deadline_s
        self._queues: dict[str, JobQueue] = {}
        self._held: dict[str, HeldJobs] = {}
        self._renewals: list[asyncio.Task[None]] = []
        self._stop_asked = asyncio.Event()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, in a process that is the worker's own.

        The second signal cuts short what the first one let finish.

        Raises:
            Exception: what a listener failed with.
            SystemExit: with status 1, if jobs were cut off.
        """
        asyncio.run(self._run())

    async def handle(self) -> None:
        """Serve until `stop()`, and finish the jobs that run; or until cancelled, and do not.

        Raises:
            Exception: what a listener failed with; the worker does not go on without it.
            JobsCutOff: jobs still ran at the deadline.
        """
        if (tap := taps.serving_began) is not None:
            tap()
        _serving.add(self)
        listeners = [asyncio.ensure_future(self.listener(channel)) for channel in self.channels]
        stop = asyncio.ensure_future(self._stop_asked.wait())
        try:
            done, _ = await asyncio.wait([*listeners, stop], return_when=asyncio.FIRST_COMPLETED)
            await cancel_and_wait(*listeners)
            await self._finish()
            for task in done:
                task.result()
        finally:
            _serving.discard(self)
            await cancel_and_wait(*listeners, stop)
            await self._close()

    def served(self) -> list[ServedChannel]:
        """Return what it does on each of its channels."""
        found = []
        for channel in self.channels:
            queue = self._queues.get(channel)
            running, waiting = (queue.running, queue.waiting) if queue is not None else (0, 0)
            is_acknowledged = channel in self._held
            found.append(
                ServedChannel(channel, self.concurrency, running, waiting, is_acknowledged)
            )
        return found

    def stop(self) -> None:
        """Ask `handle()` to take no further jobs, to finish those that run, and to return."""
        self._stop_asked.set()

    async def listener(self, channel: str) -> None:
        """Receive the messages of `channel`, until cancelled.

        Raises:
            ValueError: a message has no type.
            Exception: what the layer failed with.
        """
        scope = {"type": "channel", "channel": channel}
        policy = policy_of(self.channel_layer, channel)
        try:
            if policy is not None:
                await self._serve_acknowledged(channel, scope, policy)
            while True:
                message = await self.channel_layer.receive(channel)
                if not message.get("type"):
                    raise ValueError(_no_type(message))
                await self.get_or_create_application_instance(channel, scope).put(message)
        except Exception as error:
            logger.critical("The listener of channel %r failed: %r", channel, error)
            error.add_note(f"This happened to the worker's listener of channel {channel!r}.")
            raise

    def get_or_create_application_instance(self, scope_id: str, scope: Scope) -> JobQueue:
        """Return where to put the messages of a channel; `scope_id` is its name."""
        if scope_id not in self._queues:
            # Jobs that must not be lost wait in the layer, for whichever worker is free.
            limit = 1 if scope_id in self._held else self.max_applications
            self._queues[scope_id] = JobQueue(self.application, scope, limit, self.concurrency)
        return self._queues[scope_id]

    async def _serve_acknowledged(self, channel: str, scope: Scope, policy: RetryPolicy) -> None:
        scope = {**scope, "extensions": {ACKNOWLEDGED: {}}}
        held = self._held[channel] = HeldJobs(self.channel_layer, policy.abandoned_after_s)
        self._renewals.append(spawn(held.keep(), name=f"renewals of {channel}"))
        queue = self.get_or_create_application_instance(channel, scope)
        while True:
            job = await held.take(channel)
            if job.message.get("type"):
                await queue.put(job.message, Ending(held, job))
            else:  # it is no reason to stop for the others, which must not be lost
                await held.end(job, _no_type(job.message))

    async def _run(self) -> None:
        working = asyncio.ensure_future(self.handle())
        with stopped_by_signals(self.stop, working.cancel):
            await asyncio.wait({working})
        await last_words.say()
        if working.cancelled():
            logger.error("The worker was told to stop twice, and has stopped at once.")
        elif isinstance(error := working.exception(), JobsCutOff):
            logger.error("%s", error)
        else:
            return working.result()
        if not all(queue.is_idle for queue in self._queues.values()):
            # A handler still holds its thread, and an orderly exit would wait for it forever.
            logging.shutdown()
            os._exit(1)
        raise SystemExit(1)

    async def _finish(self) -> None:
        """Hand back the jobs that wait, and let those that run end."""
        try:
            async with asyncio.timeout(self.deadline_s):
                for channel, queue in self._queues.items():
                    await self._hand_back(channel, queue)
                for queue in self._queues.values():
                    await queue.wait_until_idle()
        except TimeoutError:
            busy = [channel for channel, queue in self._queues.items() if not queue.is_idle]
            raise JobsCutOff(busy, self.deadline_s) from None

    async def _hand_back(self, channel: str, queue: JobQueue) -> None:
        # A job that is given back is the next one again: the last of them goes first.
        is_acknowledged = channel in self._held
        for work in list(queue.take_back())[:: -1 if is_acknowledged else 1]:
            try:
                if isinstance(work.report, Ending):
                    await work.report.give_back()
                else:
                    await self.channel_layer.send(channel, work.message)
            except Exception:
                logger.exception("A job of channel %r could not be handed back.", channel)

    async def _close(self) -> None:
        closing = [queue.close(CANCEL_S) for queue in self._queues.values()]
        await asyncio.gather(*closing)
        await cancel_and_wait(*self._renewals)
        for channel, held in self._held.items():
            with suppress(TimeoutError):
                async with asyncio.timeout(CANCEL_S):
                    await self._hand_back(channel, self._queues[channel])
                    await held.cut_off()


def _no_type(message: Message) -> str:
    """Return the error of a job that no handler can be found for, without what it says."""
    return (
        f"Worker received message with no type: it has the keys {list(message)!r:.200}."
        " It needs a 'type' that names a handler."
    )
