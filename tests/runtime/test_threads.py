import asyncio
import contextlib
import gc
import threading
import weakref
from contextvars import ContextVar

import pytest
from django.core import mail

from runtime.consumer import SyncConsumer
from runtime.exceptions import StopConsumer
from runtime.pool import DEFAULT_THREADS
from runtime.threads import UNSENT_WATERMARK, HandlerThread, is_test_environment
from tests.support.playbook import eventually, play


@pytest.fixture
def served(monkeypatch):
    """As in a server: no test environment."""
    monkeypatch.delattr(mail, "outbox")
    assert not is_test_environment()


@pytest.fixture
def where(request):
    if request.param == "server":
        request.getfixturevalue("served")


in_both = pytest.mark.parametrize("where", ["server", "test"], indirect=True)


class Meeting(SyncConsumer):
    barrier: threading.Barrier

    def bot_meet(self, message):
        self.barrier.wait(timeout=30)
        self.send({"type": "bot.met"})


async def test_blocking_handlers_of_different_connections_run_at_once(served):
    Meeting.barrier = threading.Barrier(16)
    connections = [play(Meeting.as_asgi(), {"type": "bot"}) for _ in range(16)]
    playbooks = [await connection.__aenter__() for connection in connections]
    for playbook in playbooks:
        await playbook.put("bot.meet")
    await asyncio.gather(*[playbook.expect("bot.met") for playbook in playbooks])
    for connection in connections:
        await connection.__aexit__(None, None, None)


async def test_handlers_of_one_connection_keep_their_order(served):
    seen = []

    class Ordered(SyncConsumer):
        def bot_count(self, message):
            seen.append(message["n"])
            self.send({"type": "bot.counted"})

    async with play(Ordered.as_asgi(), {"type": "bot"}) as bot:
        for n in range(20):
            await bot.put("bot.count", n=n)
        for _ in range(20):
            await bot.expect("bot.counted")
    assert seen == list(range(20))


async def never_sent(event):
    raise AssertionError("nothing is sent here")


async def test_under_a_test_all_handlers_share_one_thread():
    idents = set()
    for _ in range(5):
        await HandlerThread(never_sent).run(lambda: idents.add(threading.get_ident()))
    assert len(idents) == 1


async def test_the_pool_is_bounded(served):
    idents = set()
    gate = threading.Event()

    def wait_and_tell():
        idents.add(threading.get_ident())
        gate.wait(timeout=30)

    calls = [
        asyncio.ensure_future(HandlerThread(never_sent).run(wait_and_tell)) for _ in range(100)
    ]
    await eventually(lambda: len(idents) == DEFAULT_THREADS)
    gate.set()
    await asyncio.gather(*calls)
    assert len(idents) == DEFAULT_THREADS


@in_both
async def test_a_context_variable_of_one_handler_is_there_in_the_next(where):
    greeting = ContextVar("greeting", default="none")
    seen = []
    thread = HandlerThread(never_sent)
    await thread.run(lambda: greeting.set("hello"))
    await thread.run(lambda: seen.append(greeting.get()))
    assert seen == ["hello"]


@in_both
async def test_a_cancellation_waits_for_the_handler_that_runs(where):
    began, gate, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        began.set()
        gate.wait(timeout=30)
        ended.set()

    running = asyncio.ensure_future(HandlerThread(never_sent).run(work))
    await eventually(began.is_set)
    running.cancel()
    await asyncio.sleep(0)
    assert not running.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()


@in_both
async def test_a_failure_after_a_cancellation_is_logged_and_not_blamed_on_the_next_handler(
    where, caplog
):
    began, gate = threading.Event(), threading.Event()

    def fail():
        began.set()
        gate.wait(timeout=30)
        raise RuntimeError("the handler failed")

    thread = HandlerThread(never_sent)
    running = asyncio.ensure_future(thread.run(fail))
    await eventually(began.is_set)
    running.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "the handler failed" in caplog.text
    await thread.run(lambda: None)


@in_both
async def test_what_a_handler_sends_goes_out_while_it_runs_and_in_order(where):
    sent = []
    gate = threading.Event()

    async def send(event):
        sent.append(event)

    thread = HandlerThread(send)

    def work():
        thread.send(1)
        thread.send(2)
        gate.wait(timeout=30)
        thread.send(3)

    running = asyncio.ensure_future(thread.run(work))
    await eventually(lambda: sent == [1, 2])
    gate.set()
    await running
    assert sent == [1, 2, 3]


@in_both
async def test_an_error_of_a_handler_comes_after_what_it_sent(where):
    sent = []

    async def send(event):
        sent.append(event)

    thread = HandlerThread(send)

    def work():
        thread.send("before")
        raise RuntimeError("the handler failed")

    with pytest.raises(RuntimeError, match="the handler failed"):
        await thread.run(work)
    assert sent == ["before"]


@in_both
async def test_a_send_that_fails_is_raised(where):
    async def send(event):
        raise ConnectionResetError("the client has gone")

    thread = HandlerThread(send)
    with pytest.raises(ConnectionResetError):
        await thread.run(lambda: thread.send("lost"))


@in_both
async def test_a_send_that_failed_is_raised_though_the_handler_ends_the_connection(where):
    loop, has_failed = asyncio.get_running_loop(), threading.Event()

    async def send(event):
        loop.call_soon(has_failed.set)  # behind the failure
        raise RuntimeError("of a server")

    thread = HandlerThread(send)

    def work():
        thread.send({"type": "websocket.send"})
        assert has_failed.wait(30)
        raise StopConsumer

    with pytest.raises(RuntimeError, match="of a server"):
        await thread.run(work)


async def test_a_handler_that_is_too_far_ahead_of_its_client_waits(served):
    gate = asyncio.Event()
    sent = []
    progress = []

    async def send(event):
        await gate.wait()
        sent.append(event)

    thread = HandlerThread(send)

    def work():
        for number in range(UNSENT_WATERMARK * 3):
            thread.send(number)
            progress.append(number)

    running = asyncio.ensure_future(thread.run(work))
    await eventually(lambda: len(progress) >= UNSENT_WATERMARK)
    assert len(progress) <= UNSENT_WATERMARK + 1
    gate.set()
    await running
    assert sent == list(range(UNSENT_WATERMARK * 3))


@in_both
async def test_a_thread_of_the_projects_own_can_send_between_handlers(where):
    sent = []

    async def send(event):
        sent.append(event)

    thread = HandlerThread(send)
    own = threading.Thread(target=thread.send, args=("by itself",))
    own.start()
    await eventually(lambda: sent == ["by itself"])
    own.join()


@pytest.fixture
def tellings(monkeypatch):
    """How often a thread has woken the loop."""
    counted = []
    signal = HandlerThread._signal

    def counting(thread):
        counted.append(1)
        signal(thread)

    monkeypatch.setattr(HandlerThread, "_signal", counting)
    return counted


async def swallowed(event):
    """Stand for a client that takes all."""


async def test_the_loop_is_told_once_of_all_that_a_short_handler_sends(served, tellings):
    thread = HandlerThread(swallowed)
    thread._timer = _NoTimer()  # a slow machine must not make it a long one

    def work():
        for number in range(10):
            thread.send(number)

    await thread.run(work)
    assert len(tellings) == 1


async def test_after_a_long_handler_the_next_is_prompt_and_after_a_short_one_no_more(served):
    thread = HandlerThread(swallowed)
    thread._timer = _NoTimer()
    seen = []

    def work():
        seen.append(thread._is_prompt)

    async def long():
        gate = threading.Event()
        running = asyncio.ensure_future(thread.run(lambda: gate.wait(timeout=30) and None))
        await asyncio.sleep(0)
        thread.become_prompt()  # as the timer does
        gate.set()
        await running

    await thread.run(work)
    await long()
    await thread.run(work)
    await thread.run(work)
    assert seen == [False, True, False]


async def test_no_timer_is_set_while_no_handler_works(served):
    thread = HandlerThread(swallowed)
    await thread.run(lambda: None)
    await eventually(lambda: not thread._timer._is_set)


async def test_one_that_has_failed_leaves_nothing_to_the_garbage_collector(served):
    def stop():
        raise StopConsumer

    thread = HandlerThread(never_sent)
    gone, timer = weakref.ref(thread), thread._timer
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(StopConsumer):
            await thread.run(stop)
        await eventually(lambda: gone() not in timer._working)
        del thread
        await eventually(lambda: gone() is None)
    finally:
        gc.enable()


class _NoTimer:
    def watch(self, thread, loop):
        """Find nothing late."""
