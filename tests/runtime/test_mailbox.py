import asyncio
import threading
import time

import pytest

from runtime.boundary import CONNECTION_KEY, Boundary
from runtime.mailbox import EVENT_WATERMARK, Mailbox
from tests.support.observing import observed
from tests.support.playbook import eventually


@pytest.fixture
async def mailbox():
    box = Mailbox()
    box.set_channel("specific.test!1", capacity=3, expiry_s=60)
    yield box
    await box.close()


def feed(*events):
    """Return a `receive` that gives those events and then waits for ever."""
    waiting = list(events)

    async def receive():
        if waiting:
            return waiting.pop(0)
        return await asyncio.get_running_loop().create_future()

    receive.waiting = waiting
    return receive


async def take(mailbox):
    async with asyncio.timeout(30):
        message, _, _, _ = await mailbox.get()
    return message


async def test_events_and_layer_messages_come_out_in_order_of_arrival(mailbox):
    mailbox.offer({"type": "layer.first"})
    mailbox.read_events(feed({"type": "websocket.receive"}))
    first, first_at, _, is_first_event = await mailbox.get()
    second, second_at, _, is_second_event = await mailbox.get()
    assert (first["type"], is_first_event) == ("layer.first", False)
    assert (second["type"], is_second_event) == ("websocket.receive", True)
    assert first_at <= second_at <= time.perf_counter()


async def test_a_layer_message_carries_its_cause(mailbox):
    mailbox.offer({"type": "chat"}, ("trace", "epoch:7"))
    _, _, cause, _ = await mailbox.get()
    assert cause == ("trace", "epoch:7")


async def test_a_message_over_capacity_is_refused_and_reported(mailbox):
    with observed() as notebook:
        cause = ("trace", "epoch:7")
        answers = [mailbox.offer({"type": "chat"}, cause) for _ in range(4)]
    assert answers == [True, True, True, False]
    (dropped,) = notebook.of("message_dropped")
    assert dropped[1:] == ("specific.test!1", {"type": "chat"}, "capacity", cause)


async def test_a_mailbox_behind_the_tap_tells_the_observers_of_what_is_an_event():
    events = [{"type": "websocket.receive"}, {"type": None}, {}, {"type": "websocket.disconnect"}]

    async def reading(scope, receive, send):
        mailbox = Mailbox(scope[CONNECTION_KEY])
        mailbox.read_events(receive)
        assert [await take(mailbox) for _ in events] == events
        await mailbox.close()

    with observed() as notebook:
        await Boundary(reading)({"type": "websocket"}, feed(*events), None)
    assert [event for _, event, _ in notebook.of("event_received")] == [events[0], events[3]]


async def test_client_events_do_not_count_against_the_capacity_of_the_layer(mailbox):
    mailbox.read_events(feed(*[{"type": "websocket.receive"}] * 10))
    for _ in range(10):
        await take(mailbox)
    assert mailbox.offer({"type": "chat"})


async def test_a_message_that_waited_too_long_is_dropped_and_reported(mailbox):
    mailbox.set_channel("specific.test!1", capacity=3, expiry_s=0)
    with observed() as notebook:
        mailbox.offer({"type": "old"}, ("trace", "epoch:7"))
        mailbox.read_events(feed({"type": "websocket.receive"}))
        message = await take(mailbox)
    assert message["type"] == "websocket.receive"
    (dropped,) = notebook.of("message_dropped")
    assert dropped[2:] == ({"type": "old"}, "expired", ("trace", "epoch:7"))


async def test_what_waits_is_taken_at_once_and_nothing_when_nothing_waits(mailbox):
    assert mailbox.take_now() is None
    mailbox.offer({"type": "chat", "n": 0})
    mailbox.offer({"type": "chat", "n": 1})
    assert [mailbox.take_now()[0]["n"] for _ in range(2)] == [0, 1]
    assert mailbox.take_now() is None


async def test_what_comes_after_a_cancelled_wait_is_not_lost(mailbox):
    taking = asyncio.ensure_future(mailbox.get())
    await asyncio.sleep(0)
    taking.cancel()
    mailbox.offer({"type": "chat"})
    assert await take(mailbox) == {"type": "chat"}


async def test_after_a_cancelled_wait_no_event_is_asked_for(mailbox):
    receive = feed({"type": "job", "n": 0}, {"type": "job", "n": 1})
    mailbox.read_events(receive, ahead=False)
    assert (await take(mailbox))["n"] == 0
    taking = asyncio.ensure_future(mailbox.get())
    taking.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(receive.waiting) == 1


async def test_the_reader_stops_at_the_watermark_and_goes_on_when_there_is_room(mailbox):
    receive = feed(*[{"type": "websocket.receive", "n": n} for n in range(EVENT_WATERMARK * 3)])
    mailbox.read_events(receive)
    assert (await take(mailbox))["n"] == 0
    await eventually(lambda: len(mailbox) == EVENT_WATERMARK)
    # One was handed over without having waited.
    assert len(receive.waiting) == EVENT_WATERMARK * 2 - 1
    for n in range(1, EVENT_WATERMARK * 3):
        assert (await take(mailbox))["n"] == n


async def test_the_disconnect_is_known_before_it_is_taken(mailbox):
    mailbox.read_events(feed({"type": "websocket.receive"}, {"type": "websocket.disconnect"}))
    await take(mailbox)
    assert mailbox.is_disconnected
    assert (await take(mailbox))["type"] == "websocket.disconnect"


async def test_nothing_is_received_after_the_disconnect(mailbox):
    receive = feed({"type": "websocket.disconnect"}, {"type": "websocket.receive"})
    mailbox.read_events(receive)
    await take(mailbox)
    assert len(receive.waiting) == 1


async def test_what_receive_raises_comes_out_after_the_items_before_it(mailbox):
    events = [{"type": "websocket.connect"}]

    async def receive():
        if events:
            return events.pop()
        raise ConnectionResetError("gone")

    mailbox.read_events(receive)
    assert (await take(mailbox))["type"] == "websocket.connect"
    with pytest.raises(ConnectionResetError):
        await take(mailbox)


async def test_a_message_from_another_thread_wakes_the_loop(mailbox):
    taking = asyncio.ensure_future(take(mailbox))
    await asyncio.sleep(0)
    thread = threading.Thread(target=mailbox.offer, args=({"type": "from.thread"},))
    thread.start()
    assert (await taking)["type"] == "from.thread"
    thread.join()


async def test_a_layer_that_cannot_push_is_read_only_while_there_is_room(mailbox):
    receive = feed(*[{"type": "chat", "n": n} for n in range(10)])
    mailbox.read_layer(receive)
    await eventually(lambda: len(mailbox) == 3)
    assert len(receive.waiting) == 7
    assert [(await take(mailbox))["n"] for _ in range(10)] == list(range(10))


async def test_closing_leaves_no_reader_behind():
    mailbox = Mailbox()
    mailbox.read_events(feed())
    before = asyncio.all_tasks()
    await mailbox.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert len(before) == 2
    assert not left


async def test_without_reading_ahead_an_event_is_received_when_one_is_asked_for(mailbox):
    receive = feed({"type": "job", "n": 0}, {"type": "job", "n": 1})
    mailbox.read_events(receive, ahead=False)
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(receive.waiting) == 2
    assert (await take(mailbox))["n"] == 0
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(receive.waiting) == 1
    assert (await take(mailbox))["n"] == 1
