"""The contract of groups and of flush, the two extensions that the specification has.

Source: ASGI channel layer specification, "Extensions"; API of channel layers, "Channel layer
contract"
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from runtime.exceptions import ChannelFull
from runtime.testing.layers.channels import NOT_MESSAGES
from runtime.testing.layers.harness import LayerContract, heard, refused, with_layer

BAD_GROUPS: tuple[Any, ...] = ("", "a b", "a" * 100, b"room", None, "room\n", "röom", "room!one")
CHAT = {"type": "chat"}


class GroupsContract(LayerContract):
    """What holds for a layer with the extension `groups`."""

    @with_layer()
    async def test_the_layer_says_that_it_has_groups(self, layer: Any) -> None:
        assert "groups" in layer.extensions

    @with_layer()
    async def test_a_message_reaches_each_member_once_and_nobody_else(self, layer: Any) -> None:
        one, two, three, other = await _channels(layer, 4)
        for channel in (one, two, three, one):  # who joins twice is a member once
            await layer.group_add("room", channel)
        await layer.group_add("lobby", other)
        await layer.group_send("room", CHAT)
        for channel in (one, two, three):
            assert await self.take(layer, channel) == CHAT
        await self.require_empty(layer, one, two, three, other)

    @with_layer()
    async def test_who_left_gets_nothing(self, layer: Any) -> None:
        one, two = await _channels(layer, 2)
        await layer.group_add("room", one)
        await layer.group_add("room", two)
        await layer.group_discard("room", one)
        await layer.group_send("room", CHAT)
        assert await self.take(layer, two) == CHAT
        await self.require_empty(layer, one, two)

    @with_layer()
    async def test_who_came_back_gets_what_is_sent_from_then_on(self, layer: Any) -> None:
        (one,) = await _channels(layer, 1)
        for n in range(3):
            await layer.group_add("room", one)
            await layer.group_send("room", {"type": "chat", "n": n})
            await layer.group_discard("room", one)
            await layer.group_send("room", {"type": "chat", "n": "missed"})
        assert await self.take_numbers(layer, one, 3) == [0, 1, 2]
        await self.require_empty(layer, one)

    @with_layer()
    async def test_leaving_where_one_is_not_is_no_error(self, layer: Any) -> None:
        (one,) = await _channels(layer, 1)
        await layer.group_discard("nowhere", one)
        await layer.group_add("room", one)
        await layer.group_discard("room", one)
        await layer.group_discard("room", one)

    @with_layer()
    async def test_a_group_without_members_takes_a_message(self, layer: Any) -> None:
        await layer.group_send("nowhere", CHAT)

    @with_layer()
    async def test_names_are_required_to_be_valid(self, layer: Any) -> None:
        (one,) = await _channels(layer, 1)
        for group in BAD_GROUPS:
            with refused(TypeError):
                await layer.group_add(group, one)
            with refused(TypeError):
                await layer.group_discard(group, one)
            with refused(TypeError):
                await layer.group_send(group, CHAT)
        with refused(TypeError):
            await layer.group_add("room", "no channel")
        await layer.group_add("a" * 99, one)

    @with_layer()
    async def test_what_is_no_message_is_refused(self, layer: Any) -> None:
        for message in NOT_MESSAGES:
            with refused(TypeError, ValueError, AssertionError):
                await layer.group_send("room", message)

    @with_layer()
    async def test_what_one_member_changes_no_other_sees(self, layer: Any) -> None:
        one, two = await _channels(layer, 2)
        await layer.group_add("room", one)
        await layer.group_add("room", two)
        message = {"type": "chat", "deep": {"list": [1, {"two": 2}]}}
        await layer.group_send("room", message)
        first = await self.take(layer, one)
        first["deep"]["list"][1].clear()
        first.clear()
        second = await self.take(layer, two)
        assert second == message == {"type": "chat", "deep": {"list": [1, {"two": 2}]}}

    @with_layer()
    async def test_each_member_gets_the_messages_in_order(self, layer: Any) -> None:
        channels = await _channels(layer, 5)
        for channel in channels:
            await layer.group_add("room", channel)
        for n in range(30):
            await layer.group_send("room", {"type": "chat", "n": n})
        for channel in channels:
            assert await self.take_numbers(layer, channel, 30) == list(range(30))

    @with_layer()
    async def test_direct_and_group_messages_of_one_sender_keep_their_order(
        self, layer: Any
    ) -> None:
        (one,) = await _channels(layer, 1)
        await layer.group_add("room", one)
        for n in range(0, 20, 2):
            await layer.group_send("room", {"type": "chat", "n": n})
            await layer.send(one, {"type": "chat", "n": n + 1})
        assert await self.take_numbers(layer, one, 20) == list(range(20))

    @with_layer(capacity=3)
    async def test_a_full_member_misses_it_and_the_others_do_not(self, layer: Any) -> None:
        full, free = await _channels(layer, 2)
        for n in range(3):
            with suppress(ChannelFull):
                await layer.send(full, {"type": "noise", "n": n})
        await layer.group_add("room", full)
        await layer.group_add("room", free)
        await layer.group_send("room", {"type": "chat", "n": 3})
        assert await self.take_numbers(layer, free, 1) == [3]
        assert await self.take_numbers(layer, full, 3) == [0, 1, 2]
        await self.require_empty(layer, full, free)

    @with_layer(capacity=3)
    async def test_what_is_sent_while_a_member_is_full_does_not_come_later(
        self, layer: Any
    ) -> None:
        (one,) = await _channels(layer, 1)
        await layer.group_add("room", one)
        for n in range(5):
            await layer.group_send("room", {"type": "chat", "n": n})
        assert await self.take_numbers(layer, one, 3) == [0, 1, 2]
        await self.require_empty(layer, one)

    @with_layer()
    async def test_a_named_channel_can_be_a_member(self, layer: Any) -> None:
        await layer.group_add("room", "jobs")
        receiving = asyncio.ensure_future(self.take(layer, "jobs"))
        await layer.group_send("room", CHAT)
        assert await receiving == CHAT

    @with_layer()
    async def test_five_hundred_join_at_once(self, layer: Any) -> None:
        channels = await _channels(layer, 500)
        async with asyncio.timeout(self.patience_s):
            await asyncio.gather(*(layer.group_add("room", channel) for channel in channels))
        await layer.group_send("room", CHAT)
        for channel in channels:
            assert await self.take(layer, channel) == CHAT

    @with_layer()
    async def test_observers_hear_of_joins_leaves_and_messages(self, layer: Any) -> None:
        (one,) = await _channels(layer, 1)
        with heard() as observer:
            for _ in range(2):
                await layer.group_add("room", one)
            await layer.group_send("room", CHAT)
            await self.take(layer, one)
            for _ in range(2):
                await layer.group_discard("room", one)
        assert observer.of("group_joined") == [(layer, "room", one)]
        assert observer.of("group_left") == [(layer, "room", one)]
        assert [call[1:4] for call in observer.of("group_sent")] == [(layer, "room", CHAT)]
        assert observer.of("message_sent") == []
        (delivered,) = observer.of("message_delivered")
        assert delivered[1:] == (one, CHAT, ("trace", "entry:2"))


class FlushContract(LayerContract):
    """What holds for a layer with the extension `flush`."""

    @with_layer()
    async def test_flush_forgets_messages_and_members(self, layer: Any) -> None:
        assert "flush" in layer.extensions
        one, two = await _channels(layer, 2)
        await layer.group_add("room", one)
        await layer.send(two, {"type": "a"})
        await layer.flush()
        await layer.group_send("room", CHAT)
        await self.require_empty(layer, one, two)

    @with_layer()
    async def test_the_layer_can_be_used_after_flush(self, layer: Any) -> None:
        (one,) = await _channels(layer, 1)
        receiving = asyncio.ensure_future(self.take(layer, one))
        await asyncio.sleep(0)
        await layer.flush()
        await layer.group_add("room", one)
        await layer.group_send("room", CHAT)
        assert await receiving == CHAT


async def _channels(layer: Any, count: int) -> list[str]:
    return [await layer.new_channel() for _ in range(count)]
