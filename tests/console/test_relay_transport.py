from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console.relay_joining import seals
from console.relay_protocol import RefusedMessage, Rewind
from console.relay_transport import MOST_WAITING, Transport
from runtime.layers import BaseChannelLayer, InMemoryChannelLayer
from tests.console.several import processes


async def joined(layer: Any, name: str) -> Transport:
    transport = Transport(layer, name, seals())
    await transport.open()
    await transport.join()
    return transport


def frame(offset: int) -> Rewind:
    return Rewind("specific!x", "5ub5", offset)


async def heard(transport: Transport) -> Any:
    return await asyncio.wait_for(transport.receive(), 30)


async def test_a_frame_reaches_one_process_or_all() -> None:
    layer = InMemoryChannelLayer()
    one, two = await joined(layer, "web-1"), await joined(layer, "web-2")
    assert await one.send(two.channel, frame(1))
    assert await one.send_all(frame(2))
    assert [await heard(two), await heard(two)] == [frame(1), frame(2)]
    assert await heard(one) == frame(2)


async def test_a_frame_that_the_layer_does_not_take_is_said_and_raises_nothing() -> None:
    layer = InMemoryChannelLayer(capacity=1)
    transport = await joined(layer, "web-1")
    assert await transport.send("full", frame(1))
    assert not await transport.send("full", frame(2))


async def test_a_message_without_the_projects_seal_is_refused_and_the_next_is_read() -> None:
    layer = InMemoryChannelLayer()
    transport = await joined(layer, "web-1")
    await layer.send(transport.channel, {"type": "somebody.elses"})
    await transport.send(transport.channel, frame(1))
    with pytest.raises(RefusedMessage):
        await heard(transport)
    assert await heard(transport) == frame(1)


async def test_of_more_messages_than_may_wait_the_oldest_are_lost() -> None:
    sent: list[Any] = []

    class Noting(InMemoryChannelLayer):
        async def send(self, channel: str, message: Any) -> None:
            sent.append(message)

    transport = await joined(Noting(), "web-1")
    for offset in range(MOST_WAITING + 1):
        await transport.send(transport.channel, frame(offset))
    for message in sent:
        transport.push(message, None)
    assert await heard(transport) == frame(1)


async def test_who_has_left_hears_nothing() -> None:
    layer = InMemoryChannelLayer()
    one, two = await joined(layer, "web-1"), await joined(layer, "web-2")
    await two.leave()
    await one.send_all(frame(1))
    assert await heard(one) == frame(1)
    assert repr(two).endswith("waiting=0>")


async def test_a_layer_that_cannot_push_is_read() -> None:
    async with processes("web-1", "web-2", layer=Pulled()) as (one, two):
        other = two.open()
        assert [view.id for view in (await one.relay.listing()).rows] == [other.id]


class Pulled(BaseChannelLayer):
    """A layer of somebody else's: it can be received from, and pushes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._inner = InMemoryChannelLayer()
        for name in ("send", "receive", "new_channel", "group_add", "group_discard", "group_send"):
            setattr(self, name, getattr(self._inner, name))
