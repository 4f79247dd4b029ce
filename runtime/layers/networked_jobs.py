"""The acknowledged channels of the layers on Redis.

Owns the way to the right node. What a node does with them is in `runtime.layers.job_channel`, and
the rules are in `runtime.layers.acknowledged`. A worker that is killed takes no job with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.layers.acknowledged import DeadLetter, Job, JobCounts, RetryPolicy, tell_taken
from runtime.layers.base import BaseChannelLayer
from runtime.layers.patterns import ByName
from runtime.layers.pool import NodePool
from runtime.layers.served import ServedNode
from runtime.typing import Message


class JobsOnServers(BaseChannelLayer):
    """The extension `acknowledgement` between processes; see `AcknowledgingLayer`."""

    _nodes: NodePool[Any]
    _policies: ByName[RetryPolicy]
    _has_policies: bool

    def retry_policy(self, channel: str) -> RetryPolicy | None:
        """Return how the jobs of `channel` are retried; None if it is not acknowledged."""
        return self._policies.of(channel)

    async def take_job(self, channel: str) -> Job:
        """Return the next job of `channel`, waiting for it, and for a server that is away.

        Raises:
            TypeError: the name is not valid.
            ValueError: the channel is not acknowledged.
        """
        self.require_valid_channel_name(channel)
        job: Job = await self._nodes.run(_take_job, channel)
        tell_taken(job)
        return job

    async def renew_job(self, job: Job) -> bool:
        """Say that this worker still works on `job`; False if it is another one's now."""
        return await self._nodes.run(_renew_job, job)

    async def acknowledge(self, job: Job) -> bool:
        """Say that `job` is done; False if it is another worker's now, or had its end."""
        return await self._nodes.run(_acknowledge, job)

    async def fail_job(self, job: Job, error: str) -> float | None:
        """Say that `job` failed. Returns the seconds until it is retried; None for never."""
        return await self._nodes.run(_fail_job, job, error)

    async def give_back(self, job: Job) -> None:
        """Let another worker take `job`, which nobody has begun."""
        await self._nodes.run(_give_back, job)

    async def job_counts(self, channel: str) -> JobCounts:
        """Return how many jobs of `channel` there are, by where they stand."""
        return await self._nodes.run(_job_counts, channel)

    async def dead_letters(self, channel: str) -> list[DeadLetter]:
        """Return the dead letters of `channel`, the oldest first."""
        return await self._nodes.run(_dead_letters, channel)

    async def put_back(self, channel: str, *ids: str) -> int:
        """Let dead letters be tried again; returns how many."""
        return await self._nodes.run(_put_back, channel, ids)

    async def discard_dead_letters(self, channel: str, *ids: str) -> int:
        """Forget dead letters; returns how many."""
        return await self._nodes.run(_discard, channel, ids)

    def _init_jobs(
        self, option: Sequence[str] | Mapping[str, RetryPolicy | Mapping[str, Any]] | None
    ) -> None:
        self._policies = ByName(option, RetryPolicy, "acknowledged_channels")
        self._has_policies = bool(self._policies)

    async def _receive_job(self, channel: str) -> Message:
        job = await self.take_job(channel)
        await self.acknowledge(job)
        return job.message


async def _take_job(node: ServedNode, channel: str) -> Job:
    return await node.jobs_of(channel).take()


async def _renew_job(node: ServedNode, job: Job) -> bool:
    return await node.jobs_of(job.channel).renew(job)


async def _acknowledge(node: ServedNode, job: Job) -> bool:
    return await node.jobs_of(job.channel).acknowledge(job)


async def _fail_job(node: ServedNode, job: Job, error: str) -> float | None:
    return await node.jobs_of(job.channel).fail(job, error)


async def _give_back(node: ServedNode, job: Job) -> None:
    await node.jobs_of(job.channel).give_back(job)


async def _job_counts(node: ServedNode, channel: str) -> JobCounts:
    return await node.jobs_of(channel).counts()


async def _dead_letters(node: ServedNode, channel: str) -> list[DeadLetter]:
    return await node.jobs_of(channel).dead_letters()


async def _put_back(node: ServedNode, channel: str, ids: Sequence[str]) -> int:
    return await node.jobs_of(channel).put_back(ids)


async def _discard(node: ServedNode, channel: str, ids: Sequence[str]) -> int:
    return await node.jobs_of(channel).discard(ids)
