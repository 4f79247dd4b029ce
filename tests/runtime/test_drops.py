import pytest

from runtime.consumer import AsyncConsumer
from runtime.drops import MOST_CLASSES, OTHERS, Drops, drops
from runtime.exceptions import ChannelFull
from runtime.layers import InMemoryChannelLayer, channel_layers
from runtime.taps import muted
from tests.support.observing import observed
from tests.support.playbook import eventually, play


async def test_a_full_channel_is_counted_and_warned_of_once(caplog):
    layer = InMemoryChannelLayer(capacity=1)
    await layer.send("jobs", {"type": "job"})
    for _ in range(3):
        with pytest.raises(ChannelFull):
            await layer.send("jobs", {"type": "job"})
    assert drops.counts == {("jobs", "capacity"): 3}
    assert len(caplog.messages) == 1
    assert "'jobs' was dropped: it holds its capacity" in caplog.text


async def test_channels_of_one_kind_are_counted_together(caplog):
    layer = InMemoryChannelLayer(capacity=0)
    for _ in range(3):
        await layer.group_add("everybody", await layer.new_channel())
    await layer.group_send("everybody", {"type": "news"})
    assert drops.counts == {("specific.inmemory!", "capacity"): 3}
    assert len(caplog.messages) == 1


async def test_an_expired_message_is_counted_and_warned_of(caplog):
    layer = InMemoryChannelLayer(expiry=0)
    await layer.send("jobs", {"type": "job"})
    await layer.send("jobs", {"type": "job"})
    assert drops.counts == {("jobs", "expired"): 1}
    assert "nobody took it within" in caplog.text


async def test_a_mailbox_that_is_full_and_a_consumer_without_a_handler_count_too(
    monkeypatch, caplog
):
    class Bot(AsyncConsumer):
        async def bot_wait(self, message):
            await self.send({"type": "bot.waiting"})
            await eventually(lambda: ("specific.inmemory!", "capacity") in drops.counts)

    layer = InMemoryChannelLayer(capacity=1)
    monkeypatch.setattr(channel_layers, "backends", {"default": layer})
    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.wait")
        await bot.expect("bot.waiting")
        (channel,) = layer._sinks
        await layer.send(channel, {"type": "bot.unknown"})
        with pytest.raises(ChannelFull):
            await layer.send(channel, {"type": "bot.unknown"})
        await eventually(lambda: ("specific.inmemory!", "no handler") in drops.counts)
    assert "holds its capacity" in caplog.text
    assert "has no handler for a message of type 'bot.unknown'" in caplog.text


def test_observers_hear_of_each_drop():
    with observed() as notebook:
        Drops().report(None, "jobs", {"type": "job"}, "capacity")
        Drops().report(None, "jobs", {"type": "job"}, "capacity", is_warned=False)
    assert notebook.of("message_dropped") == [(None, "jobs", {"type": "job"}, "capacity", None)] * 2


def test_an_observers_own_traffic_is_not_counted(caplog):
    lost = Drops()
    with muted(), observed() as notebook:
        lost.report(None, "relay", {"type": "relay"}, "capacity")
    assert not lost.counts
    assert notebook.heard == []
    assert caplog.text == ""


def test_channels_that_never_come_again_do_not_fill_the_memory():
    lost = Drops()
    for number in range(MOST_CLASSES + 10):
        lost.report(None, f"job-{number}", {"type": "job"}, "capacity")
    assert len(lost.counts) == MOST_CLASSES + 1
    assert lost.counts[(OTHERS, "capacity")] == 10
