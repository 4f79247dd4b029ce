import asyncio
import threading
import time

import pytest
from asgiref.sync import async_to_sync

from runtime.exceptions import ChannelFull
from runtime.layers import InMemoryChannelLayer
from runtime.layers.memory import SWEEP_AT, Groups
from tests.support.observing import Notebook, observed
from tests.support.playbook import eventually


@pytest.fixture
def layer():
    return InMemoryChannelLayer(capacity=3)


async def take(layer, channel):
    async with asyncio.timeout(30):
        return await layer.receive(channel)


async def is_empty(layer, channel):
    """Return whether nothing waits: another message that is sent now comes first."""
    await layer.send(channel, {"type": "probe"})
    return (await take(layer, channel))["type"] == "probe"


async def test_a_message_is_received_as_it_was_sent(layer):
    message = {"type": "job", "n": 1, "nested": {"list": [1, 2.5, None, True, b"x"]}}
    await layer.send("jobs", message)
    assert await take(layer, "jobs") == message


async def test_messages_of_a_channel_keep_their_order(layer):
    for n in range(3):
        await layer.send("jobs", {"type": "job", "n": n})
    assert [(await take(layer, "jobs"))["n"] for _ in range(3)] == [0, 1, 2]


async def test_a_full_channel_refuses_and_says_which_and_how_full(layer):
    for _ in range(3):
        await layer.send("jobs", {"type": "job"})
    with pytest.raises(ChannelFull, match="'jobs' holds its capacity of 3"):
        await layer.send("jobs", {"type": "job"})


async def test_a_full_channel_has_room_as_soon_as_something_is_taken(layer):
    for _ in range(3):
        await layer.send("jobs", {"type": "job"})
    await take(layer, "jobs")
    await layer.send("jobs", {"type": "job"})


async def test_a_channel_can_have_a_capacity_of_its_own():
    layer = InMemoryChannelLayer(capacity=1, channel_capacity={"jobs.*": 2})
    await layer.send("jobs.big", {"type": "job"})
    await layer.send("jobs.big", {"type": "job"})
    await layer.send("mail", {"type": "job"})
    with pytest.raises(ChannelFull):
        await layer.send("mail", {"type": "job"})


async def test_receivers_of_one_channel_take_turns(layer):
    receiving = [asyncio.ensure_future(take(layer, "jobs")) for _ in range(3)]
    await eventually(lambda: "jobs" in layer.channels)
    for n in range(3):
        await layer.send("jobs", {"type": "job", "n": n})
    assert [message["n"] for message in await asyncio.gather(*receiving)] == [0, 1, 2]


async def test_a_cancelled_receiver_takes_nothing(layer):
    cancelled = asyncio.ensure_future(layer.receive("jobs"))
    waiting = asyncio.ensure_future(take(layer, "jobs"))
    await eventually(lambda: "jobs" in layer.channels)
    await layer.send("jobs", {"type": "job"})
    cancelled.cancel()
    assert await waiting == {"type": "job"}


async def test_a_message_that_nobody_took_expires():
    layer = InMemoryChannelLayer(expiry=0)
    with observed() as notebook:
        await layer.send("jobs", {"type": "job", "n": 1})
        await layer.send("jobs", {"type": "job", "n": 2})
        assert len(layer.channels["jobs"]) == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await layer.receive("mail")
    assert [drop[1:4] for drop in notebook.of("message_dropped")] == [
        ("jobs", {"type": "job", "n": 1}, "expired"),
        ("jobs", {"type": "job", "n": 2}, "expired"),
    ]
    assert layer.channels == {}


async def test_channels_that_nobody_receives_from_do_not_pile_up():
    layer = InMemoryChannelLayer(expiry=0)
    for n in range(10 * SWEEP_AT):
        await layer.send(f"reply.{n}", {"type": "reply"})
    assert len(layer.channels) <= SWEEP_AT + 1


async def test_a_consumers_channel_is_among_the_channels_as_long_as_it_is_attached(layer):
    await layer.send("mine", {"type": "early"})
    got = []
    layer.attach("mine", lambda message, cause: got.append(message["type"]) is None)
    assert list(layer.channels) == ["mine"]
    await layer.flush()
    await layer.send("mine", {"type": "late"})
    assert list(layer.channels) == ["mine"]
    assert got == ["early", "late"]
    await layer.release_channel("mine")
    assert layer.channels == {}


async def test_channels_on_which_nothing_waits_are_forgotten(layer):
    await layer.send("jobs", {"type": "job"})
    await take(layer, "jobs")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await layer.receive("jobs")
    assert layer.channels == {}


async def test_a_message_from_another_thread_wakes_the_receiver(layer):
    receiving = asyncio.ensure_future(take(layer, "jobs"))
    await eventually(lambda: "jobs" in layer.channels)
    thread = threading.Thread(target=async_to_sync(layer.send), args=("jobs", {"type": "job"}))
    thread.start()
    assert await receiving == {"type": "job"}
    thread.join()


async def test_threads_that_send_at_once_lose_nothing():
    layer = InMemoryChannelLayer(capacity=10_000)
    send = async_to_sync(layer.send)

    def send_many(sender):
        for n in range(100):
            send("jobs", {"type": "job", "sender": sender, "n": n})

    threads = [threading.Thread(target=send_many, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    received = [await take(layer, "jobs") for _ in range(400)]
    for thread in threads:
        thread.join()
    for sender in range(4):
        assert [m["n"] for m in received if m["sender"] == sender] == list(range(100))


async def test_a_group_message_reaches_its_members_and_nobody_else(layer):
    await layer.group_add("room", "one")
    await layer.group_add("room", "two")
    await layer.group_add("other", "three")
    await layer.group_send("room", {"type": "chat"})
    assert await take(layer, "one") == {"type": "chat"}
    assert await take(layer, "two") == {"type": "chat"}
    assert await is_empty(layer, "three")


async def test_one_who_left_gets_nothing_and_empty_groups_are_forgotten(layer):
    await layer.group_add("room", "one")
    await layer.group_discard("room", "one")
    await layer.group_discard("room", "one")
    await layer.group_send("room", {"type": "chat"})
    assert layer.groups == {}
    assert await is_empty(layer, "one")


async def test_a_full_member_misses_a_group_message_and_the_others_do_not(layer):
    await layer.group_add("room", "full")
    await layer.group_add("room", "free")
    for _ in range(3):
        await layer.send("full", {"type": "noise"})
    with observed() as notebook:
        await layer.group_send("room", {"type": "chat"})
    assert await take(layer, "free") == {"type": "chat"}
    assert notebook.of("message_dropped")[0][1:4] == ("full", {"type": "chat"}, "capacity")


@pytest.mark.parametrize("value", [{"list": [1]}, "flat", {"deep": {"er": [{}]}}])
async def test_what_one_receiver_changes_no_other_sees(layer, value):
    await layer.group_add("room", "one")
    await layer.group_add("room", "two")
    sent = {"type": "chat", "value": value}
    await layer.group_send("room", sent)
    first = await take(layer, "one")
    first["mine"] = True
    if isinstance(first["value"], dict):
        first["value"].clear()
    assert await take(layer, "two") == {"type": "chat", "value": value}
    assert sent == {"type": "chat", "value": value}


async def test_members_that_joined_too_long_ago_leave():
    layer = InMemoryChannelLayer(group_expiry=0)
    await layer.group_add("room", "one")
    await layer.group_send("room", {"type": "chat"})
    assert layer.groups == {}


async def test_an_attached_channel_stays_in_its_groups_however_old():
    layer = InMemoryChannelLayer(group_expiry=0)
    taken = []
    layer.attach("one", lambda message, cause: taken.append(message) or True)
    await layer.group_add("room", "one")
    await layer.group_send("room", {"type": "chat"})
    assert taken == [{"type": "chat"}]


async def test_what_waited_is_handed_to_the_sink_that_attaches(layer):
    await layer.send("one", {"type": "early"})
    taken = []
    layer.attach("one", lambda message, cause: taken.append(message) or True)
    await layer.send("one", {"type": "late"})
    assert [message["type"] for message in taken] == ["early", "late"]


async def test_a_full_sink_is_a_full_channel(layer):
    layer.attach("one", lambda message, cause: False)
    with pytest.raises(ChannelFull):
        await layer.send("one", {"type": "chat"})


async def test_an_attached_channel_cannot_be_received_from(layer):
    layer.attach("one", lambda message, cause: True)
    with pytest.raises(RuntimeError, match="belongs to a running consumer"):
        await layer.receive("one")


async def test_a_released_channel_is_in_no_group_and_has_no_sink(layer):
    layer.attach("one", lambda message, cause: True)
    await layer.group_add("room", "one")
    await layer.group_add("lobby", "one")
    await layer.release_channel("one")
    assert layer.groups == {}
    assert await is_empty(layer, "one")


async def test_new_channels_have_valid_names_of_their_own(layer):
    names = {await layer.new_channel() for _ in range(100)}
    assert len(names) == 100
    assert layer.valid_channel_names(names)


async def test_flush_forgets_messages_and_members_but_not_who_waits(layer):
    receiving = asyncio.ensure_future(take(layer, "waited"))
    await eventually(lambda: "waited" in layer.channels)
    await layer.send("jobs", {"type": "job"})
    await layer.group_add("room", "one")
    await layer.flush()
    assert layer.groups == {}
    assert list(layer.channels) == ["waited"]
    await layer.send("waited", {"type": "after"})
    assert await receiving == {"type": "after"}


@pytest.mark.parametrize(
    ("message", "problem"),
    [("text", TypeError), (None, AssertionError), ({"__asgi_channel__": "x"}, ValueError)],
)
async def test_what_is_no_message_is_refused(layer, message, problem):
    with pytest.raises(problem):
        await layer.send("jobs", message)
    with pytest.raises(problem):
        await layer.group_send("jobs", message)


async def test_the_cause_that_an_observer_gives_rides_beside_the_message(layer):
    class Knowing(Notebook):
        def message_sent(self, sender, layer, channel, message):
            return ("trace", "epoch:1")

        def group_sent(self, sender, layer, group, message, receivers):
            self.receivers = receivers
            return ("trace", "epoch:2")

    await layer.group_add("room", "jobs")
    with observed(Knowing()) as notebook:
        await layer.send("jobs", {"type": "job"})
        await layer.group_send("room", {"type": "chat"})
        assert await take(layer, "jobs") == {"type": "job"}
        assert await take(layer, "jobs") == {"type": "chat"}
    causes = [cause for *_, cause in notebook.of("message_delivered")]
    assert causes == [("trace", "epoch:1"), ("trace", "epoch:2")]
    assert notebook.receivers == 1


async def test_joining_and_leaving_is_told_once(layer):
    with observed() as notebook:
        await layer.group_add("room", "one")
        await layer.group_add("room", "one")
        await layer.group_discard("room", "one")
        await layer.group_discard("room", "one")
    assert notebook.names() == ["group_joined", "group_left"]


async def test_what_waits_on_a_channel_can_be_looked_at_as_a_queue(layer):
    await layer.send("jobs", {"type": "job", "n": 1})
    await layer.send("jobs", {"type": "job", "n": 2})
    waiting = layer.channels["jobs"]
    assert (waiting.empty(), waiting.qsize()) == (False, 2)
    expires_at, message = waiting.get_nowait()
    assert expires_at > time.monotonic()
    assert message == {"type": "job", "n": 1}
    assert (await take(layer, "jobs"))["n"] == 2
    assert (waiting.empty(), waiting.qsize()) == (True, 0)
    with pytest.raises(asyncio.QueueEmpty):
        waiting.get_nowait()


async def test_a_consumers_channel_looks_empty(layer):
    layer.attach("mine", lambda message, cause: True)
    await layer.send("mine", {"type": "job"})
    assert layer.channels["mine"].empty()


async def test_a_message_after_one_that_was_taken_as_from_a_queue_expires_in_its_turn():
    layer = InMemoryChannelLayer(expiry=0.02)
    await layer.send("jobs", {"type": "job"})
    await layer.send("mail", {"type": "mail"})
    layer.channels["jobs"].get_nowait()
    await layer.send("jobs", {"type": "job"})
    assert list(layer._expiries) == ["mail", "jobs"]
    await eventually(lambda: not layer.channels)


async def test_a_broadcast_looks_at_no_other_group(layer):
    class Unseen(Groups):
        def __iter__(self):
            raise AssertionError("it went through all groups")

        keys = values = items = __iter__

    for n in range(10):
        await layer.group_add(f"room{n}", "jobs")
    layer.groups = Unseen(layer.groups)
    await layer.group_send("room3", {"type": "chat"})
    await layer.group_discard("room3", "jobs")
    await layer.release_channel("mail")
    assert await layer.receive("jobs") == {"type": "chat"}
