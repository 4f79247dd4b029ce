import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from runtime.generic.websocket import AsyncJsonWebsocketConsumer
from runtime.layers import InMemoryChannelLayer, channel_layers
from runtime.layers.history import (
    POSITION_KEY,
    Histories,
    HistoryLog,
    Position,
    Retention,
    offset_of,
)
from runtime.layers.patterns import ByName
from runtime.testing import WebsocketCommunicator

steps = some.lists(some.sampled_from(["say", "wait", "come back"]), max_size=40)


@settings(deadline=None)
@given(steps, some.integers(1, 5))
def test_who_comes_back_has_all_or_knows_that_it_has_not(steps, most):
    """A client that comes and goes: what it has is what was said, unless it was told."""
    log, now = HistoryLog("epoch", Retention(messages=most, seconds=10), 0.0), 0.0
    said, had, last = [], [], log.position
    for step in steps:
        if step == "say":
            said.append(log.append({"n": len(said)}, now)["n"])
        elif step == "wait":
            now += 4
        else:
            replay = log.since(last, now)
            missed = [message["n"] for message in replay.messages]
            assert len(missed) <= most
            had = had + missed if replay.is_complete else said[: len(said) - len(missed)] + missed
            last = replay.position
            assert had == said


@given(some.text(max_size=5), some.integers(0, 10**18))
def test_a_position_survives_the_way_to_the_client_and_back(epoch, offset):
    position = Position(epoch, offset)
    assert Position.parse(str(position)) == (position if epoch else None)


@pytest.mark.parametrize("text", [None, 7, b"a:1", "", "a", ":1", "a:", "a:-1", "a:x", "a:²"])
def test_what_is_no_position_is_none(text):
    assert Position.parse(text) is None


def test_the_offset_of_a_message_is_that_of_its_position():
    assert offset_of({"type": "chat", POSITION_KEY: "a:b:7"}) == 7
    assert offset_of({"type": "chat"}) is None


@pytest.fixture
def histories():
    option = {"room.*": {"messages": 3, "seconds": 10}, "none": {"seconds": 0}}
    return Histories(ByName(option, Retention, "history"), iter("abcdefgh").__next__)


def test_histories_of_groups_that_are_silent_are_forgotten(histories):
    for n in range(5):
        histories.keep(f"room.{n}", {}, 0.0)
    before = histories.replay("room.0", None, 0.0).position
    histories.keep("room.9", {}, 9.0)
    assert histories.replay("room.0", before, 9.0).is_complete
    histories.keep("room.9", {}, 10.0)
    replay = histories.replay("room.0", before, 10.0)
    assert not replay.is_complete
    assert replay.position.epoch != before.epoch
    assert len(histories._logs) == 2


def test_a_group_may_keep_nothing(histories):
    assert histories.keep("none", {"n": 1}, 0.0)[POSITION_KEY] == "a:1"
    assert histories.replay("none", None, 0.0).messages == []


def test_a_group_without_history_says_how_it_gets_one(histories):
    assert not histories.has("lobby")
    with pytest.raises(ValueError, match=r"'lobby' has no history.*option `history`"):
        histories.replay("lobby", None, 0.0)


class Chat(AsyncJsonWebsocketConsumer):
    """As the documentation has it."""

    async def connect(self):
        await self.accept()
        self.offset = 0
        await self.channel_layer.group_add("room.1", self.channel_name)
        since = self.scope["path"].removeprefix("/") or None
        replay = await self.channel_layer.replay("room.1", since)
        if not replay.is_complete:
            await self.send_json({"reload": True})
        for message in replay.messages:
            await self.chat_said(message)

    async def chat_said(self, message):
        offset = offset_of(message)
        if offset > self.offset:
            self.offset = offset
            await self.send_json({"text": message["text"], "position": message[POSITION_KEY]})


async def test_a_client_that_comes_back_has_missed_nothing(monkeypatch):
    layer = InMemoryChannelLayer(history={"room.*": {"messages": 3}})
    monkeypatch.setattr(channel_layers, "backends", {"default": layer})

    async def say(*texts):
        for text in texts:
            await layer.group_send("room.1", {"type": "chat.said", "text": text})

    async def hear(path, *expected):
        client = WebsocketCommunicator(Chat.as_asgi(), path)
        assert (await client.connect())[0]
        heard = [await client.receive_json_from() for _ in expected]
        assert [message.get("text", "reload") for message in heard] == list(expected)
        await client.disconnect()
        return "/" + heard[-1]["position"]

    await say("a")
    last = await hear("/", "a")
    await say("b", "c")
    last = await hear(last, "b", "c")
    await say("d", "e", "f", "g")
    last = await hear(last, "reload", "e", "f", "g")
    await hear("/nonsense", "reload", "e", "f", "g")
