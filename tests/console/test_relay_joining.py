from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console.relay_joining import Joining, obstacle_of, seals
from runtime.layers import BaseChannelLayer, InMemoryChannelLayer
from runtime.taps import taps
from tests.console.recording import Recording
from tests.console.several import processes, until


class WithoutGroups:
    async def send(self, channel: str, message: dict[str, Any]) -> None: ...


class Down(BaseChannelLayer):
    """A layer whose server is away until somebody says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = InMemoryChannelLayer()
        self.is_down = True

    async def new_channel(self, prefix: str = "specific") -> str:
        if self.is_down:
            raise ConnectionError("refused")
        return await self.inner.new_channel(prefix)

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self.inner.receive(channel)

    async def group_add(self, group: str, channel: str) -> None:
        await self.inner.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        await self.inner.group_discard(group, channel)


@pytest.mark.parametrize(
    ("layer", "part"),
    [
        (None, "No channel layer is configured"),
        (InMemoryChannelLayer(), "in-memory"),
        (WithoutGroups(), "WithoutGroups has no groups"),
    ],
)
def test_a_layer_that_leads_nowhere_is_said_with_its_remedy(layer: Any, part: str) -> None:
    said = obstacle_of(layer)
    assert part in said
    assert "own process only" in said
    assert "CHANNEL_LAYERS" in said


async def test_without_other_processes_the_relay_reads_its_own() -> None:
    recording = Recording()
    joining = Joining(recording.relay.reader, get_layer=InMemoryChannelLayer)
    recording.relay.bind(recording.recorder, joining)
    connection = recording.open()
    await joining.wait()
    assert [view.id for view in (await recording.relay.listing()).rows] == [connection.id]
    assert "in-memory" in recording.relay.limit
    assert joining.node is None


async def test_a_layer_that_is_away_is_tried_again(monkeypatch: Any) -> None:
    monkeypatch.setattr("console.relay_joining.FIRST_RETRY_S", 0.01)
    layer, recording = Down(), Recording()
    joining = Joining(
        recording.relay.reader, get_layer=lambda: layer, find_obstacle=lambda layer: ""
    )
    await joining.wait()
    assert "does not answer (ConnectionError)" in joining.obstacle
    assert joining.node is None
    layer.is_down = False
    await until(lambda: joining.node)
    assert joining.obstacle == ""
    await joining.stop()


def test_nothing_begins_where_no_loop_runs() -> None:
    joining = Joining(Recording().relay.reader)
    joining.begin()
    assert joining.node is None


def test_a_loop_that_has_ended_is_left_for_the_next() -> None:
    recording, layer = Recording(), InMemoryChannelLayer()
    joining = Joining(
        recording.relay.reader, get_layer=lambda: layer, find_obstacle=lambda layer: ""
    )

    async def join() -> object:
        await joining.wait()
        return joining.node

    first = asyncio.run(join())
    second = asyncio.run(join())
    assert first is not None
    assert second is not None
    assert second is not first


async def test_the_recorder_lets_the_relay_know_of_the_loop() -> None:
    recording = Recording()
    begun: list[object] = []
    recording.recorder.on_serving = lambda: begun.append(asyncio.get_running_loop())
    taps.attach(recording.recorder)
    try:
        assert taps.serving_began is not None
        taps.serving_began()
        recording.recorder.application_for({"type": "http", "path": "/"})
    finally:
        taps.detach(recording.recorder)
    assert begun == [asyncio.get_running_loop()] * 2


def test_an_earlier_secret_has_a_seal_as_well(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", []
    [new] = seals()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "newer", ["new"]
    newer, fallback = seals()
    assert fallback("body") == new("body") != newer("body")


async def test_a_template_on_another_thread_knows_the_processes() -> None:
    async with processes("web-1", "web-2") as (one, _):
        await one.relay.listing()
        await until(lambda: len(one.relay.processes()) == 2)
        names = await asyncio.to_thread(lambda: [view.name for view in one.relay.processes()])
        assert names == ["web-1", "web-2"]
