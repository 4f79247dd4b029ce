"""`manage.py runworker` as a process of its own, with a layer that reaches into the test."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from django.core.management import CommandError, call_command

from runtime.management.commands.runworker import Command
from runtime.worker import Worker
from tests.support.wire_layer import hub

ROOT = Path(__file__).resolve().parents[3]
PROCESS_S = 60
"""What a process may take to start or to end on a busy machine."""


@asynccontextmanager
async def worker_process(hub, *arguments):
    """Run `runworker` for the body of the `with`, which starts when it serves."""
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONASYNCIODEBUG"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "django", "runworker", *arguments),
        env=kept
        | hub.environment
        | {"DJANGO_SETTINGS_MODULE": "tests.support.worker_settings", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # the reloader has a process of its own
    )
    try:
        assert (await line(process)).startswith("Serving the channels ")
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def line(process):
    async with asyncio.timeout(PROCESS_S):
        return (await process.stdout.readline()).decode()


async def end(process):
    """Return the exit status and what the process said to standard error."""
    async with asyncio.timeout(PROCESS_S):
        _, said = await process.communicate()
    return process.returncode, said.decode()


async def reply(layer):
    async with asyncio.timeout(PROCESS_S):
        message = await layer.receive("replies")
    return message["type"], message["n"]


@pytest.mark.parametrize("channel", ["jobs", "blocking"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_signal_lets_the_running_job_end_and_hands_back_the_next(layer, number, channel):
    async with hub(layer) as lent, worker_process(lent, channel) as process:
        await layer.send(channel, {"type": "job.wait", "n": 1})
        await layer.send(channel, {"type": "job.wait", "n": 2})
        assert await reply(layer) == ("begun", 1)
        process.send_signal(number)
        async with asyncio.timeout(PROCESS_S):
            assert (await layer.receive(channel))["n"] == 2
        await layer.send("go", {"type": "go"})
        assert await reply(layer) == ("ended", 1)
        assert (await end(process))[0] == 0


@pytest.mark.parametrize("channel", ["jobs", "blocking"])
async def test_a_job_that_outlives_the_deadline_is_cut_off_loudly(layer, channel):
    arguments = (channel, "--deadline", "0.01")
    async with hub(layer) as lent, worker_process(lent, *arguments) as process:
        await layer.send(channel, {"type": "job.wait", "n": 1})
        assert await reply(layer) == ("begun", 1)
        process.send_signal(signal.SIGTERM)
        status, said = await end(process)
    assert status == 1
    assert f"Jobs of '{channel}' still ran 0.01 s after" in said


async def test_the_second_signal_does_not_wait(layer):
    async with hub(layer) as lent, worker_process(lent, "jobs", "--deadline", "600") as process:
        for n in (1, 2):
            await layer.send("jobs", {"type": "job.wait", "n": n})
        assert await reply(layer) == ("begun", 1)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PROCESS_S):
            await layer.receive("jobs")  # handed back: the first signal has been heard
        process.send_signal(signal.SIGTERM)
        status, said = await end(process)
    assert status == 1
    assert "told to stop twice" in said


async def test_a_dead_listener_ends_the_process_and_names_its_channel(layer):
    async with hub(layer) as lent, worker_process(lent, "jobs") as process:
        await layer.send("jobs", {"type": "job.wait", "n": 1})
        assert await reply(layer) == ("begun", 1)
        await layer.send("go", {"type": "go"})
        assert await reply(layer) == ("ended", 1)
        await lent.hang_up()
        status, said = await end(process)
    assert status == 1
    assert "The listener of channel 'jobs' failed: ConnectionError('the hub has gone')" in said


async def test_a_job_that_fails_is_reported_and_the_queue_goes_on(layer):
    async with hub(layer) as lent, worker_process(lent, "jobs") as process:
        await layer.send("jobs", {"type": "job.fail"})
        await layer.send("jobs", {"type": "job.wait", "n": 1})
        assert await reply(layer) == ("begun", 1)
        await layer.send("go", {"type": "go"})
        assert await reply(layer) == ("ended", 1)
        process.send_signal(signal.SIGTERM)
        status, said = await end(process)
    assert status == 0
    assert "A job of channel 'jobs' failed" in said
    assert "RuntimeError: the job failed" in said


async def test_with_concurrency_two_jobs_of_a_channel_run_at_once(layer):
    async with hub(layer) as lent, worker_process(lent, "jobs", "--concurrency", "2") as process:
        for n in (1, 2):
            await layer.send("jobs", {"type": "job.wait", "n": n})
        assert {await reply(layer), await reply(layer)} == {("begun", 1), ("begun", 2)}
        for _ in range(2):
            await layer.send("go", {"type": "go"})
        assert {await reply(layer), await reply(layer)} == {("ended", 1), ("ended", 2)}
        process.send_signal(signal.SIGTERM)
        assert (await end(process))[0] == 0


class Recorded(Worker):
    made: ClassVar[list[Worker]] = []

    def run(self):
        self.made.append(self)


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.setattr(Command, "worker_class", Recorded)
    monkeypatch.setattr(Recorded, "made", [])
    return Recorded.made


def test_the_worker_gets_the_layer_the_channels_and_the_options(recorded, layer):
    call_command("runworker", "a", "b", concurrency=3, deadline=1.5, verbosity=0)
    (worker,) = recorded
    assert worker.channels == ["a", "b"]
    assert worker.channel_layer is layer
    assert (worker.concurrency, worker.deadline_s) == (3, 1.5)


def test_a_worker_class_written_for_channels_gets_no_options_that_it_does_not_know(
    monkeypatch, layer
):
    made = {}

    class Old:
        def __init__(self, application, channels, channel_layer, max_applications=1000):
            made.update(channels=channels, channel_layer=channel_layer)
            self.channels = channels

        def run(self):
            made["has_run"] = True

    monkeypatch.setattr(Command, "worker_class", Old)
    call_command("runworker", "a", verbosity=0)
    assert made == {"channels": ["a"], "channel_layer": layer, "has_run": True}


def test_an_alias_that_does_not_exist_is_one_sentence(recorded):
    with pytest.raises(CommandError, match="CHANNEL_LAYERS has no layer 'nowhere'"):
        call_command("runworker", "a", layer="nowhere", verbosity=0)


async def test_with_reload_the_worker_starts_anew_when_a_file_changes(layer, tmp_path):
    settings = tmp_path / "reloaded_settings.py"
    starts = tmp_path / "starts"
    settings.write_text(
        "from tests.support.worker_settings import *\n"
        f"with open({str(starts)!r}, 'a') as starts:\n"
        "    print('once more', file=starts)\n"
    )
    arguments = ("jobs", "--reload", "--settings", settings.stem, "--pythonpath", str(tmp_path))
    async with hub(layer) as lent, worker_process(lent, *arguments) as process:
        before = starts.read_text()
        for seconds in range(PROCESS_S):
            # Django looks at the files once a second, and sees a change from the second look on.
            os.utime(settings, (seconds, seconds))
            await asyncio.sleep(1.5)
            if starts.read_text() != before:
                break  # one more change would end the one that has begun
        assert (await line(process)).startswith("Serving the channels ")
        await layer.send("jobs", {"type": "job.wait", "n": 1})
        assert await reply(layer) == ("begun", 1)
        process.send_signal(signal.SIGTERM)
        assert (await end(process))[0] == 0
