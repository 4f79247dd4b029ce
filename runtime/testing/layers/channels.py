"""The contract of channels: names, messages, order, capacity, expiry, and who receives.

`ChannelsContract` holds for process-local channels, which every layer has;
`NamedChannelsContract` for those that workers share, on which messages wait for whoever comes.

Source: ASGI channel layer specification; API of channel layers, "Channel layer contract"
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from runtime.exceptions import ChannelFull
from runtime.testing.layers.harness import LayerContract, heard, refused, until, with_layer
from runtime.typing import Message

BAD_NAMES: tuple[Any, ...] = ("", "a b", "a" * 100, b"jobs", None, "jobs\n", "jöbs", "a!b!c", "a/b")
LONGEST_NAME = "a" * 99

VALUES: tuple[Any, ...] = (
    "text, ünïcode and \N{PERSONAL COMPUTER}",
    "",
    b"\x00\xff",
    0,
    2**63 - 1,
    -(2**63),
    1.5,
    True,
    None,
    [],
    [1, [2, ["three"]]],
    {"deep": {"er": [{"est": b"x"}]}},
    "x" * 1_000_000,
)

EXPIRY_S = 0.2
"""An `expiry` that is long to a layer, and short to wait for."""

NOT_MESSAGES: tuple[Any, ...] = ("text", None, ["type"], {"__asgi_channel__": "x"})


class ChannelsContract(LayerContract):
    """What holds for a channel that `new_channel()` has named."""

    @with_layer()
    async def test_new_channels_have_valid_names_of_their_own(self, layer: Any) -> None:
        names = [await layer.new_channel() for _ in range(50)]
        names += [await layer.new_channel("mine") for _ in range(50)]
        assert len(set(names)) == 100
        assert all(name.startswith("mine") for name in names[50:])
        assert all("!" in name for name in names), "a channel of one process has a '!'"
        for name in names:
            await layer.send(name, {"type": "a"})

    @with_layer()
    async def test_what_is_no_channel_name_is_refused(self, layer: Any) -> None:
        for name in BAD_NAMES:
            with refused(TypeError):
                await layer.send(name, {"type": "a"})
            with refused(TypeError):
                await self.take(layer, name)

    @with_layer()
    async def test_what_is_no_message_is_refused(self, layer: Any) -> None:
        channel = await layer.new_channel()
        for message in NOT_MESSAGES:
            with refused(TypeError, ValueError, AssertionError):
                await layer.send(channel, message)
        await self.require_empty(layer, channel)

    @with_layer()
    async def test_a_message_is_received_as_it_was_sent(self, layer: Any) -> None:
        channel = await layer.new_channel()
        for value in VALUES:
            message = {"type": "a.b", "value": value}
            await layer.send(channel, message)
            got = await self.take(layer, channel)
            assert got == message
            assert type(got["value"]) is type(value)

    @with_layer()
    async def test_what_a_sender_changes_later_is_not_received(self, layer: Any) -> None:
        channel = await layer.new_channel()
        message: dict[str, Any] = {"type": "a", "list": [1]}
        await layer.send(channel, message)
        message["list"].append(2)
        message["more"] = True
        assert await self.take(layer, channel) == {"type": "a", "list": [1]}

    @with_layer()
    async def test_messages_of_a_channel_keep_their_order(self, layer: Any) -> None:
        channel = await layer.new_channel()
        for n in range(50):
            await layer.send(channel, {"type": "a", "n": n})
        assert await self.take_numbers(layer, channel, 50) == list(range(50))

    @with_layer()
    async def test_channels_do_not_get_each_others_messages(self, layer: Any) -> None:
        channels = [await layer.new_channel() for _ in range(20)]
        receiving = [asyncio.ensure_future(self.take(layer, channel)) for channel in channels]
        for n, channel in enumerate(channels):
            await layer.send(channel, {"type": "a", "n": n})
        got = await asyncio.gather(*receiving)
        assert [message["n"] for message in got] == list(range(20))

    @with_layer(capacity=3)
    async def test_a_channel_holds_its_capacity_and_not_more(self, layer: Any) -> None:
        channel = await layer.new_channel()
        for n in range(5):
            with suppress(ChannelFull):  # a sender in another process cannot be told
                await layer.send(channel, {"type": "a", "n": n})
        assert await self.take_numbers(layer, channel, 3) == [0, 1, 2]
        await self.require_empty(layer, channel)

    @with_layer()
    async def test_a_receiver_that_waits_gets_what_is_sent_later(self, layer: Any) -> None:
        channel = await layer.new_channel()
        receiving = asyncio.ensure_future(self.take(layer, channel))
        await _settle()
        await layer.send(channel, {"type": "a"})
        assert await receiving == {"type": "a"}

    @with_layer()
    async def test_a_receiver_that_gave_up_has_taken_nothing(self, layer: Any) -> None:
        channel = await layer.new_channel()
        for n in range(5):
            with refused(TimeoutError):
                async with asyncio.timeout(0.01):
                    await layer.receive(channel)
            await layer.send(channel, {"type": "a", "n": n})
            assert await self.take_numbers(layer, channel, 1) == [n]

    @with_layer()
    async def test_a_message_is_not_lost_with_a_receiver_that_is_cancelled(
        self, layer: Any
    ) -> None:
        channel = await layer.new_channel()
        for n in range(20):
            receiving = asyncio.ensure_future(layer.receive(channel))
            await _settle()
            await layer.send(channel, {"type": "a", "n": n})
            for _ in range(n):  # the more turns, the nearer the message is to the receiver
                await asyncio.sleep(0)
            receiving.cancel()
            await asyncio.wait({receiving})
            if receiving.cancelled():
                assert await self.take_numbers(layer, channel, 1) == [n]
            else:
                assert receiving.result()["n"] == n

    @with_layer()
    async def test_receivers_of_one_channel_get_a_message_each(self, layer: Any) -> None:
        await self._share(layer, await layer.new_channel())

    async def _share(self, layer: Any, channel: str) -> None:
        receiving = [asyncio.ensure_future(self.take(layer, channel)) for _ in range(5)]
        await _settle()
        for n in range(5):
            await layer.send(channel, {"type": "a", "n": n})
        got = await asyncio.gather(*receiving)
        assert sorted(message["n"] for message in got) == list(range(5))


class NamedChannelsContract(LayerContract):
    """What holds for a channel with a name of one's own: jobs wait there for workers."""

    @with_layer()
    async def test_a_message_waits_for_who_comes_later(self, layer: Any) -> None:
        for n in range(10):
            await layer.send("jobs", {"type": "job", "n": n})
        await layer.send(LONGEST_NAME, {"type": "job", "n": 99})
        assert await self.take_numbers(layer, "jobs", 10) == list(range(10))
        assert await self.take_numbers(layer, LONGEST_NAME, 1) == [99]

    @with_layer()
    async def test_workers_share_a_channel(self, layer: Any) -> None:
        receiving = [asyncio.ensure_future(self.take(layer, "jobs")) for _ in range(5)]
        await _settle()
        for n in range(5):
            await layer.send("jobs", {"type": "job", "n": n})
        got = await asyncio.gather(*receiving)
        assert sorted(message["n"] for message in got) == list(range(5))

    @with_layer(capacity=3)
    async def test_a_full_channel_refuses_until_something_is_taken(self, layer: Any) -> None:
        for n in range(3):
            await layer.send("jobs", {"type": "job", "n": n})
        with refused(ChannelFull):
            await layer.send("jobs", {"type": "job"})
        assert await self.take_numbers(layer, "jobs", 1) == [0]
        await self._send_soon(layer, "jobs", {"type": "job", "n": 3})
        assert await self.take_numbers(layer, "jobs", 3) == [1, 2, 3]

    @with_layer(capacity=1)
    async def test_a_message_that_was_refused_is_an_effect_of_its_sending(self, layer: Any) -> None:
        await layer.send("jobs", {"type": "job"})
        with heard() as observer, refused(ChannelFull):
            await layer.send("jobs", {"type": "job"})
        (dropped,) = observer.of("message_dropped")
        assert dropped[3:] == ("capacity", ("trace", "entry:1"))

    @with_layer(capacity=1)
    async def test_observers_hear_how_long_a_send_took_though_it_failed(self, layer: Any) -> None:
        with heard() as observer:
            await layer.send("jobs", {"type": "job"})
            with refused(ChannelFull):
                await layer.send("jobs", {"type": "job"})
        assert (
            observer.hooks("message_sent", "send_finished")
            == [
                "message_sent",
                "send_finished",
            ]
            * 2
        )
        for sent, finished in zip(
            observer.of("message_sent"), observer.of("send_finished"), strict=True
        ):
            assert finished[2] is sent[3]
            assert finished[3] == ("trace", "entry:1")
            assert 0.0 <= finished[4] < 6 * self.patience_s

    @with_layer(capacity=1, channel_capacity={"big": 2, "big.*": 3})
    async def test_channels_have_capacities_of_their_own(self, layer: Any) -> None:
        for channel, capacity in {"small": 1, "big": 2, "big.one": 3}.items():
            for _ in range(capacity):
                await layer.send(channel, {"type": "job"})
            with refused(ChannelFull):
                await layer.send(channel, {"type": "job"})

    @with_layer(expiry=EXPIRY_S)
    async def test_a_message_that_nobody_took_expires(self, layer: Any) -> None:
        with heard() as observer:
            await layer.send("jobs", {"type": "job"})
            await asyncio.sleep(2 * EXPIRY_S)  # that time passes is the thing to wait for
            await self.require_empty(layer, "jobs")
        drops = [drop[1:] for drop in observer.of("message_dropped")]
        assert drops[:1] == [("jobs", {"type": "job"}, "expired", ("trace", "entry:1"))]

    @with_layer(expiry=EXPIRY_S)
    async def test_each_message_that_has_expired_is_reported(self, layer: Any) -> None:
        with heard() as observer:
            for n in range(2):
                await layer.send("jobs", {"type": "job", "n": n})
            await asyncio.sleep(2 * EXPIRY_S)  # that time passes is the thing to wait for
            await self.require_empty(layer, "jobs")
        lost = [(drop[2].get("n"), drop[3]) for drop in observer.of("message_dropped")]
        assert lost[:2] == [(0, "expired"), (1, "expired")]

    @with_layer(expiry=EXPIRY_S)
    async def test_a_message_is_reported_when_nobody_comes_there_again(self, layer: Any) -> None:
        with heard() as observer:
            await layer.send("jobs", {"type": "job"})
            await layer.send("mail", {"type": "mail"})
            await until(lambda: len(observer.of("message_dropped")) >= 2, self.patience_s)
        assert sorted(drop[1:] for drop in observer.of("message_dropped")) == [
            ("jobs", {"type": "job"}, "expired", ("trace", "entry:1")),
            ("mail", {"type": "mail"}, "expired", ("trace", "entry:1")),
        ]

    @with_layer()
    async def test_a_worker_that_was_cancelled_has_taken_nothing(self, layer: Any) -> None:
        for n in range(10):
            cancelled = asyncio.ensure_future(layer.receive("jobs"))
            waiting = asyncio.ensure_future(self.take(layer, "jobs"))
            await _settle()
            await layer.send("jobs", {"type": "job", "n": n})
            cancelled.cancel()
            await asyncio.wait({cancelled})
            if cancelled.cancelled():
                assert (await waiting)["n"] == n
            else:
                waiting.cancel()
                await asyncio.wait({waiting})
                assert cancelled.result()["n"] == n

    @with_layer()
    async def test_observers_hear_of_a_message_and_of_its_cause(self, layer: Any) -> None:
        with heard() as observer:
            await layer.send("jobs", {"type": "job"})
            await self.take(layer, "jobs")
            await until(lambda: bool(observer.of("message_delivered")), self.patience_s)
        (sent,), (delivered,) = observer.of("message_sent"), observer.of("message_delivered")
        assert sent[1:] == (layer, "jobs", {"type": "job"})
        assert delivered[1:] == ("jobs", {"type": "job"}, ("trace", "entry:1"))

    async def _send_soon(self, layer: Any, channel: str, message: Message) -> None:
        """Send, again and again while the channel is full: a server may learn later of a taking."""
        async with asyncio.timeout(self.patience_s):
            while True:
                with suppress(ChannelFull):
                    await layer.send(channel, message)
                    return
                await asyncio.sleep(0.001)


async def _settle() -> None:
    """Let what was begun come to where it waits; correct without, and a better test with."""
    for _ in range(5):
        await asyncio.sleep(0)
