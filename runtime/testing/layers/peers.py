"""The contract of a layer between processes, with a second layer object in the place of one.

Source: API of channel layers, "Channel layer contract"
"""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.testing.layers.harness import LayerContract, with_layer


class PeersContract(LayerContract):
    """What holds for two layers that a server joins."""

    def make_peer(self, layer: Any) -> Any:
        """Return another layer as a second process of the project would make it."""
        raise NotImplementedError(f"{type(self).__name__} must implement make_peer()")

    @with_layer()
    async def test_a_message_crosses_to_the_channel_of_a_peer(self, layer: Any) -> None:
        peer = self.make_peer(layer)
        channel = await layer.new_channel()
        for n in range(50):
            await peer.send(channel, {"type": "a", "n": n, "bytes": b"\x00\xff"})
        assert await self.take_numbers(layer, channel, 50) == list(range(50))
        await self._close_peer(layer, peer)

    @with_layer()
    async def test_members_of_all_peers_get_a_group_message(self, layer: Any) -> None:
        peer = self.make_peer(layer)
        members = [(at, await at.new_channel()) for at in (layer, peer, layer, peer)]
        for at, channel in members:
            await at.group_add("room", channel)
        for n, sender in enumerate((layer, peer)):
            await sender.group_send("room", {"type": "chat", "n": n})
            for at, channel in members:
                assert await self.take_numbers(at, channel, 1) == [n]
        for at, channel in members:
            await at.group_discard("room", channel)
        await layer.group_send("room", {"type": "chat"})
        for at, channel in members:
            await self.require_empty(at, channel)
        await self._close_peer(layer, peer)

    @with_layer()
    async def test_all_members_see_one_order(self, layer: Any) -> None:
        peer = self.make_peer(layer)
        members = [(at, await at.new_channel()) for at in (layer, peer)]
        for at, channel in members:
            await at.group_add("room", channel)
        await asyncio.gather(
            *(
                sender.group_send("room", {"type": "chat", "n": n})
                for n in range(25)
                for sender in (layer, peer)
            )
        )
        orders = [await self.take_numbers(at, channel, 50) for at, channel in members]
        assert orders[0] == orders[1]
        await self._close_peer(layer, peer)

    @with_layer()
    async def test_a_peer_joins_and_removes_somebody_elses_channel(self, layer: Any) -> None:
        """As a view does, with the channel name that a consumer has stored."""
        peer = self.make_peer(layer)
        channel = await layer.new_channel()
        await peer.group_add("room", channel)
        await peer.group_send("room", {"type": "chat"})
        assert await self.take(layer, channel) == {"type": "chat"}
        await peer.group_discard("room", channel)
        await layer.group_send("room", {"type": "missed"})
        await self.require_empty(layer, channel)
        await self._close_peer(layer, peer)

    @with_layer()
    async def test_workers_of_all_peers_share_a_named_channel(self, layer: Any) -> None:
        peer = self.make_peer(layer)
        receiving = [
            asyncio.ensure_future(self.take(at, "jobs")) for at in (layer, peer) for _ in range(3)
        ]
        for n in range(6):
            await (layer, peer)[n % 2].send("jobs", {"type": "job", "n": n})
        got = await asyncio.gather(*receiving)
        assert sorted(message["n"] for message in got) == list(range(6))
        await self._close_peer(layer, peer)

    async def _close_peer(self, layer: Any, peer: Any) -> None:
        if peer is not layer:
            await self.close_layer(peer)
