from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.runtime.layers.faults.conftest import MakeLayer
from tests.runtime.layers.faults.playing import PATIENCE_S, Receiver, Sender, join
from tests.support.redis_server import RedisServer
from tests.support.tcp_proxy import TcpProxy, proxied

CUTS = 20
BETWEEN = 30


@pytest.fixture
def wire(redis_server: RedisServer) -> Iterator[TcpProxy]:
    with proxied((redis_server.host, redis_server.port)) as proxy:
        yield proxy


def url_of(wire: TcpProxy) -> str:
    return f"redis://{wire.host}:{wire.port}/0"


async def test_twenty_cuts_of_all_connections_lose_double_and_reorder_nothing(
    wire: TcpProxy, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    prefix = request.node.name
    layers = [make_layer(url_of(wire), prefix=prefix) for _ in range(2)]
    members = [await join(layer, "room") for layer in layers]
    senders = [
        Sender(name, lambda message, layer=layer: layer.group_send("room", message))
        for name, layer in zip(("one", "two"), layers, strict=True)
    ]
    for _ in range(CUTS):
        await members[0].more(BETWEEN)
        await asyncio.to_thread(wire.cut)
    for sender in senders:
        await sender.stop()
    for heard in members:
        for sender in senders:
            await heard.last_of(sender)
            assert heard.numbers[sender.name] == list(range(sender.sent))


async def test_a_stalled_connection_delays_what_it_carries_and_loses_none_of_it(
    wire: TcpProxy, make_layer: MakeLayer, kind: str, request: pytest.FixtureRequest
) -> None:
    layer = make_layer(url_of(wire), kind, prefix=request.node.name)
    heard = await join(layer, "room")
    sender = Sender("one", lambda message: layer.group_send("room", message))
    for _ in range(5):
        await heard.more(BETWEEN)
        await asyncio.to_thread(wire.stall)
        before = heard.total
        await asyncio.sleep(0.02)  # the loop goes on: nothing here waits for the wire
        assert heard.total <= before + 1
        await asyncio.to_thread(wire.heal)
    await sender.stop()
    await heard.last_of(sender)
    assert heard.numbers["one"] == list(range(sender.sent))


async def test_a_server_that_vanished_without_a_word_is_noticed_and_found_again(
    redis_server: RedisServer, wire: TcpProxy, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    # A wire that swallows everything sends no reset: only the lease's beat can notice it.
    prefix = request.node.name
    cut_off = make_layer(url_of(wire), prefix=prefix, lease=6, timeout=1)
    well = make_layer(redis_server.url, prefix=prefix)
    heard = await join(cut_off, "room")
    channel = await cut_off.new_channel()
    receiver = Receiver(cut_off, channel)
    await well.group_send("room", {"type": "note", "sender": "well", "number": 0})
    await heard.until(lambda: heard.total == 1, "it hears before")
    await asyncio.to_thread(wire.silence)
    await asyncio.to_thread(wire.heal)
    for number in range(1, 50):
        await well.group_send("room", {"type": "note", "sender": "well", "number": number})
        await well.send(channel, {"type": "note", "sender": "well", "number": number})
    await heard.until(lambda: heard.total == 50, "it hears what was sent meanwhile")
    assert heard.numbers["well"] == list(range(50))
    await receiver.heard.until(lambda: receiver.heard.total == 49, "its receiver does too")
    assert receiver.heard.numbers["well"] == list(range(1, 50))
    await receiver.stop()


async def test_a_call_that_is_cancelled_during_an_outage_harms_no_other(
    wire: TcpProxy, make_layer: MakeLayer, kind: str, request: pytest.FixtureRequest
) -> None:
    layer = make_layer(url_of(wire), kind, prefix=request.node.name)
    heard = await join(layer, "room")
    await asyncio.to_thread(wire.stall)
    sends = [
        asyncio.ensure_future(
            layer.group_send("room", {"type": "note", "sender": "one", "number": number})
        )
        for number in range(10)
    ]
    await asyncio.sleep(0)
    for cancelled in sends[::2]:
        cancelled.cancel()
    await asyncio.to_thread(wire.heal)
    async with asyncio.timeout(PATIENCE_S):
        outcomes = await asyncio.gather(*sends, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[::2]] == [asyncio.CancelledError] * 5
    assert outcomes[1::2] == [None] * 5
    await heard.until(lambda: 9 in heard.numbers["one"], "the last arrives")
    # What was cancelled may have been sent already; the others have to arrive, in order.
    assert [number for number in heard.numbers["one"] if number % 2] == [1, 3, 5, 7, 9]


async def test_a_layer_that_may_have_missed_something_says_so(
    wire: TcpProxy, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    told: list[str] = []
    hooks = {
        "on_disconnect": lambda: told.append("gone"),
        "on_reconnect": lambda: told.append("back"),
    }
    layer = make_layer(url_of(wire), "pubsub", prefix=request.node.name, **hooks)
    heard = await join(layer, "room")
    await layer.group_send("room", {"type": "note", "sender": "one", "number": 0})
    await heard.until(lambda: heard.total == 1, "it hears before")
    told.clear()
    await asyncio.to_thread(wire.cut)
    async with asyncio.timeout(PATIENCE_S):
        while heard.total == 1:
            await layer.group_send("room", {"type": "note", "sender": "one", "number": 1})
            await asyncio.sleep(0.01)
    assert "gone" in told
    assert told[-1] == "back"
    assert told.count("gone") == told.count("back")
