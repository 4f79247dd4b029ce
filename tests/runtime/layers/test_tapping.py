from __future__ import annotations

from typing import Any

import pytest

from runtime.layers import BaseChannelLayer, InMemoryChannelLayer
from runtime.layers.registry import ChannelLayerManager
from runtime.layers.tapping import UNKNOWN, tapped
from runtime.taps import muted
from tests.support.observing import observed


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
