"""The contract of the extension `history`: who comes back gets what it missed.

Source: `runtime.layers.history`
"""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.layers.history import POSITION_KEY, Position, Replay, offset_of
from runtime.testing.layers.harness import LayerContract, refused, with_layer

OPTION = {"room": {"messages": 5}, "brief.*": {"seconds": 0.1}}


class HistoryContract(LayerContract):
    """What holds for a layer with the extension `history`."""

    @with_layer(history=OPTION)
    async def test_who_comes_back_gets_what_it_missed(self, layer: Any) -> None:
        assert "history" in layer.extensions
        one = await layer.new_channel()
        await layer.group_add("room", one)
        await self._say(layer, 0, 1)
        await self.take(layer, one)
        last = (await self.take(layer, one))[POSITION_KEY]
        await layer.group_discard("room", one)
        await self._say(layer, 2, 3, 4)
        replay = await layer.replay("room", last)
        assert _numbers(replay) == [2, 3, 4]
        assert replay.is_complete
        assert offset_of(replay.messages[-1]) == replay.position.offset
        again = await layer.replay("room", replay.position)
        assert (again.messages, again.position, again.is_complete) == ([], replay.position, True)

    @with_layer(history=OPTION)
    async def test_a_message_has_one_position_wherever_it_is_seen(self, layer: Any) -> None:
        one = await layer.new_channel()
        await layer.group_add("room", one)
        message = {"type": "chat", "n": 0, "deep": {"list": [1]}}
        await layer.group_send("room", message)
        delivered = await self.take(layer, one)
        (kept,) = (await layer.replay("room")).messages
        assert delivered == kept == {**message, POSITION_KEY: delivered[POSITION_KEY]}
        assert POSITION_KEY not in message
        kept["deep"]["list"].clear()
        assert (await layer.replay("room")).messages == [delivered]

    @with_layer(history=OPTION)
    async def test_all_that_is_kept_can_be_asked_for(self, layer: Any) -> None:
        empty = await layer.replay("room")
        assert (empty.messages, empty.position.offset, empty.is_complete) == ([], 0, True)
        await self._say(layer, 0, 1)
        replay = await layer.replay("room", empty.position)
        assert _numbers(replay) == [0, 1]
        assert replay == await layer.replay("room")

    @with_layer(history=OPTION)
    async def test_who_was_away_for_too_long_is_told_so(self, layer: Any) -> None:
        start = (await layer.replay("room")).position
        await self._say(layer, *range(5))
        assert (await layer.replay("room", start)).is_complete
        await self._say(layer, 5)
        replay = await layer.replay("room", start)
        assert _numbers(replay) == [1, 2, 3, 4, 5]
        assert not replay.is_complete

    @with_layer(history=OPTION)
    async def test_what_is_too_old_is_gone(self, layer: Any) -> None:
        start = (await layer.replay("brief.room")).position
        await layer.group_send("brief.room", {"type": "chat"})
        await asyncio.sleep(0.3)  # that time passes is the thing to wait for
        replay = await layer.replay("brief.room", start)
        assert replay.messages == []
        assert not replay.is_complete

    @with_layer(history=OPTION)
    async def test_a_position_that_is_not_of_this_history_is_told_so(self, layer: Any) -> None:
        await self._say(layer, 0, 1)
        position = (await layer.replay("room")).position
        for since in (
            Position("another", 1),
            Position(position.epoch, 3),
            f"{position.epoch}:99999999999999999999999",
            "nonsense",
            "",
            7,
        ):
            replay = await layer.replay("room", since)
            assert not replay.is_complete
            assert _numbers(replay) == [0, 1]
            assert replay.position == position

    @with_layer(history=OPTION)
    async def test_another_history_begins_where_all_was_lost(self, layer: Any) -> None:
        await self._say(layer, 0)
        before = (await layer.replay("room")).position
        await layer.flush()
        await self._say(layer, 1)
        replay = await layer.replay("room", before)
        assert _numbers(replay) == [1]
        assert not replay.is_complete
        assert replay.position.epoch != before.epoch

    @with_layer(history=OPTION)
    async def test_other_groups_have_no_history(self, layer: Any) -> None:
        one = await layer.new_channel()
        await layer.group_add("lobby", one)
        await layer.group_send("lobby", {"type": "chat"})
        assert await self.take(layer, one) == {"type": "chat"}
        with refused(ValueError):
            await layer.replay("lobby")
        with refused(TypeError):
            await layer.replay("no group")

    async def _say(self, layer: Any, *numbers: int) -> None:
        for n in numbers:
            await layer.group_send("room", {"type": "chat", "n": n})


def _numbers(replay: Replay) -> list[int]:
    return [message["n"] for message in replay.messages]
