"""Who is present, when processes and servers die."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runtime.exceptions import LayerUnavailable
from runtime.layers.presence import Tracked
from tests.runtime.layers.faults.conftest import MakeLayer, impatient, path_of
from tests.runtime.layers.faults.playing import PATIENCE_S
from tests.support.layer_player import playing
from tests.support.playbook import eventually
from tests.support.redis_server import RedisServer
from tests.support.tcp_proxy import proxied

LEASE_S = 1.2


class Told:
    """What a member of a group is told of comings and goings."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def sink(self, message: dict[str, Any], cause: object) -> bool:
        self._told.put_nowait((message["type"], message["key"]))
        return True

    async def next(self) -> tuple[str, str]:
        async with asyncio.timeout(PATIENCE_S):
            return await self._told.get()

    async def next_of(self, key: str) -> str:
        """Return what is told of `key` next, whatever is told of others."""
        async with asyncio.timeout(PATIENCE_S):
            while (told := await self._told.get())[1] != key:
                pass
            return told[0]


async def watch(layer: Any) -> tuple[Told, str]:
    """Become present in the group, under the key of the watcher."""
    told, channel = Told(), await layer.new_channel()
    layer.attach(channel, told.sink)
    await layer.track("room", channel, {"name": "Watcher"}, key="watcher")
    assert await told.next() == ("presence.joined", "watcher")
    return told, channel


async def test_who_was_in_a_dead_process_leaves_once_when_its_lease_ends(
    redis_server: RedisServer, kind: str, make_layer: MakeLayer, request: Any
) -> None:
    config = {"prefix": request.node.name, "lease": LEASE_S}
    layer = make_layer(redis_server.url, kind, **config)
    told, _ = await watch(layer)
    hosts = {"hosts": [redis_server.url], **config}
    async with playing(path_of(kind), "room", "dying", members=2, **hosts) as dying:
        for channel in dying.channels:  # two tabs
            await layer.track("room", channel, {"name": "Ada"}, key="ada")
        assert await told.next() == ("presence.joined", "ada")
        assert list(await layer.presence("room")) == ["watcher", "ada"]
        await dying.kill()
    assert await told.next() == ("presence.left", "ada")
    assert await layer.presence("room") == {"watcher": {"name": "Watcher"}}


async def test_who_was_silent_beyond_the_lease_and_lives_is_present_again(
    redis_server: RedisServer, kind: str, make_layer: MakeLayer, request: Any
) -> None:
    config = {"prefix": request.node.name, "lease": LEASE_S}
    layer = make_layer(redis_server.url, kind, **config)
    told, _ = await watch(layer)
    silent = make_layer(redis_server.url, kind, **config)
    channel = await silent.new_channel()
    await silent.track("room", channel, {"name": "Ada"}, key="ada")
    assert await told.next_of("ada") == "presence.joined"
    node = silent._nodes.here()
    node._stop_beating()  # as a process that is stopped, or hangs
    assert await told.next_of("ada") == "presence.left"
    node._beat_once()
    node._stop_beating()
    assert await told.next_of("ada") == "presence.joined"
    # One that had looked for the dead before that comes late.
    rosters = layer._nodes.here().rosters
    await layer._tell_left(await rosters.remove("room", channel, node.id))
    assert await told.next_of("ada") == "presence.left"
    node._beat_once()
    assert await told.next_of("ada") == "presence.joined"
    assert "ada" in await silent.presence("room")


async def test_who_is_present_is_so_after_a_server_that_came_back_empty(
    own_redis_server: RedisServer, kind: str, make_layer: MakeLayer
) -> None:
    layer = make_layer(own_redis_server.url, kind, lease=LEASE_S)
    told, _ = await watch(layer)
    own_redis_server.kill()
    own_redis_server.start()
    async with asyncio.timeout(2):
        while await layer.presence("room") != {"watcher": {"name": "Watcher"}}:
            await asyncio.sleep(0.01)
    # Nobody has come or gone, and nobody is told so.
    other = await layer.new_channel()
    await layer.track("room", other, key="other")
    assert await told.next() == ("presence.joined", "other")


async def test_who_leaves_during_an_outage_is_taken_off_after_it(
    redis_server: RedisServer, kind: str, make_layer: MakeLayer, request: Any
) -> None:
    with proxied((redis_server.host, redis_server.port)) as proxy:
        options = {"prefix": request.node.name, "lease": LEASE_S}
        layer = make_layer(f"redis://{proxy.host}:{proxy.port}/0", kind, **options)
        told, _ = await watch(layer)
        leaving = await layer.new_channel()
        await layer.track("room", leaving, key="leaving")
        assert await told.next() == ("presence.joined", "leaving")
        proxy.refuse()
        with impatient(layer):
            await layer.release_channel(leaving)  # no error: the consumer ends well
        proxy.heal()
        assert await told.next() == ("presence.left", "leaving")
        assert list(await layer.presence("room")) == ["watcher"]
        await layer.close()


@pytest.mark.parametrize("history", [{}, {"history": ["room"]}], ids=["not-kept", "kept"])
async def test_who_died_leaves_once_though_the_server_went_before_it_could_say_so(
    redis_server: RedisServer,
    kind: str,
    make_layer: MakeLayer,
    history: dict[str, Any],
    request: Any,
) -> None:
    options = {"prefix": request.node.name, **history}
    layer = make_layer(redis_server.url, kind, **options)
    told, _ = await watch(layer)
    await layer._roster.put(Tracked("room", "specific.0123456789ab!dead", "ada", {}))
    with proxied((redis_server.host, redis_server.port)) as proxy:
        teller = make_layer(f"redis://{proxy.host}:{proxy.port}/0", kind, **options)
        (link,) = teller._nodes.here().servers.links
        await link.call("PING")
        sending = teller._group_send

        async def send_and_lose_the_answer(*arguments: Any) -> None:
            await eventually(lambda: link.is_idle)  # the next answer is to this
            teller._group_send, link.take = sending, lose
            await sending(*arguments)

        def lose(data: bytes) -> None:
            del link.take
            proxy.refuse()

        teller._group_send = send_and_lose_the_answer
        with impatient(teller, timeout_s=1), pytest.raises(LayerUnavailable):
            await teller.tell_of_dead()
        proxy.heal()
        await teller.tell_of_dead()
        await teller.close()
    assert await told.next() == ("presence.left", "ada")
    other = await layer.new_channel()
    await layer.track("room", other, key="other")
    assert await told.next() == ("presence.joined", "other")


@pytest.mark.parametrize("owner", [None, "0123456789ab"], ids=["of-ours", "of-the-dead"])
async def test_who_left_is_told_of_though_the_server_went_before_it_could_say_that_it_knew(
    redis_server: RedisServer, kind: str, make_layer: MakeLayer, owner: str | None, request: Any
) -> None:
    layer = make_layer(redis_server.url, kind, prefix=request.node.name)
    told, _ = await watch(layer)
    await layer._roster.put(Tracked("room", "specific.0123456789ab!left", "ada", {}))
    with proxied((redis_server.host, redis_server.port)) as proxy:
        url = f"redis://{proxy.host}:{proxy.port}/0"
        teller = make_layer(url, kind, prefix=request.node.name)
        node = teller._nodes.here()
        (link,) = node.servers.links
        await link.call("PING")

        def lose(data: bytes) -> None:
            del link.take
            proxy.refuse()

        link.take = lose
        with impatient(teller), pytest.raises(LayerUnavailable):
            await node.rosters.remove("room", "specific.0123456789ab!left", owner)
        proxy.heal()
        if owner is None:
            teller._roster._unremoved.add(("room", "specific.0123456789ab!left"))
        await teller.tell_of_dead()
        await teller.close()
    assert await told.next() == ("presence.left", "ada")
    assert list(await layer.presence("room")) == ["watcher"]


async def test_who_comes_back_after_an_outage_in_which_he_left_stays(
    redis_server: RedisServer, kind: str, make_layer: MakeLayer, request: Any
) -> None:
    with proxied((redis_server.host, redis_server.port)) as proxy:
        url = f"redis://{proxy.host}:{proxy.port}/0"
        layer = make_layer(url, kind, prefix=request.node.name)
        _, channel = await watch(layer)
        proxy.refuse()
        with impatient(layer):
            assert await layer._roster.remove("room", channel) is None
        proxy.heal()
        await layer.track("room", channel, {"name": "Watcher"}, key="watcher")
        await layer.tell_of_dead()
        assert list(await layer.presence("room")) == ["watcher"]
        await layer.close()
