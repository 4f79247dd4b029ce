from __future__ import annotations

import asyncio

import pytest

from runtime.exceptions import ChannelFull, LayerUnavailable
from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.layers import channel_layers
from runtime.layers.base import BaseChannelLayer
from runtime.testing import WebsocketCommunicator
from runtime.typing import Message
from tests.runtime.layers.faults.conftest import MakeLayer, impatient
from tests.runtime.layers.faults.playing import PATIENCE_S, Heard, Receiver, Sender, join
from tests.support.own_time import OwnTime
from tests.support.redis_server import RedisServer

RESTARTS = 20
BETWEEN = 30
"""Messages that arrive between two deaths of the server."""

BACK_WITHIN_S = 2.0


class Listener(AsyncWebsocketConsumer):
    groups = ("room",)

    async def note(self, event):
        await self.send(text_data=f"{event['sender']} {event['number']}")


async def restart(server: RedisServer) -> None:
    """Let the server die and come back, while this loop goes on."""
    await asyncio.to_thread(server.restart)


async def test_twenty_deaths_of_a_durable_server_lose_double_and_reorder_nothing(
    durable_redis_server: RedisServer, make_layer: MakeLayer
) -> None:
    url = durable_redis_server.url
    here, there, receiving = make_layer(url), make_layer(url), make_layer(url)
    members = [await join(receiving, "room"), await join(here, "room")]
    own = await receiving.new_channel()
    direct = Receiver(receiving, own)
    jobs = Heard()
    workers = [Receiver(layer, "jobs", jobs) for layer in (here, receiving)]
    to_group = [
        Sender(name, lambda message, layer=layer: layer.group_send("room", message))
        for name, layer in (("here", here), ("there", there))
    ]
    to_channel = Sender("direct", lambda message: there.send(own, message))
    to_workers = Sender("jobs", lambda message: send_when_not_full(there, "jobs", message))
    for _ in range(RESTARTS):
        await members[0].more(BETWEEN)
        await restart(durable_redis_server)
    for sender in (*to_group, to_channel, to_workers):
        await sender.stop()
    for heard in members:
        for sender in to_group:
            await heard.last_of(sender)
            assert heard.numbers[sender.name] == list(range(sender.sent))
    # All members saw the same order: the server's.
    assert members[0].order == members[1].order
    await direct.heard.last_of(to_channel)
    assert direct.heard.numbers["direct"] == list(range(to_channel.sent))
    # Each job was taken by one of the workers, and by one alone.
    await jobs.until(lambda: jobs.total >= to_workers.sent, "all jobs are taken")
    assert sorted(jobs.numbers["jobs"]) == list(range(to_workers.sent))
    for receiver in (direct, *workers):
        await receiver.stop()


async def test_consumers_outlive_twenty_deaths_of_a_server_that_forgets(
    own_redis_server: RedisServer,
    make_layer: MakeLayer,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = make_layer(own_redis_server.url, kind)
    sending = make_layer(own_redis_server.url, kind)
    monkeypatch.setattr(channel_layers, "backends", {"default": layer})
    clients = [WebsocketCommunicator(Listener.as_asgi(), "/") for _ in range(5)]
    for client in clients:
        assert await client.connect() == (True, None)
    witness = await join(sending, "room")
    sender = Sender("sender", lambda message: sending.group_send("room", message))
    for _ in range(RESTARTS):
        await witness.more(BETWEEN)
        await restart(own_redis_server)
    await witness.more(BETWEEN)
    await sender.stop()
    await sending.group_send("room", {"type": "note", "sender": "last", "number": 0})
    for client in clients:
        while await client.receive_from(timeout=PATIENCE_S) != "last 0":
            pass
        assert not client.future.done()
        await client.disconnect()
    numbers = witness.numbers["sender"]
    assert numbers == sorted(set(numbers))


async def test_memberships_are_back_two_seconds_after_an_empty_server(
    own_redis_server: RedisServer, make_layer: MakeLayer, kind: str
) -> None:
    layers = [make_layer(own_redis_server.url, kind) for _ in range(3)]
    groups = [f"room{number}" for number in range(50)]
    members = {group: [await join(layer, group) for layer in layers] for group in groups}
    outsider = make_layer(own_redis_server.url, kind)
    await asyncio.to_thread(own_redis_server.kill)
    await asyncio.to_thread(own_redis_server.start)
    own, number = OwnTime(own_redis_server.pid), 0
    while not all(heard.total for of_group in members.values() for heard in of_group):
        for group in groups:
            message = {"type": "note", "sender": "outsider", "number": number}
            await outsider.group_send(group, message)
        number += 1
        assert own.passed_s() < BACK_WITHIN_S, "some members hear nothing"


async def test_what_waits_for_a_server_is_sent_in_order_when_it_is_back(
    durable_redis_server: RedisServer, make_layer: MakeLayer, kind: str
) -> None:
    layer = make_layer(durable_redis_server.url, kind)
    heard = await join(layer, "room")
    await asyncio.to_thread(durable_redis_server.kill)
    waiting = [
        asyncio.ensure_future(
            layer.group_send("room", {"type": "note", "sender": "one", "number": number})
        )
        for number in range(100)
    ]
    await asyncio.sleep(0)
    assert not any(sent.done() for sent in waiting)
    await asyncio.to_thread(durable_redis_server.start)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*waiting)
    if kind == "streams":  # pub/sub may not have subscribed again by then
        await heard.until(lambda: heard.total == 100, "all have arrived")
        assert heard.numbers["one"] == list(range(100))


async def test_a_server_that_stays_away_is_an_error_in_time_and_no_receiver_s_death(
    own_redis_server: RedisServer, make_layer: MakeLayer, kind: str
) -> None:
    layer = make_layer(own_redis_server.url, kind)
    channel = await layer.new_channel()
    receiver = Receiver(layer, channel)
    message = {"type": "note", "sender": "one", "number": 0}
    await layer.send(channel, message)
    await receiver.heard.until(lambda: receiver.heard.total == 1, "it receives")
    await asyncio.to_thread(own_redis_server.kill)
    with impatient(layer):
        for refused in (
            layer.send("jobs", message),
            layer.group_send("room", message),
            layer.group_add("room", channel),
        ):
            async with asyncio.timeout(5):
                with pytest.raises(LayerUnavailable):
                    await refused
    assert not receiver.task.done()
    await asyncio.to_thread(own_redis_server.start)
    await send_until_heard(layer, channel, receiver.heard)
    await receiver.stop()


async def send_when_not_full(layer: BaseChannelLayer, channel: str, job: Message) -> None:
    """Return when the job was accepted; one that was refused was not, and is offered again."""
    while True:
        try:
            return await layer.send(channel, job)
        except ChannelFull:
            await asyncio.sleep(0.01)


async def send_until_heard(layer: BaseChannelLayer, channel: str, heard: Heard) -> None:
    """Return when a message to `channel` has arrived, after an outage of which nobody was told."""
    before = heard.total
    async with asyncio.timeout(PATIENCE_S):
        while heard.total == before:
            with_number = {"type": "note", "sender": "again", "number": heard.total}
            await layer.send(channel, with_number)
            await asyncio.sleep(0.01)
