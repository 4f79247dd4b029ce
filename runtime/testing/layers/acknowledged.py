"""The contract of the extension `acknowledgement`: a job is done when its worker says so.

Source: `runtime.layers.acknowledged`
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from runtime.exceptions import ChannelFull
from runtime.layers.acknowledged import ABANDONED, Job, JobCounts, RetryPolicy
from runtime.testing.layers.harness import LayerContract, refused, with_layer

BACKOFF_S = 0.05
SILENT_S = 0.3
POLICY = {"attempts": 3, "backoff_s": BACKOFF_S, "abandoned_after_s": 60.0}
"""That of jobs whose workers are heard of in time, also where the machine is busy."""

OPTION = {"safe": POLICY, "safe.*": {"attempts": 1}}

BRIEF = {**POLICY, "abandoned_after_s": SILENT_S}
MOST_TRIES = 20


class AcknowledgementContract(LayerContract):
    """What holds for a layer with the extension `acknowledgement`."""

    @with_layer(acknowledged_channels=OPTION)
    async def test_the_channels_that_the_option_names_are_acknowledged(self, layer: Any) -> None:
        assert "acknowledgement" in layer.extensions
        assert layer.retry_policy("safe") == RetryPolicy(**POLICY)  # type: ignore[arg-type]
        assert layer.retry_policy("safe.mail") == RetryPolicy(attempts=1)
        assert layer.retry_policy("jobs") is None
        with refused(ValueError):
            await layer.take_job("jobs")

    @with_layer(acknowledged_channels=OPTION)
    async def test_jobs_are_taken_in_order_and_are_gone_when_acknowledged(self, layer: Any) -> None:
        for n in range(5):
            await layer.send("safe", {"type": "job", "n": n})
        assert await layer.channel_depths() == {"safe": 5}
        for n in range(5):
            job = await self._take(layer)
            assert (job.channel, job.message, job.attempt) == ("safe", {"type": "job", "n": n}, 1)
            assert await layer.acknowledge(job)
            assert not await layer.acknowledge(job)
        assert await layer.channel_depths() == {}
        await self._require_no_job(layer)

    @with_layer(acknowledged_channels=OPTION)
    async def test_a_job_that_failed_comes_back_until_it_is_a_dead_letter(self, layer: Any) -> None:
        await layer.send("safe", {"type": "job"})
        for attempt, delay_s in ((1, BACKOFF_S), (2, 2 * BACKOFF_S), (3, None)):
            job = await self._take(layer)
            assert job.attempt == attempt
            assert await layer.fail_job(job, f"error {attempt}") == delay_s
        (letter,) = await layer.dead_letters("safe")
        assert (letter.job.id, letter.job.message) == (job.id, {"type": "job"})
        assert (letter.job.attempt, letter.error) == (3, "error 3")
        await self._require_no_job(layer)

    @with_layer(acknowledged_channels=OPTION)
    async def test_dead_letters_can_be_put_back_and_discarded(self, layer: Any) -> None:
        for n in range(4):
            await layer.send("safe.mail", {"type": "job", "n": n})
            await layer.fail_job(await self._take(layer, "safe.mail"), "error")
        letters = await layer.dead_letters("safe.mail")
        assert [letter.job.message["n"] for letter in letters] == [0, 1, 2, 3]
        assert await layer.put_back("safe.mail", letters[1].job.id, "unknown") == 1
        job = await self._take(layer, "safe.mail")
        assert (job.message["n"], job.attempt) == (1, 1)
        await layer.acknowledge(job)
        assert await layer.discard_dead_letters("safe.mail", letters[0].job.id) == 1
        assert await layer.put_back("safe.mail") == 2
        assert await layer.dead_letters("safe.mail") == []
        assert {(await self._take(layer, "safe.mail")).message["n"] for _ in range(2)} == {2, 3}

    @with_layer(acknowledged_channels={"safe": {"attempts": 2, "backoff_s": 60.0}})
    async def test_jobs_are_counted_by_where_they_stand(self, layer: Any) -> None:
        assert await layer.job_counts("safe") == JobCounts()
        for n in range(5):
            await layer.send("safe", {"type": "job", "n": n})
        assert await layer.job_counts("safe") == JobCounts(waiting=5)
        done, failed = await self._take(layer), await self._take(layer)
        assert await layer.job_counts("safe") == JobCounts(waiting=3, taken=2)
        await layer.acknowledge(done)
        await layer.fail_job(failed, "error")
        assert await layer.job_counts("safe") == JobCounts(waiting=3, delayed=1)

    @with_layer(acknowledged_channels=OPTION)
    async def test_the_dead_are_counted_until_they_are_put_back(self, layer: Any) -> None:
        await layer.send("safe.mail", {"type": "job"})
        await layer.fail_job(await self._take(layer, "safe.mail"), "error")
        assert await layer.job_counts("safe.mail") == JobCounts(dead=1)
        await layer.put_back("safe.mail")
        assert await layer.job_counts("safe.mail") == JobCounts(waiting=1)

    @with_layer(acknowledged_channels={"safe": BRIEF})
    async def test_a_job_of_a_worker_that_says_nothing_is_given_to_another(
        self, layer: Any
    ) -> None:
        await layer.send("safe", {"type": "job"})
        silent = await self._take(layer)
        job = await self._take(layer)
        assert (job.id, job.attempt) == (silent.id, 2)
        assert not await layer.acknowledge(silent)
        assert await layer.fail_job(silent, "too late") is None
        assert not await layer.renew_job(silent)
        assert await layer.acknowledge(job)

    @with_layer(acknowledged_channels={"safe": {"attempts": 1, "abandoned_after_s": 0.05}})
    async def test_a_job_that_kills_its_workers_is_a_dead_letter_in_the_end(
        self, layer: Any
    ) -> None:
        await layer.send("safe", {"type": "poison"})
        await self._take(layer)
        await layer.send("safe", {"type": "harmless"})
        waiting = asyncio.ensure_future(self._take(layer))
        assert (await waiting).message == {"type": "harmless"}
        while not (letters := await layer.dead_letters("safe")):
            with refused(TimeoutError):
                async with asyncio.timeout(0.05):
                    await layer.take_job("safe")
        assert [letter.error for letter in letters][:1] == [ABANDONED]

    @with_layer(acknowledged_channels={"brief.*": BRIEF})
    async def test_a_job_that_is_renewed_stays_with_its_worker(self, layer: Any) -> None:
        for n in range(MOST_TRIES):
            if await self._keeps_a_job(layer, f"brief.{n}"):
                return
        raise AssertionError("this process stands still too often to tell")

    async def _keeps_a_job(self, layer: Any, channel: str) -> bool:
        """Renew a job for longer than its worker may say nothing.

        False if the process stood still for that long: then it proves nothing that it was lost.
        """
        await layer.send(channel, {"type": "job"})
        said_at = time.monotonic()
        job = await self._take(layer, channel)
        for _ in range(5):
            is_lost = await self._takes_another(layer, channel)
            asked_at = time.monotonic()
            if is_lost or not await layer.renew_job(job):
                silent_s = time.monotonic() - said_at
                assert silent_s >= SILENT_S, f"given to another after {silent_s:.3f} s"
                return False
            said_at = asked_at
        assert await layer.acknowledge(job)
        return True

    async def _takes_another(self, layer: Any, channel: str) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(SILENT_S / 3):
                await layer.take_job(channel)
                return True
        return False

    @with_layer(acknowledged_channels=OPTION)
    async def test_a_job_that_is_given_back_is_the_next_and_has_lost_no_attempt(
        self, layer: Any
    ) -> None:
        for n in range(2):
            await layer.send("safe", {"type": "job", "n": n})
        await layer.give_back(await self._take(layer))
        for n in range(2):
            job = await self._take(layer)
            assert (job.message["n"], job.attempt) == (n, 1)

    @with_layer(acknowledged_channels=OPTION)
    async def test_a_worker_that_is_cancelled_has_taken_nothing(self, layer: Any) -> None:
        for n in range(10):
            cancelled = asyncio.ensure_future(layer.take_job("safe"))
            await asyncio.sleep(0)
            await layer.send("safe", {"type": "job", "n": n})
            for _ in range(n):
                await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.wait({cancelled})
            job = await self._take(layer) if cancelled.cancelled() else cancelled.result()
            assert (job.message["n"], job.attempt) == (n, 1)
            await layer.acknowledge(job)

    @with_layer(acknowledged_channels=OPTION)
    async def test_workers_share_the_jobs(self, layer: Any) -> None:
        taking = [asyncio.ensure_future(self._take(layer)) for _ in range(5)]
        await asyncio.sleep(0)
        for n in range(5):
            await layer.send("safe", {"type": "job", "n": n})
        jobs = await asyncio.gather(*taking)
        assert sorted(job.message["n"] for job in jobs) == list(range(5))

    @with_layer(acknowledged_channels=OPTION, capacity=2)
    async def test_a_full_channel_refuses_also_while_its_jobs_are_done(self, layer: Any) -> None:
        for _ in range(2):
            await layer.send("safe", {"type": "job"})
        job = await self._take(layer)
        with refused(ChannelFull):
            await layer.send("safe", {"type": "job"})
        await layer.acknowledge(job)
        await layer.send("safe", {"type": "job"})

    @with_layer(acknowledged_channels=OPTION, expiry=0.05)
    async def test_jobs_do_not_expire(self, layer: Any) -> None:
        await layer.send("safe", {"type": "job"})
        await asyncio.sleep(0.2)  # that time passes is the thing to wait for
        assert (await self._take(layer)).message == {"type": "job"}

    @with_layer(acknowledged_channels=OPTION)
    async def test_who_just_receives_has_acknowledged(self, layer: Any) -> None:
        await layer.send("safe", {"type": "job"})
        assert await self.take(layer, "safe") == {"type": "job"}
        await self._require_no_job(layer)

    @with_layer(acknowledged_channels=["*"])
    async def test_a_glob_for_all_leaves_the_channels_of_a_process_as_they_are(
        self, layer: Any
    ) -> None:
        channel = await layer.new_channel()
        await layer.send(channel, {"type": "job", "n": 0})
        await layer.group_add("room", channel)
        await layer.group_send("room", {"type": "job", "n": 1})
        assert await self.take_numbers(layer, channel, 2) == [0, 1]

    @with_layer(acknowledged_channels=OPTION)
    async def test_a_member_of_a_group_can_be_acknowledged(self, layer: Any) -> None:
        await layer.group_add("room", "safe")
        await layer.group_send("room", {"type": "job"})
        assert (await self._take(layer)).message == {"type": "job"}

    async def _take(self, layer: Any, channel: str = "safe") -> Job:
        async with asyncio.timeout(self.patience_s):
            job: Job = await layer.take_job(channel)
            return job

    async def _require_no_job(self, layer: Any) -> None:
        await layer.send("safe", {"type": "contract.probe"})
        job = await self._take(layer)
        assert job.message == {"type": "contract.probe"}, f"there was a job: {job!r}"
        await layer.acknowledge(job)
