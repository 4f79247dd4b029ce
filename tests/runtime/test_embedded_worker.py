from __future__ import annotations

import asyncio
import contextvars
import logging
from typing import Any

import pytest

from runtime.embedded_worker import WithWorker
from runtime.layers import InMemoryChannelLayer
from runtime.routing import ChannelNameRouter
from runtime.tasks import cancel_and_wait

TIMEOUT_S = 30
visitor = contextvars.ContextVar("visitor", default="nobody")


class Served:
    """The application of a fixed channel: keeps what it is sent, and for whom it runs."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            await self.taken.put((message["text"], visitor.get()))

    async def next(self) -> tuple[str, str]:
        return await asyncio.wait_for(self.taken.get(), TIMEOUT_S)


class Project:
    """The application beside the worker: keeps the scopes that it is asked to serve."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope["type"])


def workers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "worker of jobs"]


async def visit(application: WithWorker) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()
    await application({"type": "websocket"}, events.get, events.put)


async def test_no_worker_runs_before_the_first_scope_and_one_after_any_number() -> None:
    project = Project()
    application = WithWorker(project, ChannelNameRouter({"jobs": Served()}))
    assert not workers()
    await visit(application)
    (worker,) = workers()
    await visit(application)
    assert workers() == [worker]
    assert project.scopes == ["websocket", "websocket"]
    await cancel_and_wait(worker)


async def test_what_is_sent_to_a_fixed_channel_is_served_even_if_it_was_sent_before(
    layer: InMemoryChannelLayer,
) -> None:
    served = Served()
    application = WithWorker(Project(), ChannelNameRouter({"jobs": served}))
    await layer.send("jobs", {"type": "job", "text": "early"})
    await visit(application)
    await layer.send("jobs", {"type": "job", "text": "late"})
    assert [(await served.next())[0] for _ in range(2)] == ["early", "late"]
    await cancel_and_wait(*workers())


async def test_the_worker_is_no_part_of_the_connection_that_started_it(
    layer: InMemoryChannelLayer,
) -> None:
    served = Served()
    application = WithWorker(Project(), ChannelNameRouter({"jobs": served}))
    visitor.set("the first visitor")
    await visit(application)
    await layer.send("jobs", {"type": "job", "text": "whose?"})
    assert await served.next() == ("whose?", "nobody")
    await cancel_and_wait(*workers())


async def test_a_worker_that_fails_is_reported_and_the_next_scope_starts_another(
    layer: InMemoryChannelLayer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    served = Served()
    application = WithWorker(Project(), ChannelNameRouter({"jobs": served}))

    async def broken(channel: str) -> Any:
        raise ConnectionError("the layer is gone")

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "runtime.tasks"):
        patch.setattr(layer, "receive", broken)
        await visit(application)
        (failing,) = workers()
        await asyncio.wait({failing}, timeout=TIMEOUT_S)
    assert "worker of jobs" in caplog.text
    assert "the layer is gone" in caplog.text

    await visit(application)
    await layer.send("jobs", {"type": "job", "text": "again"})
    assert (await served.next())[0] == "again"
    await cancel_and_wait(*workers())
