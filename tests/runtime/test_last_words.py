from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime import last_words
from runtime.boundary import Boundary
from runtime.refusals import serve_lifespan
from runtime.taps import Observer
from runtime.worker import Worker
from tests.support.observing import observed

said: list[str] = []


async def speak() -> None:
    said.append("goodbye")


async def wait_for_ever() -> None:
    await asyncio.get_running_loop().create_future()


async def fail() -> None:
    raise OSError("the layer is away")


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_words, "_speakers", [])
    said.clear()


async def test_everybody_speaks_though_one_fails_and_one_never_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(last_words, "WITHIN_S", 0.05)
    for one in (fail, wait_for_ever, speak):
        last_words.add(one)
    async with asyncio.timeout(30):
        await last_words.say()
    assert said == ["goodbye"]
    last_words.remove(wait_for_ever)
    await last_words.say()
    assert said == ["goodbye", "goodbye"]
    assert "the layer is away" in caplog.text


async def test_a_server_that_ends_its_lifespan_hears_of_the_end_after_them() -> None:
    last_words.add(speak)
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Any:
        return events.pop(0)

    async def send(event: Any) -> None:
        said.append(event["type"])

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await serve_lifespan(receive, send)

    with observed(Observer()):
        await Boundary(application)({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.complete", "goodbye", "lifespan.shutdown.complete"]


async def test_a_worker_says_them_when_its_jobs_are_done(channel_layer: Any) -> None:
    last_words.add(speak)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    worker = Worker(application, ["jobs"], channel_layer)
    running = asyncio.ensure_future(worker._run())
    await asyncio.sleep(0)
    assert said == []
    worker.stop()
    await running
    assert said == ["goodbye"]


async def test_daphnes_reactor_waits_for_them_before_it_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    triggers: list[Any] = []

    class Reactor:
        def addSystemEventTrigger(self, *trigger: Any) -> None:
            triggers.append(trigger)

    class Deferred:
        @staticmethod
        def fromFuture(future: Any) -> Any:
            return future

    daphne = type("daphne", (), {"reactor": Reactor(), "defer": type("defer", (), {})})
    daphne.defer.Deferred = Deferred
    monkeypatch.setitem(last_words.sys.modules, "daphne.server", daphne)
    last_words.add(speak)
    last_words.add(speak)
    ((phase, event, call, *arguments),) = triggers
    assert (phase, event) == ("before", "shutdown")
    await call(*arguments)
    assert said == ["goodbye", "goodbye"]
