"""One acknowledged channel on a server, as one node uses it.

Owns the taking of jobs, what becomes of one whose taker was cancelled or whose worker is silent,
and the dead letters. Where each job stands knows the server: each change is one script, see
`runtime.layers.job_scripts`. Made by the nodes of the Redis layers, on their loop.

Source: docs/decisions/0018-jobs-on-a-server.md
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from runtime.exceptions import LayerUnavailable, UndecodableMessage
from runtime.layers.acknowledged import (
    ABANDONED,
    MOST_DEAD_LETTERS,
    DeadLetter,
    Job,
    JobCounts,
    RetryPolicy,
    log_death,
)
from runtime.layers.bell import Bell
from runtime.layers.codec import Codec, Decoded
from runtime.layers.connection import Argument, Link
from runtime.layers.job_scripts import (
    JOB_COUNT,
    JOB_DISCARD,
    JOB_DONE,
    JOB_FAIL,
    JOB_GIVE_BACK,
    JOB_PUT_BACK,
    JOB_RENEW,
    JOB_TAKE,
)
from runtime.layers.keys import Keys
from runtime.layers.scripts import Script
from runtime.layers.shards import Shards
from runtime.throttle import ThrottledWarnings

warnings = ThrottledWarnings(logging.getLogger("runtime.layers.jobs"))

LETTERS_AT_ONCE: Final = 100
"""Dead letters that are asked for together: their payloads may be large."""


class JobChannel:
    """The jobs of one channel.

    Args:
        node_id: whose last taking the server remembers.
        servers: for commands.
        reader: to the server that has the channel, for waiting only.
        block_s: how long one question to the server waits, and a look is put off at most.
        keep_s: how long the server remembers what it has answered.
    """

    def __init__(
        self,
        channel: str,
        policy: RetryPolicy,
        node_id: str,
        servers: Shards,
        reader: Link,
        keys: Keys,
        codec: Codec,
        *,
        block_s: float,
        keep_s: float,
    ) -> None:
        self.channel = channel
        self.policy = policy
        self._servers = servers
        self._keys = keys.jobs(channel)
        self._took = keys.took(channel, node_id)
        self._ended = keys.ended(channel, node_id)
        self._told = partial(keys.told, channel)
        self._codec = codec
        self._keep_ms = int(keep_s * 1000)
        self._abandoned_ms = max(1, int(policy.abandoned_after_s * 1000))
        # Who waits cannot know that somebody takes a job and dies with it: it looks now and then.
        self._longest_wait_s = min(block_s, policy.abandoned_after_s / 2)
        self._bell = Bell(self._keys.bell, self._keys.stream, servers, reader, block_s=block_s)
        # Of no other taking, also where a node goes on with the id of another one.
        self._tickets = map(f"{secrets.token_hex(6)}.{{}}".format, itertools.count())
        self._taking: asyncio.Future[Any] | None = None

    def __repr__(self) -> str:
        return f"<JobChannel {self.channel} {self._bell!r}>"

    async def take(self) -> Job:
        """Return the next job, waiting for it; who is cancelled has taken none."""
        while True:
            try:
                job, wait_s = await self._look()
            except LayerUnavailable as error:  # who waits for a job waits for the server, too
                warnings.warn(self.channel, "Jobs of %r cannot be taken: %s", self.channel, error)
                continue
            if job is not None:
                return job
            await self._bell.wait(min(wait_s, self._longest_wait_s))

    async def renew(self, job: Job) -> bool:
        """Say that the worker of `job` is alive; False if it is another one's now."""
        return bool(await self._call(JOB_RENEW, job.id, job.receipt))

    async def acknowledge(self, job: Job) -> bool:
        """Say that `job` is done; False if it is another worker's now, or had its end."""
        ticket = (next(self._tickets), self._keep_ms)
        return bool(await self._call(JOB_DONE, job.id, job.receipt, *ticket, key=self._ended))

    async def fail(self, job: Job, error: str, silent_ms: int = 0) -> float | None:
        """Delay `job` or bury it, and say so in the log; see `AcknowledgingLayer.fail_job`.

        Args:
            silent_ms: for how long its worker must have said nothing of it.
        """
        delay_s = self.policy.delay_s(job.attempt)
        delay_ms = "" if delay_s is None else int(delay_s * 1000)
        limits = (silent_ms, job.attempt, delay_ms, error, MOST_DEAD_LETTERS)
        ticket = (next(self._tickets), self._keep_ms)
        said = (job.id, job.receipt, *limits, *ticket)
        if not await self._call(JOB_FAIL, *said, key=self._ended):
            return None
        if delay_s is None:
            log_death(job, error)
        return delay_s

    async def give_back(self, job: Job) -> None:
        """Let another worker take `job`, which nobody has begun."""
        await self._call(JOB_GIVE_BACK, job.id, job.receipt, job.attempt)

    async def counts(self) -> JobCounts:
        """Return how many jobs there are, by where they stand."""
        return JobCounts(*await self._call(JOB_COUNT))

    async def dead_letters(self) -> list[DeadLetter]:
        """Return the dead letters, the oldest first."""
        found = await self._ask("ZRANGE", self._keys.dead, 0, -1, "WITHSCORES")
        ids, scores = found[::2], found[1::2]
        letters: list[DeadLetter | None] = []
        for start in range(0, len(ids), LETTERS_AT_ONCE):
            some = slice(start, start + LETTERS_AT_ONCE)
            read = map(self._read_letter, ids[some], scores[some])
            letters += await asyncio.gather(*read)
        return [letter for letter in letters if letter is not None]

    async def put_back(self, ids: Sequence[str]) -> int:
        """Let dead letters be tried again; returns how many."""
        return await self._unbury(JOB_PUT_BACK, ids)

    async def discard(self, ids: Sequence[str]) -> int:
        """Forget dead letters; returns how many."""
        return await self._unbury(JOB_DISCARD, ids)

    async def close(self) -> None:
        """Stop waiting."""
        await self._bell.close()

    def drop_socket(self) -> None:
        """Forget the socket."""
        self._bell.drop_socket()

    async def _look(self) -> tuple[Job | None, float]:
        """Return the next job if there is one, else in how many seconds to look again."""
        taken, wait_ms = await self._take_once()
        if taken is None:
            return None, wait_ms / 1000
        entry_id, attempt, receipt, payload = taken
        job = Job(entry_id.decode(), self.channel, {}, attempt, receipt=receipt)
        try:
            decoded = self._codec.decode(payload)
        except UndecodableMessage as error:
            # It would come back for ever: this worker's keys will not be others tomorrow.
            await self.fail(job, str(error))
            return None, 0.0
        return _with(job, decoded), 0.0

    async def _take_once(self) -> tuple[Any, float]:
        """Take a job, after those that are abandoned have failed."""
        while True:
            # One at a time: the server remembers one taking, in case its answer is lost.
            while self._taking is not None and not self._taking.done():
                await asyncio.wait([self._taking])
            limits = (next(self._tickets), self._keep_ms, self._abandoned_ms)
            self._taking = taking = self._call(JOB_TAKE, *limits, key=self._took)
            try:
                abandoned, taken, wait_ms = await asyncio.shield(taking)
            except asyncio.CancelledError:
                taking.add_done_callback(self._hand_back)
                raise
            if not abandoned:
                return taken or None, wait_ms
            for entry_id, attempt, receipt in abandoned:
                job = Job(entry_id.decode(), self.channel, {}, attempt, receipt=receipt)
                await self.fail(job, ABANDONED, self._abandoned_ms)

    def _hand_back(self, taking: asyncio.Future[Any]) -> None:
        """Give back what came for one who was cancelled meanwhile."""
        if taking.cancelled() or taking.exception() is not None or not taking.result()[1]:
            return
        entry_id, attempt, receipt, _ = taking.result()[1]
        self._call(JOB_GIVE_BACK, entry_id, receipt, attempt).add_done_callback(_forget)

    async def _unbury(self, script: Script, ids: Sequence[str]) -> int:
        given: Sequence[str | bytes] = ids
        if not ids:
            given = await self._ask("ZRANGE", self._keys.dead, 0, -1)
        told = self._told(next(self._tickets))
        found: int = await self._call(script, self._keep_ms, *given, key=told)
        return found

    async def _read_letter(self, entry_id: bytes, score: bytes) -> DeadLetter | None:
        asked = (
            self._ask("XRANGE", self._keys.stream, entry_id, entry_id),
            self._ask("HGET", self._keys.errors, entry_id),
            self._ask("HGET", self._keys.tries, entry_id),
        )
        entries, error, tries = await asyncio.gather(*asked)
        if not (entries and error is not None and tries):
            return None  # somebody has put it back or discarded it meanwhile
        attempt, receipt = map(int, tries.split(b" "))
        job = Job(entry_id.decode(), self.channel, {}, attempt, receipt=receipt)
        # The error says so, and the letter can still be put back or discarded.
        with suppress(UndecodableMessage):
            job = _with(job, self._codec.decode(entries[0][1][1]))
        return DeadLetter(job, error.decode(), float(score) / 1_000_000)

    def _call(
        self, script: Script, *arguments: Argument, key: str | None = None
    ) -> asyncio.Future[Any]:
        keys = self._keys if key is None else (*self._keys, key)
        return self._ask(*script.command(keys, *arguments))

    def _ask(self, *command: Argument) -> asyncio.Future[Any]:
        # All keys of a channel are where its stream is.
        return self._servers.call(self._keys.stream, *command)


def _with(job: Job, decoded: Decoded) -> Job:
    cause = decoded.cause
    return Job(job.id, job.channel, decoded.message, job.attempt, cause, job.receipt)


def _forget(done: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for."""
    if not done.cancelled():
        done.exception()
