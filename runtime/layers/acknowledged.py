"""Acknowledged channels: jobs that are done once the handler has returned, and not before.

Owns what a job is and how it is retried, the methods that a layer has with the extension
`acknowledgement`, and the book that says where each job of a channel stands. The book is pure: its
clock and its ids are handed in. A job that failed comes back after a while, and one that failed
too often lies among the dead letters until a person puts it back.

Source: docs/decisions/0012-acknowledged-jobs.md
"""

from __future__ import annotations

import heapq
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from runtime.taps import Cause, current_connection, is_muted, taps
from runtime.typing import Message

logger = logging.getLogger("runtime.layers.jobs")

ABANDONED: Final = "its worker has not been heard of"
"""The error of a job whose worker died with it, or hangs."""

MOST_DEAD_LETTERS: Final = 10_000
"""How many of a channel are kept; then the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How the jobs of a channel are tried again.

    Attributes:
        attempts: how often a job is tried before it is a dead letter.
        backoff_s: seconds before the second attempt; twice as many before each further one.
        longest_backoff_s: seconds that this does not exceed.
        abandoned_after_s: seconds after which a job is given to another worker, if its own has
            not said that it still works on it.
    """

    attempts: int = 5
    backoff_s: float = 1.0
    longest_backoff_s: float = 300.0
    abandoned_after_s: float = 60.0

    def delay_s(self, attempt: int) -> float | None:
        """Return the seconds between a failed attempt and the next; None if it was the last."""
        if attempt >= self.attempts:
            return None
        return min(self.longest_backoff_s, self.backoff_s * 2.0 ** min(attempt - 1, 60))


@dataclass(frozen=True, slots=True)
class Job:
    """One message of an acknowledged channel, as a worker takes it.

    Attributes:
        id: unique on its channel.
        channel: the channel that it was sent to.
        message: what was sent.
        attempt: 1 for the first time that it is taken.
        cause: what it is an effect of, if its sender knew.
        receipt: which taking of the job this is, of all that there ever were: what a worker says
            that was given up counts no more. A layer's own.
    """

    id: str
    channel: str
    message: Message
    attempt: int = 0
    cause: Cause | None = None
    receipt: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that failed as often as it may.

    Attributes:
        job: as it was taken last.
        error: what it failed with then.
        died_at: when, in seconds of the Unix epoch.
    """

    job: Job
    error: str
    died_at: float


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs of a channel there are, by where they stand.

    Attributes:
        waiting: nobody has them.
        delayed: they have failed, and wait for their next attempt.
        taken: workers have them.
        dead: they failed as often as they may.
    """

    waiting: int = 0
    delayed: int = 0
    taken: int = 0
    dead: int = 0


class AcknowledgingLayer(Protocol):
    """The extension `acknowledgement`.

    Which channels are acknowledged says the option `acknowledged_channels`, so senders and
    workers agree. `send()` puts a job on such a channel; it does not expire. `receive()` takes one
    and acknowledges it at once.
    """

    def retry_policy(self, channel: str) -> RetryPolicy | None:
        """Return how the jobs of `channel` are retried; None if it is not acknowledged."""

    async def take_job(self, channel: str) -> Job:
        """Return the next job of `channel`, waiting for it; it is this worker's from now on."""

    async def renew_job(self, job: Job) -> bool:
        """Say that this worker still works on `job`. Returns False if it is another one's now."""

    async def acknowledge(self, job: Job) -> bool:
        """Say that `job` is done. Returns False if it is another worker's now, or had its end."""

    async def fail_job(self, job: Job, error: str) -> float | None:
        """Say that `job` failed. Returns the seconds until it is retried; None for never."""

    async def give_back(self, job: Job) -> None:
        """Let another worker take `job`, which nobody has begun: it counts as no attempt."""

    async def job_counts(self, channel: str) -> JobCounts:
        """Return how many jobs of `channel` there are, by where they stand."""

    async def dead_letters(self, channel: str) -> list[DeadLetter]:
        """Return the dead letters of `channel`, the oldest first."""

    async def put_back(self, channel: str, *ids: str) -> int:
        """Let dead letters be tried again, with all their attempts.

        Args:
            ids: those of their jobs; none for all.

        Returns:
            int: how many there were.
        """

    async def discard_dead_letters(self, channel: str, *ids: str) -> int:
        """Forget dead letters, as `put_back()` puts them back."""


class JobBook:
    """Where each job of one channel stands: it waits, is taken, is delayed, or is dead.

    All times are seconds of one clock, which the caller reads.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self.policy = policy
        self.dead: dict[str, DeadLetter] = {}
        self._waiting: deque[Job] = deque()
        self._taken: dict[str, tuple[Job, float]] = {}
        self._delayed: list[tuple[float, str, Job]] = []

    def __len__(self) -> int:
        """How many jobs are still to be done, those that are being done among them."""
        return self.depth + len(self._taken)

    @property
    def depth(self) -> int:
        """How many jobs wait for a worker, or for their time."""
        return len(self._waiting) + len(self._delayed)

    def counts(self, now: float) -> JobCounts:
        """Return how many jobs there are, by where they stand."""
        self._bring_up(now)
        return JobCounts(len(self._waiting), len(self._delayed), len(self._taken), len(self.dead))

    def add(self, job: Job) -> None:
        """Let `job` wait behind the others."""
        self._waiting.append(job)

    def take(self, now: float) -> Job | None:
        """Give out the next job, if one waits."""
        self._bring_up(now)
        if not self._waiting:
            return None
        waiting = self._waiting.popleft()
        job = replace(waiting, attempt=waiting.attempt + 1, receipt=waiting.receipt + 1)
        self._taken[job.id] = (job, now + self.policy.abandoned_after_s)
        return job

    def renew(self, job: Job, now: float) -> bool:
        """Leave `job` with its worker for longer; False if it is not this worker's any more."""
        if not self._is_taken(job):
            return False
        self._taken[job.id] = (job, now + self.policy.abandoned_after_s)
        return True

    def acknowledge(self, job: Job) -> bool:
        """Forget `job`; False if it is not this worker's any more."""
        if not self._is_taken(job):
            return False
        del self._taken[job.id]
        return True

    def fail(self, job: Job, error: str, now: float, died_at: float) -> float | None:
        """Delay `job`, or make a dead letter of it.

        Returns:
            float | None: the seconds until it waits again; None if it does not, because it is
            dead, or not this worker's any more.
        """
        if not self._is_taken(job):
            return None
        del self._taken[job.id]
        delay_s = self.policy.delay_s(job.attempt)
        if delay_s is None:
            self.dead[job.id] = DeadLetter(job, error, died_at)
            if len(self.dead) > MOST_DEAD_LETTERS:
                del self.dead[next(iter(self.dead))]
        else:
            heapq.heappush(self._delayed, (now + delay_s, job.id, job))
        return delay_s

    def give_back(self, job: Job) -> None:
        """Let `job` wait in front, as if nobody had taken it."""
        if self._is_taken(job):
            del self._taken[job.id]
            self._waiting.appendleft(replace(job, attempt=job.attempt - 1))

    def put_back(self, ids: Sequence[str]) -> int:
        """Let the dead letters of these jobs, or all, wait again as if they were new."""
        letters = self._pop_dead(ids)
        self._waiting.extend(replace(letter.job, attempt=0) for letter in letters)
        return len(letters)

    def discard(self, ids: Sequence[str]) -> int:
        """Forget the dead letters of these jobs, or all."""
        return len(self._pop_dead(ids))

    def next_change_at(self) -> float | None:
        """Return when a job will wait that does not now; None if only a caller can change that."""
        times = [until for _, until in self._taken.values()]
        if self._delayed:
            times.append(self._delayed[0][0])
        return min(times, default=None)

    def abandoned(self, now: float) -> list[Job]:
        """Return the taken jobs of which their workers have said nothing for too long."""
        return [job for job, until in self._taken.values() if until <= now]

    def _bring_up(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            self._waiting.append(heapq.heappop(self._delayed)[2])

    def _is_taken(self, job: Job) -> bool:
        taken = self._taken.get(job.id)
        return taken is not None and taken[0].receipt == job.receipt

    def _pop_dead(self, ids: Sequence[str]) -> list[DeadLetter]:
        found = [one for one in dict.fromkeys(ids or self.dead) if one in self.dead]
        return [self.dead.pop(one) for one in found]


def not_acknowledged(channel: str) -> ValueError:
    """Return the error of who takes a job from a channel that has none."""
    return ValueError(
        f"Channel {channel!r} is not acknowledged. Name it in the layer's option"
        f" `acknowledged_channels`, such as [{channel!r}]."
    )


def log_death(job: Job, error: str) -> None:
    """Say in the log that a job is a dead letter now: somebody has to look."""
    logger.error(
        "Job %s of channel %r has failed %d times and is a dead letter now: %s",
        *(job.id, job.channel, job.attempt, error),
    )


def tell_taken(job: Job) -> None:
    """Tell the observers that a worker has got a job."""
    if (tap := taps.message_delivered) is not None and not is_muted():
        tap(current_connection.get(), job.channel, job.message, job.cause)
