import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from runtime.exceptions import LayerUnavailable
from runtime.generic.websocket import AsyncJsonWebsocketConsumer
from runtime.layers import InMemoryChannelLayer
from runtime.layers.presence import Roster, Tracked
from runtime.layers.redis import RedisChannelLayer
from runtime.testing import WebsocketCommunicator
from tests.support.observing import observed

steps = some.lists(
    some.tuples(
        some.booleans(),
        some.sampled_from(["room", "lobby"]),
        some.sampled_from(["one", "two", "three"]),
    )
)
KEYS = {"one": "ada", "two": "ada", "three": "bob"}


@settings(deadline=None)
@given(steps)
def test_turns_tell_exactly_who_is_there(steps):
    async def follow():
        roster, present, pairs, positions = Roster(), set(), set(), []
        for is_join, group, channel in steps:
            key = KEYS[channel]
            if is_join:
                pairs.add((group, channel))
                turn = await roster.put(Tracked(group, channel, key, {}))
            else:
                pairs.discard((group, channel))
                turn = await roster.remove(group, channel)
            if turn is not None:
                assert ((turn.group, turn.key) in present) != is_join
                present ^= {(turn.group, turn.key)}
                positions.append(turn.position)
            assert present == {(group, KEYS[channel]) for group, channel in pairs}
        assert positions == sorted(set(positions))
        for group in ("room", "lobby"):
            read = {tracked.channel for tracked in await roster.read(group)}
            assert read == {channel for at_group, channel in pairs if at_group == group}

    asyncio.run(follow())


class Dying(Roster):
    """A roster of which a part ends with a lease."""

    def __init__(self):
        super().__init__()
        self.dead = []

    async def remove_dead(self):
        turns = [await self.remove(group, channel) for group, channel in self.dead]
        self.dead.clear()
        return [turn for turn in turns if turn is not None]


async def test_a_group_is_told_of_those_whose_process_has_died():
    layer, roster = InMemoryChannelLayer(), Dying()
    layer._init_presence(roster)
    await layer.group_add("room", "watcher")
    await roster.put(Tracked("room", "gone", "ada", {"name": "Ada"}))
    roster.dead.append(("room", "gone"))
    with observed() as notebook:
        await layer.tell_of_dead()
        await layer.tell_of_dead()
    message = await layer.receive("watcher")
    assert (message["type"], message["key"]) == ("presence.left", "ada")
    assert notebook.of("presence_left") == [(layer, "room", "ada", {"name": "Ada"})]


async def test_what_could_not_be_told_of_the_dead_is_told_the_next_time(monkeypatch):
    layer, roster = InMemoryChannelLayer(), Dying()
    layer._init_presence(roster)
    await layer.group_add("room", "watcher")
    await roster.put(Tracked("room", "gone", "ada", {}))
    roster.dead.append(("room", "gone"))

    async def unavailable(group, message):
        raise LayerUnavailable("server", "it is away")

    with monkeypatch.context() as outage:
        outage.setattr(layer, "group_send", unavailable)
        with pytest.raises(LayerUnavailable):
            await layer.tell_of_dead()
    await layer.tell_of_dead()
    assert (await layer.receive("watcher"))["type"] == "presence.left"
    await layer.tell_of_dead()
    assert await layer.channel_depths() == {}


async def test_who_left_during_an_outage_is_told_of_though_another_follows(redis_server):
    layer = RedisChannelLayer(hosts=[redis_server.url], prefix="untold")
    watcher, leaving = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("room", watcher)
    await layer.track("room", leaving, key="ada")
    await layer.group_discard("room", leaving)
    layer._roster._unremoved.add(("room", leaving))

    async def unavailable():
        raise LayerUnavailable("server", "it is away")

    layer._nodes.here().rosters.remove_dead = unavailable
    await layer.tell_of_dead()
    got = [(await layer.receive(watcher))["type"] for _ in range(2)]
    assert got == ["presence.joined", "presence.left"]
    await layer.close()


async def test_a_server_that_came_back_empty_gets_back_who_is_there():
    layer = InMemoryChannelLayer()
    await layer.track("room", "one", {"name": "Ada"}, key="ada")
    await layer.track("lobby", "one")
    await layer.untrack("lobby", "one")
    await layer._roster.clear()
    await layer.receive("one")
    await layer.receive("one")
    await layer.restore_presence()
    assert await layer.presence("room") == {"ada": {"name": "Ada"}}
    assert await layer.presence("lobby") == {}
    assert await layer.channel_depths() == {}


class Slow(Roster):
    """A roster whose next `put()` begins, and goes on when it is let."""

    def __init__(self):
        super().__init__()
        self.begun, self.may_go = asyncio.Event(), asyncio.Event()

    async def put(self, tracked):
        self.begun.set()
        await self.may_go.wait()
        return await super().put(tracked)


async def put_back_slowly(layer):
    """Begin to put back who is tracked; return the task, and what lets it go on."""
    slow = Slow()
    slow._groups, slow._key_of = layer._roster._groups, layer._roster._key_of
    layer._roster = slow
    restoring = asyncio.ensure_future(layer.restore_presence())
    await slow.begun.wait()
    return restoring, slow.may_go


async def test_who_leaves_while_he_is_put_back_is_gone():
    layer = InMemoryChannelLayer()
    await layer.group_add("room", "watcher")
    await layer.track("room", "one", key="ada")
    restoring, may_go = await put_back_slowly(layer)
    await layer.untrack("room", "one")
    may_go.set()
    await restoring
    assert await layer.presence("room") == {}


async def test_who_takes_another_key_while_he_is_put_back_has_that():
    layer = InMemoryChannelLayer()
    await layer.track("room", "one", key="ada")
    restoring, may_go = await put_back_slowly(layer)
    changing = asyncio.ensure_future(layer.track("room", "one", key="bob"))
    await asyncio.sleep(0)
    may_go.set()
    await asyncio.gather(restoring, changing)
    assert await layer.presence("room") == {"bob": {}}


async def test_who_is_about_to_come_is_told_of_and_not_put_back_without_a_word():
    layer = InMemoryChannelLayer()
    layer._init_presence(slow := Slow())
    await layer.group_add("room", "watcher")
    tracking = asyncio.ensure_future(layer.track("room", "one", key="ada"))
    await slow.begun.wait()
    await layer.restore_presence()
    slow.may_go.set()
    await tracking
    assert (await layer.receive("watcher"))["type"] == "presence.joined"


async def test_the_messages_have_the_types_that_a_project_gives_them():
    class Layer(InMemoryChannelLayer):
        presence_joined_type = "chat.came"
        presence_left_type = None

    layer = Layer()
    await layer.group_add("room", "watcher")
    await layer.track("room", "one")
    await layer.untrack("room", "one")
    assert (await layer.receive("watcher"))["type"] == "chat.came"
    assert await layer.channel_depths() == {"one": 1}


class Chat(AsyncJsonWebsocketConsumer):
    async def connect(self):
        user = self.scope["path"].strip("/")
        await self.accept()
        await self.channel_layer.track("room", self.channel_name, {"name": user}, key=user)

    async def presence_joined(self, event):
        await self.send_json(["joined", event["key"]])

    async def presence_left(self, event):
        await self.send_json(["left", event["key"]])


@pytest.mark.usefixtures("layer")
async def test_a_consumer_that_ends_leaves():
    ada, tab, bob = (
        WebsocketCommunicator(Chat.as_asgi(), path) for path in ("/ada", "/ada", "/bob")
    )
    for client in (ada, tab, bob):
        assert (await client.connect())[0]
    await tab.disconnect()
    await bob.disconnect()
    told = [await ada.receive_json_from() for _ in range(3)]
    assert told == [["joined", "ada"], ["joined", "bob"], ["left", "bob"]]
    assert await ada.receive_nothing()
    await ada.disconnect()
