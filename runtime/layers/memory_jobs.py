"""The acknowledged channels of the in-memory layer.

Owns who waits for a job, on whichever loop, and when to look again. Where each job stands is in
the book of its channel, see `runtime.layers.acknowledged`. A process that dies takes these jobs
with it; a worker within it that hangs or fails does not.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.drops import drops
from runtime.layers.acknowledged import (
    ABANDONED,
    DeadLetter,
    Job,
    JobBook,
    JobCounts,
    RetryPolicy,
    log_death,
    not_acknowledged,
    tell_taken,
)
from runtime.layers.base import BaseChannelLayer
from runtime.layers.patterns import ByName
from runtime.taps import Cause
from runtime.typing import Message


class JobShelf:
    """The jobs of one channel, and the workers that wait for one; for any thread."""

    def __init__(self, channel: str, policy: RetryPolicy) -> None:
        self.channel = channel
        self.book = JobBook(policy)
        self.lock = threading.RLock()
        self._workers: deque[asyncio.Future[None]] = deque()

    def add(self, job: Job) -> None:
        """Put `job` behind the others, and wake a worker."""
        with self.lock:
            self.book.add(job)
            self.wake_one()

    async def take(self) -> Job:
        """Return the next job, waiting for it; who is cancelled has taken none."""
        while True:
            with self.lock:
                now = time.monotonic()
                for abandoned in self.book.abandoned(now):
                    self.fail(abandoned, ABANDONED)
                job = self.book.take(now)
                # Who waits has to look when this job may be abandoned, or for the next one.
                if job is not None:
                    self.wake_one()
                    return job
                next_at = self.book.next_change_at()
                worker = asyncio.get_running_loop().create_future()
                self._workers.append(worker)
            await self._wait(worker, None if next_at is None else next_at - now)

    def fail(self, job: Job, error: str) -> float | None:
        """Delay `job` or bury it, and say so in the log."""
        with self.lock:
            delay_s = self.book.fail(job, error, time.monotonic(), time.time())
            if job.id in self.book.dead:
                log_death(job, error)
            self.wake_one()
            return delay_s

    def wake_one(self) -> None:
        """Let a worker look again."""
        while self._workers:
            worker = self._workers.popleft()
            loop = worker.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, worker)
                return

    async def _wait(self, worker: asyncio.Future[None], timeout_s: float | None) -> None:
        loop = worker.get_loop()
        timer = None if timeout_s is None else loop.call_later(timeout_s, _wake, worker)
        try:
            await worker
        except asyncio.CancelledError:
            with self.lock:
                if worker not in self._workers:  # woken and cancelled at once: pass the turn on
                    self.wake_one()
            raise
        finally:
            if timer is not None:
                timer.cancel()
            with self.lock:
                if worker in self._workers:
                    self._workers.remove(worker)


class JobsInMemory(BaseChannelLayer):
    """The extension `acknowledgement` within one process; see `AcknowledgingLayer`."""

    _policies: ByName[RetryPolicy]
    _has_policies: bool
    _shelves: dict[str, JobShelf]

    def retry_policy(self, channel: str) -> RetryPolicy | None:
        """Return how the jobs of `channel` are retried; None if it is not acknowledged."""
        return self._policies.of(channel)

    async def take_job(self, channel: str) -> Job:
        """Return the next job of `channel`, waiting for it.

        Raises:
            TypeError: the name is not valid.
            ValueError: the channel is not acknowledged.
        """
        self.require_valid_channel_name(channel)
        job = await self._shelf(channel).take()
        tell_taken(job)
        return job

    async def renew_job(self, job: Job) -> bool:
        """Say that this worker still works on `job`; False if it is another one's now."""
        shelf = self._shelf(job.channel)
        with shelf.lock:
            return shelf.book.renew(job, time.monotonic())

    async def acknowledge(self, job: Job) -> bool:
        """Say that `job` is done; False if it is another worker's now, or had its end."""
        shelf = self._shelf(job.channel)
        with shelf.lock:
            return shelf.book.acknowledge(job)

    async def fail_job(self, job: Job, error: str) -> float | None:
        """Say that `job` failed. Returns the seconds until it is retried; None for never."""
        return self._shelf(job.channel).fail(job, error)

    async def give_back(self, job: Job) -> None:
        """Let another worker take `job`, which nobody has begun."""
        shelf = self._shelf(job.channel)
        with shelf.lock:
            shelf.book.give_back(job)
            shelf.wake_one()

    async def job_counts(self, channel: str) -> JobCounts:
        """Return how many jobs of `channel` there are, by where they stand."""
        shelf = self._shelf(channel)
        with shelf.lock:
            return shelf.book.counts(time.monotonic())

    async def dead_letters(self, channel: str) -> list[DeadLetter]:
        """Return the dead letters of `channel`, the oldest first."""
        shelf = self._shelf(channel)
        with shelf.lock:
            return list(shelf.book.dead.values())

    async def put_back(self, channel: str, *ids: str) -> int:
        """Let dead letters be tried again; returns how many."""
        shelf = self._shelf(channel)
        with shelf.lock:
            count = shelf.book.put_back(ids)
            shelf.wake_one()
            return count

    async def discard_dead_letters(self, channel: str, *ids: str) -> int:
        """Forget dead letters; returns how many."""
        shelf = self._shelf(channel)
        with shelf.lock:
            return shelf.book.discard(ids)

    def _init_jobs(
        self, option: Sequence[str] | Mapping[str, RetryPolicy | Mapping[str, Any]] | None
    ) -> None:
        self._policies = ByName(option, RetryPolicy, "acknowledged_channels")
        self._has_policies = bool(self._policies)
        self._shelves = {}

    def _add_job(self, channel: str, message: Message, cause: Cause | None) -> bool:
        """Put a job on an acknowledged channel; False if it holds its capacity of jobs."""
        shelf = self._shelf(channel)
        with shelf.lock:
            has_room = len(shelf.book) < self.get_capacity(channel)
            if has_room:
                shelf.add(Job(secrets.token_hex(8), channel, message, cause=cause))
        if not has_room:
            drops.report(None, channel, message, "capacity", cause=cause)
        return has_room

    def _job_depths(self) -> dict[str, int]:
        shelves = list(self._shelves.items())
        return {channel: shelf.book.depth for channel, shelf in shelves if shelf.book.depth}

    async def _receive_job(self, channel: str) -> Message:
        job = await self.take_job(channel)
        await self.acknowledge(job)
        return job.message

    def _shelf(self, channel: str) -> JobShelf:
        shelf = self._shelves.get(channel)
        if shelf is None:
            policy = self.retry_policy(channel)
            if policy is None:
                raise not_acknowledged(channel)
            shelf = self._shelves.setdefault(channel, JobShelf(channel, policy))
        return shelf


def _wake(worker: asyncio.Future[None]) -> None:
    if not worker.done():
        worker.set_result(None)
