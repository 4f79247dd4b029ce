from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from runtime.exceptions import ChannelFull
from runtime.layers import BaseChannelLayer, InMemoryChannelLayer
from runtime.layers.registry import ChannelLayerManager
from runtime.layers.tapping import UNKNOWN, tapped
from runtime.taps import muted
from tests.support.observing import Notebook, observed


class Foreign(BaseChannelLayer):
    """A layer that was written elsewhere: it works, and knows no taps."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = InMemoryChannelLayer()

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        with muted():
            await self.inner.send(channel, message)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        with muted():
            await self.inner.group_send(group, message)

    async def group_add(self, group: str, channel: str) -> None:
        with muted():
            await self.inner.group_add(group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        with muted():
            await self.inner.group_discard(group, channel)


class Bounded:
    """One that is no relative of ours: a group is many channels, and each has room for so many."""

    class ChannelFull(Exception):
        pass

    def __init__(self, capacity: int = 1) -> None:
        self.capacity = capacity
        self.waiting: dict[str, list[Any]] = {}
        self.members: list[str] = []

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        waiting = self.waiting.setdefault(channel, [])
        if len(waiting) >= self.capacity:
            raise self.ChannelFull
        waiting.append(message)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        for channel in self.members:
            with suppress(self.ChannelFull):
                await self.send(channel, message)


async def test_what_goes_through_a_foreign_layer_is_heard_of() -> None:
    layer = tapped(Foreign())
    with observed() as notebook:
        await layer.group_add("room", "a")
        await layer.send("a", {"type": "x"})
        await layer.group_send("room", {"type": "y"})
        await layer.group_discard("room", "a")
    assert notebook.names() == [
        "group_joined",
        "message_sent",
        "send_finished",
        "group_sent",
        "send_finished",
        "group_left",
    ]
    assert notebook.of("group_sent")[0][-1] == UNKNOWN


async def test_what_a_layer_sends_to_reach_a_group_is_no_message_of_the_application() -> None:
    layer = tapped(Bounded())
    layer.members = ["a", "b"]
    with observed() as notebook:
        await layer.group_send("room", {"type": "x"})
    assert notebook.names() == ["group_sent", "send_finished"]
    with observed() as notebook:
        await layer.send("c", {"type": "y"})
    assert notebook.names() == ["message_sent", "send_finished"]


async def test_what_a_foreign_layer_has_no_room_for_is_a_drop_of_its_sending() -> None:
    class Causing(Notebook):
        def message_sent(self, *arguments: Any) -> Any:
            return "trace", "sent"

        def group_sent(self, *arguments: Any) -> Any:
            return "trace", "sent to the group"

    layer = tapped(Bounded())
    layer.members = ["a", "b"]
    with observed(Causing()) as notebook:
        await layer.send("a", {"type": "x"})
        with pytest.raises(Bounded.ChannelFull):
            await layer.send("a", {"type": "y"})
        await layer.group_send("room", {"type": "z"})
    assert [lost[1:] for lost in notebook.of("message_dropped")] == [
        ("a", {"type": "y"}, "capacity", ("trace", "sent")),
        ("a", {"type": "z"}, "capacity", ("trace", "sent to the group")),
    ]


async def test_one_that_raises_our_own_error_is_heard_of_as_well() -> None:
    class Relative(Foreign):
        async def send(self, channel: str, message: dict[str, Any]) -> None:
            raise ChannelFull

    layer = tapped(Relative())
    with observed() as notebook, pytest.raises(ChannelFull):
        await layer.send("a", {"type": "x"})
    assert notebook.names() == ["message_sent", "message_dropped", "send_finished"]


async def test_muted_code_and_what_is_no_message_are_not_heard_of() -> None:
    layer = tapped(Foreign())
    with observed() as notebook:
        with muted():
            await layer.send("a", {"type": "x"})
        with pytest.raises(TypeError):
            await layer.send("a", "no message")
    assert notebook.names() == []


async def test_a_layer_that_fires_its_taps_is_left_as_it_is() -> None:
    layer = InMemoryChannelLayer()
    assert tapped(layer) is layer
    assert "send" not in vars(layer)


async def test_the_registry_makes_layers_that_are_heard_of(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.Foreign"}}
    layer = ChannelLayerManager()["default"]
    assert type(layer).__name__ == "Foreign"  # imported anew, by its dotted path
    with observed() as notebook:
        await layer.send("a", {"type": "x"})
    assert notebook.names() == ["message_sent", "send_finished"]
