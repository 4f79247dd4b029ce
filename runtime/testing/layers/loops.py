"""The contract of a layer that views, threads and one loop after another use.

Source: API of channel layers, "Channel layer contract"; asgiref, `async_to_sync`
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from asgiref.sync import async_to_sync

from runtime.testing.layers.harness import LayerContract, with_layer

THREADS = 4
MESSAGES = 50


class LoopsContract(LayerContract):
    """What holds for one layer object, whoever uses it."""

    def test_two_loops_use_it_one_after_another(self) -> None:
        """As tests do, and management commands that call `asyncio.run()` twice."""
        layer = self.make_layer()
        for n in range(2):
            self.run(self._send_and_take(layer, n))

    def test_code_without_a_loop_sends(self) -> None:
        """As a view does that is no coroutine."""
        layer = self.make_layer()
        self.run(self._receive_while(layer, lambda channel: [_send(layer, channel)]))

    def test_threads_send_at_once_and_each_keeps_its_order(self) -> None:
        """As a pool of views does."""
        layer = self.make_layer(capacity=THREADS * MESSAGES)
        self.run(
            self._receive_while(
                layer, lambda channel: [_send(layer, channel) for _ in range(THREADS)]
            )
        )

    @with_layer()
    async def test_a_thread_joins_a_channel_to_a_group_and_sends_to_it(self, layer: Any) -> None:
        channel = await layer.new_channel()

        def work() -> None:
            async_to_sync(layer.group_add)("room", channel)
            async_to_sync(layer.group_send)("room", {"type": "chat"})
            async_to_sync(layer.group_discard)("room", channel)
            async_to_sync(layer.group_send)("room", {"type": "missed"})

        await asyncio.to_thread(work)
        assert await self.take(layer, channel) == {"type": "chat"}
        await self.require_empty(layer, channel)

    async def _send_and_take(self, layer: Any, n: int) -> None:
        try:
            channel = await layer.new_channel()
            await layer.group_add("room", channel)
            await layer.send(channel, {"type": "a", "n": n})
            await layer.group_send("room", {"type": "b", "n": n})
            assert await self.take(layer, channel) == {"type": "a", "n": n}
            assert await self.take(layer, channel) == {"type": "b", "n": n}
            await layer.group_discard("room", channel)
        finally:
            await self.close_layer(layer)

    async def _receive_while(self, layer: Any, make_senders: Any) -> None:
        try:
            channel = await layer.new_channel()
            senders: list[threading.Thread] = make_senders(channel)
            for sender in senders:
                sender.start()
            count = len(senders) * MESSAGES
            got = [await self.take(layer, channel) for _ in range(count)]
            for sender in senders:
                await asyncio.to_thread(sender.join)
        finally:
            await self.close_layer(layer)
        for sender in senders:
            mine = [message["n"] for message in got if message["sender"] == sender.name]
            assert mine == list(range(MESSAGES))


def _send(layer: Any, channel: str) -> threading.Thread:
    def work() -> None:
        name = threading.current_thread().name
        for n in range(MESSAGES):
            async_to_sync(layer.send)(channel, {"type": "a", "sender": name, "n": n})

    return threading.Thread(target=work)
