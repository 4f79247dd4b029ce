"""The contract of a `PushLayer`: it hands messages to a consumer with a plain call.

Source: docs/decisions/0001-one-mailbox.md
"""

from __future__ import annotations

from typing import Any

from runtime.exceptions import ChannelFull
from runtime.taps import Cause
from runtime.testing.layers.harness import LayerContract, heard, refused, until, with_layer
from runtime.typing import Message


class Inbox:
    """A sink with room for `capacity` messages."""

    def __init__(self, capacity: int = 100) -> None:
        self.capacity = capacity
        self.items: list[tuple[Message, Cause | None]] = []

    def offer(self, message: Message, cause: Cause | None = None) -> bool:
        """Take one message, if there is room."""
        if len(self.items) >= self.capacity:
            return False
        self.items.append((message, cause))
        return True

    def numbers(self) -> list[int]:
        """Return the "n" of what has come."""
        return [message["n"] for message, _ in self.items]


class PushContract(LayerContract):
    """What holds for a layer with `attach()` and `release_channel()`."""

    @with_layer()
    async def test_a_sink_gets_what_waits_and_then_what_comes(self, layer: Any) -> None:
        channel, inbox = await layer.new_channel(), Inbox()
        await layer.send(channel, {"type": "a", "n": 0})
        await layer.send(channel, {"type": "a", "n": 1})
        layer.attach(channel, inbox.offer)
        await layer.group_add("room", channel)
        await layer.send(channel, {"type": "a", "n": 2})
        await layer.group_send("room", {"type": "a", "n": 3})
        await until(lambda: len(inbox.items) == 4, self.patience_s)
        assert inbox.numbers() == [0, 1, 2, 3]

    @with_layer()
    async def test_a_sink_gets_the_cause_beside_the_message(self, layer: Any) -> None:
        channel, inbox = await layer.new_channel(), Inbox()
        layer.attach(channel, inbox.offer)
        await layer.group_add("room", channel)
        with heard():
            await layer.send(channel, {"type": "a"})
            await layer.group_send("room", {"type": "b"})
            await until(lambda: len(inbox.items) == 2, self.patience_s)
        assert inbox.items == [
            ({"type": "a"}, ("trace", "entry:1")),
            ({"type": "b"}, ("trace", "entry:2")),
        ]

    @with_layer()
    async def test_what_waits_on_a_channel_that_is_released_is_reported(self, layer: Any) -> None:
        channel, other = await layer.new_channel(), await layer.new_channel()
        with heard() as observer:
            for waiting in (channel, other):
                await layer.send(waiting, {"type": "a"})
            await self.take(layer, other)  # so the one before it is there as well
            await layer.release_channel(channel)
        assert [drop[1:] for drop in observer.of("message_dropped")] == [
            (channel, {"type": "a"}, "undelivered", ("trace", "entry:1"))
        ]

    @with_layer()
    async def test_who_sends_to_a_full_sink_nearby_is_told(self, layer: Any) -> None:
        channel, inbox = await layer.new_channel(), Inbox(capacity=1)
        layer.attach(channel, inbox.offer)
        await layer.send(channel, {"type": "a", "n": 0})
        await until(lambda: len(inbox.items) == 1, self.patience_s)
        with refused(ChannelFull):
            await layer.send(channel, {"type": "a", "n": 1})
        await layer.group_add("room", channel)
        await layer.group_send("room", {"type": "a", "n": 2})
        assert inbox.numbers() == [0]

    @with_layer()
    async def test_an_attached_channel_cannot_be_received_from(self, layer: Any) -> None:
        channel = await layer.new_channel()
        layer.attach(channel, Inbox().offer)
        with refused(RuntimeError):
            await self.take(layer, channel)

    @with_layer()
    async def test_a_released_channel_is_in_no_group_and_has_no_sink(self, layer: Any) -> None:
        channel, other, inbox = await layer.new_channel(), await layer.new_channel(), Inbox()
        layer.attach(channel, inbox.offer)
        for group in ("room", "lobby"):
            await layer.group_add(group, channel)
            await layer.group_add(group, other)
        with heard() as observer:
            await layer.release_channel(channel)
            await layer.release_channel(channel)
        left = [group for _, group, left in observer.of("group_left") if left == channel]
        assert sorted(left) == ["lobby", "room"]
        for n, group in enumerate(("room", "lobby")):
            await layer.group_send(group, {"type": "a", "n": n})
        assert await self.take_numbers(layer, other, 2) == [0, 1]
        assert inbox.items == []

    @with_layer()
    async def test_a_sink_outlives_a_flush_without_its_groups(self, layer: Any) -> None:
        channel, inbox = await layer.new_channel(), Inbox()
        layer.attach(channel, inbox.offer)
        await layer.group_add("room", channel)
        await layer.flush()
        await layer.group_send("room", {"type": "a", "n": 0})
        await layer.send(channel, {"type": "a", "n": 1})
        await until(lambda: bool(inbox.items), self.patience_s)
        assert inbox.numbers() == [1]
