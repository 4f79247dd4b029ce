from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console.reading import Interest
from tests.console.several import processes, until


async def test_an_end_while_the_layer_is_away_is_quiet(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("console.relay_publisher.GOODBYE_S", 0.01)
    asked = asyncio.Event()

    async def away(channel: str, message: dict[str, Any]) -> None:
        asked.set()
        await asyncio.get_running_loop().create_future()

    async with processes("web-1", "web-2") as (one, two):
        one.relay.subscribe(Interest("tail"), {}, lambda: None)
        await until(lambda: two.node._publisher.leases)
        with monkeypatch.context() as patch:
            patch.setattr(two.layer, "send", away)
            await asyncio.wait_for(asked.wait(), 30)
            (telling,) = (task for task in two.node._tasks if task.get_name() == "relay.tell")
            telling.cancel()
            await asyncio.wait({telling}, timeout=30)
            assert telling.cancelled()
    assert caplog.text == ""


async def test_an_end_is_told_to_whoever_looks_and_to_who_has_only_just_asked() -> None:
    async with processes("web-1", "web-2") as (one, two):

        def names() -> list[str]:
            return [view.name for view in one.relay.processes()]

        await one.relay.listing()
        two.node._publisher.leases.release(one.node.channel)  # as if none had come yet
        await one.relay.listing()
        assert names() == ["web-1", "web-2"]
        await two.joining.say_goodbye()
        await until(lambda: names() == ["web-1"])
        # It serves on for a moment, and is told of consoles that it has said goodbye to.
        await one.node._renew()
        await one.relay.listing()
        assert not two.node._publisher.leases
        assert names() == ["web-1"]
