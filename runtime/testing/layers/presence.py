"""The contract of the extension `presence`: who is in a group, and who came and went.

Source: `runtime.layers.presence`
"""

from __future__ import annotations

from typing import Any

from runtime.exceptions import MessageNotPortable
from runtime.layers.base import can_push
from runtime.testing.layers.harness import LayerContract, heard, refused, with_layer
from runtime.testing.layers.peers import PeersContract
from runtime.typing import Message

ADA = {"name": "Ada", "tags": ["admin"]}
BOB = {"name": "Bob"}


class PresenceContract(LayerContract):
    """What holds for a layer with the extension `presence`."""

    @with_layer()
    async def test_who_is_tracked_is_present_and_gets_the_groups_messages(self, layer: Any) -> None:
        assert "presence" in layer.extensions
        one, two = await layer.new_channel(), await layer.new_channel()
        await layer.track("room", one, ADA, key="ada")
        await layer.track("room", two)
        assert await layer.presence("room") == {"ada": ADA, two: {}}
        assert await layer.presence("lobby") == {}
        assert await self._told(layer, one) == ("presence.joined", "ada", ADA)
        assert await self._told(layer, one) == ("presence.joined", two, {})
        assert await self._told(layer, two) == ("presence.joined", two, {})
        await layer.group_send("room", {"type": "chat"})
        assert await self.take(layer, one) == await self.take(layer, two) == {"type": "chat"}

    @with_layer()
    async def test_the_group_is_told_who_left(self, layer: Any) -> None:
        one, two = await layer.new_channel(), await layer.new_channel()
        await layer.group_add("room", one)
        await layer.track("room", two, BOB, key="bob")
        await layer.untrack("room", two)
        await layer.untrack("room", two)
        assert await self._told(layer, one) == ("presence.joined", "bob", BOB)
        assert await self._told(layer, one) == ("presence.left", "bob", BOB)
        assert await self._told(layer, two) == ("presence.joined", "bob", BOB)
        await self.require_empty(layer, one, two)
        assert await layer.presence("room") == {}

    @with_layer()
    async def test_a_client_with_several_tabs_comes_once_and_leaves_once(self, layer: Any) -> None:
        watcher = await layer.new_channel()
        tabs = [await layer.new_channel() for _ in range(3)]
        await layer.group_add("room", watcher)
        with heard() as observer:
            for n, tab in enumerate(tabs):
                await layer.track("room", tab, {"tab": n}, key="ada")
                assert await layer.presence("room") == {"ada": {"tab": n}}
            for tab in tabs:
                await layer.untrack("room", tab)
        assert await self._told(layer, watcher) == ("presence.joined", "ada", {"tab": 0})
        assert await self._told(layer, watcher) == ("presence.left", "ada", {"tab": 2})
        await self.require_empty(layer, watcher)
        assert observer.of("presence_joined") == [(layer, "room", "ada", {"tab": 0})]
        assert observer.of("presence_left") == [(layer, "room", "ada", {"tab": 2})]

    @with_layer()
    async def test_metadata_changes_without_a_word(self, layer: Any) -> None:
        watcher, one = await layer.new_channel(), await layer.new_channel()
        await layer.track("room", one, {"status": "here"}, key="ada")
        await layer.group_add("room", watcher)
        await layer.track("room", one, {"status": "away"}, key="ada")
        assert await layer.presence("room") == {"ada": {"status": "away"}}
        await self.require_empty(layer, watcher)

    @with_layer()
    async def test_a_channel_with_another_key_is_somebody_else(self, layer: Any) -> None:
        watcher, one = await layer.new_channel(), await layer.new_channel()
        await layer.track("room", one, {}, key="guest")
        await layer.group_add("room", watcher)
        await layer.track("room", one, ADA, key="ada")
        assert await layer.presence("room") == {"ada": ADA}
        assert await self._told(layer, watcher) == ("presence.left", "guest", {})
        assert await self._told(layer, watcher) == ("presence.joined", "ada", ADA)

    @with_layer()
    async def test_a_released_channel_leaves_everywhere(self, layer: Any) -> None:
        assert can_push(layer)
        watcher, one = await layer.new_channel(), await layer.new_channel()
        for group in ("room", "lobby"):
            await layer.group_add(group, watcher)
            await layer.track(group, one, ADA, key="ada")
        await layer.release_channel(one)
        told = [await self.take(layer, watcher) for _ in range(4)]
        left = [message for message in told if message["type"] == "presence.left"]
        assert sorted(message["group"] for message in left) == ["lobby", "room"]
        assert await layer.presence("room") == await layer.presence("lobby") == {}

    @with_layer()
    async def test_positions_rise(self, layer: Any) -> None:
        watcher, one = await layer.new_channel(), await layer.new_channel()
        await layer.group_add("room", watcher)
        for _ in range(3):
            await layer.track("room", one)
            await layer.untrack("room", one)
        positions = [(await self.take(layer, watcher))["position"] for _ in range(6)]
        assert positions == sorted(set(positions))

    @with_layer()
    async def test_what_cannot_be_shown_or_told_is_refused(self, layer: Any) -> None:
        one = await layer.new_channel()
        with refused(MessageNotPortable):
            await layer.track("room", one, {"tags": {1}})
        with refused(TypeError):
            await layer.track("no group", one)
        with refused(TypeError):
            await layer.track("room", one, key=7)
        assert await layer.presence("room") == {}

    @with_layer()
    async def test_flush_forgets_who_is_present(self, layer: Any) -> None:
        one = await layer.new_channel()
        await layer.track("room", one, ADA)
        await layer.flush()
        assert await layer.presence("room") == {}
        await layer.track("room", one, BOB)
        assert await layer.presence("room") == {one: BOB}

    async def _told(self, layer: Any, channel: str) -> tuple[str, str, Message]:
        message = await self.take(layer, channel)
        assert message["group"] == "room"
        return message["type"], message["key"], message["metadata"]


class PresentPeersContract(PeersContract):
    """What holds for presence on two layers that a server joins."""

    @with_layer()
    async def test_tabs_in_two_processes_are_one_presence(self, layer: Any) -> None:
        peer = self.make_peer(layer)
        watcher = await layer.new_channel()
        tabs = [(at, await at.new_channel()) for at in (layer, peer)]
        await layer.group_add("room", watcher)
        for at, tab in tabs:
            await at.track("room", tab, ADA, key="ada")
            assert await layer.presence("room") == await peer.presence("room") == {"ada": ADA}
        for at, tab in tabs:
            await at.untrack("room", tab)
        told = [(await self.take(layer, watcher))["type"] for _ in range(2)]
        assert told == ["presence.joined", "presence.left"]
        await self.require_empty(layer, watcher)
        assert await peer.presence("room") == {}
        await self._close_peer(layer, peer)
