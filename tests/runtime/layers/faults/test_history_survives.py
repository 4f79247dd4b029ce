"""Groups with history while connections are cut and servers die: the log has each message once."""

from __future__ import annotations

import asyncio

import pytest

from runtime.layers.base import BaseChannelLayer
from runtime.layers.history import offset_of
from tests.runtime.layers.faults.conftest import LAYERS, MakeLayer
from tests.runtime.layers.faults.playing import Heard, Sender, join
from tests.support.redis_server import RedisServer
from tests.support.tcp_proxy import proxied

CUTS = 10
RESTARTS = 5
BETWEEN = 30
HISTORY = {"room": {"messages": 10_000}}


def start(layers: list[BaseChannelLayer]) -> list[Sender]:
    return [
        Sender(f"sender{number}", lambda message, layer=layer: layer.group_send("room", message))
        for number, layer in enumerate(layers)
    ]


async def log_of(layer: BaseChannelLayer) -> list[tuple[str, int]]:
    """Return who has sent what, by the group's log, which must have no gap."""
    messages = (await layer.replay("room")).messages
    assert [offset_of(message) for message in messages] == list(range(1, len(messages) + 1))
    return [(message["sender"], message["number"]) for message in messages]


def require_each_once(log: list[tuple[str, int]], senders: list[Sender]) -> None:
    for sender in senders:
        numbers = [number for name, number in log if name == sender.name]
        assert numbers == list(range(sender.sent))


async def test_cut_connections_keep_and_deliver_each_message_once_and_in_the_log_s_order(
    redis_server: RedisServer, make_layer: MakeLayer, request: pytest.FixtureRequest
) -> None:
    with proxied((redis_server.host, redis_server.port)) as wire:
        url = f"redis://{wire.host}:{wire.port}/0"
        options = {"prefix": request.node.name, "history": HISTORY}
        layers = [make_layer(url, **options) for _ in range(2)]
        members = [await join(layer, "room") for layer in layers]
        senders = start(layers)
        for _ in range(CUTS):
            await members[0].more(BETWEEN)
            await asyncio.to_thread(wire.cut)
        await end(senders, members)
        log = await log_of(layers[0])
    require_each_once(log, senders)
    assert [heard.order for heard in members] == [log, log]


async def test_several_servers_with_cut_connections_keep_the_log_s_order_too(
    redis_server: RedisServer, request: pytest.FixtureRequest
) -> None:
    with proxied((redis_server.host, redis_server.port)) as wire:
        hosts = [f"redis://{wire.host}:{wire.port}/{number}" for number in range(2)]
        options = {"hosts": hosts, "prefix": request.node.name, "history": HISTORY}
        layers = [LAYERS["streams"](**options) for _ in range(3)]
        members = [await join(layer, "room") for layer in layers]
        senders = start(layers)
        for _ in range(CUTS):
            await members[0].more(BETWEEN)
            await asyncio.to_thread(wire.cut)
        await end(senders, members)
        log = await log_of(layers[0])
        for layer in layers:
            await layer.close()
    require_each_once(log, senders)
    assert [heard.order for heard in members] == [log, log, log]


async def test_a_durable_server_that_dies_keeps_each_message_once(
    durable_redis_server: RedisServer, make_layer: MakeLayer, kind: str
) -> None:
    layers = [make_layer(durable_redis_server.url, kind, history=HISTORY) for _ in range(2)]
    members = [await join(layer, "room") for layer in layers]
    senders = start(layers)
    for _ in range(RESTARTS):
        await members[0].more(BETWEEN)
        await asyncio.to_thread(durable_redis_server.restart)
    await members[0].more(BETWEEN)
    for sender in senders:
        await sender.stop()
    require_each_once(await log_of(layers[0]), senders)


async def end(senders: list[Sender], members: list[Heard]) -> None:
    for sender in senders:
        await sender.stop()
    for heard in members:
        for sender in senders:
            await heard.last_of(sender)
