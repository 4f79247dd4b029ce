"""The acknowledged jobs that one worker holds: taken from the layer, and not yet ended.

Owns what the layer is told of them: that they were done or failed, that the worker still works
on them, and at its end what it has not done. Called by `runtime.worker`.

Source: docs/decisions/0012-acknowledged-jobs.md
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.layers.acknowledged import Job

if TYPE_CHECKING:
    from runtime.layers.acknowledged import AcknowledgingLayer, RetryPolicy

logger = logging.getLogger("django.channels.worker")

RENEWALS = 3
"""How often a job is renewed in the time after which it would be given to another worker."""

CUT_OFF = "its worker was stopped before it was done"


def policy_of(layer: Any, channel: str) -> RetryPolicy | None:
    """Return how `layer` retries the jobs of `channel`; None if it does not."""
    if not hasattr(layer, "retry_policy"):
        return None
    policy: RetryPolicy | None = layer.retry_policy(channel)
    return policy


class HeldJobs:
    """The jobs of one channel that a worker holds.

    Args:
        layer: where they are from.
        abandoned_after_s: as in the channel's `RetryPolicy`.
    """

    def __init__(self, layer: AcknowledgingLayer, abandoned_after_s: float) -> None:
        self._layer = layer
        self._interval_s = abandoned_after_s / RENEWALS
        self._held: dict[str, Job] = {}

    async def take(self, channel: str) -> Job:
        """Return the next job, waiting for it."""
        job = await self._layer.take_job(channel)
        self._held[job.id] = job
        return job

    async def end(self, job: Job, error: BaseException | str | None) -> None:
        """Tell the layer that `job` is done, or what it failed with."""
        if self._held.pop(job.id, None) is None:
            return
        try:
            if error is None:
                if not await self._layer.acknowledge(job):
                    logger.warning(
                        "Job %s of channel %r is done, but has been given to another worker as"
                        " well. Raise abandoned_after_s, or let it block the worker for less long.",
                        *(job.id, job.channel),
                    )
            else:
                said = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
                await self._layer.fail_job(job, said)
        except Exception:
            logger.exception(
                "Job %s of channel %r has ended, but the layer could not be told. It will be done"
                " again.",
                *(job.id, job.channel),
            )

    async def give_back(self, job: Job) -> None:
        """Let another worker do `job`, which nobody has begun."""
        if self._held.pop(job.id, None) is not None:
            await self._layer.give_back(job)

    async def keep(self) -> None:
        """Renew what is held, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            for job in list(self._held.values()):
                try:
                    await self._layer.renew_job(job)
                except Exception:  # the next time will do, or the layer has worse to tell
                    logger.exception("Job %s of %r was not renewed.", job.id, job.channel)

    async def cut_off(self) -> None:
        """Tell the layer that what is still held will not be done here."""
        for job in list(self._held.values()):
            await self.end(job, CUT_OFF)


@dataclass(frozen=True, slots=True)
class Ending:
    """What a queue of jobs calls when one of them has ended."""

    held: HeldJobs
    job: Job

    async def __call__(self, error: BaseException | None) -> None:
        """Tell the layer how it ended."""
        await self.held.end(self.job, error)

    async def give_back(self) -> None:
        """Tell the layer that it has not begun."""
        await self.held.give_back(self.job)
