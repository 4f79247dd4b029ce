"""The frame of every protocol's server, spoken to through a protocol of the test's own."""

import asyncio
import logging
import os
import signal
from contextlib import asynccontextmanager

import pytest

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.drain import current_drain
from runtime.drops import drops
from runtime.exceptions import StopConsumer
from runtime.protocols import ProtocolServer, scopes
from runtime.routing import ProtocolTypeRouter
from runtime.signals import stopped_by_signals
from tests.support.observing import observed
from tests.support.playbook import eventually

pytestmark = pytest.mark.usefixtures("layer")


class BellServer(ProtocolServer):
    """A protocol without a network: the test rings, and reads what came back."""

    protocol = "bell"

    def __init__(self, application, **options):
        super().__init__(application, **{"deadline_s": 5.0, **options})
        self.sent = asyncio.Queue()
        self.is_open = True
        self.flushed = asyncio.Event()
        self.failure = None

    async def handle(self):
        try:
            if self.failure is not None:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            self.is_open = False

    async def application_send(self, scope, event):
        assert self.is_open  # what a consumer says at its end still leaves
        await self.sent.put((scope["who"], event))

    async def flush(self):
        self.flushed.set()

    def bell(self, who):
        return self.get_or_create_application_instance(who, {"who": who})

    async def ring(self, who, **fields):
        return await self.bell(who).put({"type": "bell.ring", **fields})

    async def answer(self):
        async with asyncio.timeout(30):
            return await self.sent.get()


@asynccontextmanager
async def serving(application, **options):
    server = BellServer(application, **options)
    task = asyncio.ensure_future(server.serve())
    try:
        yield server
    finally:
        server.stop()
        async with asyncio.timeout(30):
            await asyncio.wait({task})
        if not task.cancelled() and server.failure is None:
            task.result()


class Counting(AsyncConsumer):
    """Says how often it was rung, and goodbye."""

    count = 0

    async def bell_ring(self, event):
        self.count += 1
        await self.send({"type": "bell.sound", "count": self.count})

    async def bell_disconnect(self, event):
        await self.send({"type": "bell.sound", "goodbye": event["reason"]})
        raise StopConsumer


class Fragile(AsyncConsumer):
    async def bell_ring(self, event):
        raise RuntimeError("cracked")


class Stuck(AsyncConsumer):
    async def bell_ring(self, event):
        await self.send({"type": "bell.sound"})
        await asyncio.Event().wait()


class Printed(SyncConsumer):
    """Synchronous, and without a word for the end."""

    def bell_ring(self, event):
        self.send({"type": "bell.sound", "text": event["text"]})


async def test_a_key_keeps_its_instance_and_another_has_its_own():
    async with serving(Counting.as_asgi()) as server:
        for who in ("ada", "ada", "bob"):
            await server.ring(who)
        said = sorted([await server.answer() for _ in range(3)], key=str)
        assert [(who, event["count"]) for who, event in said] == [
            ("ada", 1),
            ("ada", 2),
            ("bob", 1),
        ]


async def test_a_scope_ends_after_a_silence_and_the_next_event_opens_another():
    async with serving(Counting.as_asgi(), scope_timeout_s=0.05) as server:
        await server.ring("ada")
        assert (await server.answer())[1] == {"type": "bell.sound", "count": 1}
        assert (await server.answer())[1]["goodbye"] == "timeout"
        await eventually(lambda: not server.scopes)
        await server.ring("ada")
        assert (await server.answer())[1]["count"] == 1


async def test_what_is_said_puts_off_the_end():
    async with serving(Counting.as_asgi(), scope_timeout_s=600.0) as server:
        ada = server.bell("ada")
        ada.used_at -= 500.0
        for say in (lambda: server.ring("ada"), server.answer):  # the event, and its effect
            ada.used_at -= 500.0
            await say()
            assert ada.used_at > asyncio.get_running_loop().time() - 500.0
        ada._wait_for_silence()
        assert not ada.is_ending
        ada.used_at -= 600.0
        ada._wait_for_silence()
        assert (await server.answer())[1]["goodbye"] == "timeout"


async def test_the_end_comes_after_what_was_said_before():
    async with serving(Counting.as_asgi()) as server:
        await server.ring("ada")
        await server.ring("ada")
        server.end_scope("ada", "hung up")
        said = [(await server.answer())[1] for _ in range(3)]
        assert {"type": "bell.sound", "goodbye": "hung up"} in said
        assert said.index({"type": "bell.sound", "count": 2}) < said.index(
            {"type": "bell.sound", "goodbye": "hung up"}
        )


async def test_an_ended_scope_takes_nothing_more():
    async with serving(Counting.as_asgi()) as server:
        ada = server.bell("ada")
        server.end_scope("ada", "hung up")
        assert not await ada.put({"type": "bell.ring"})
        assert not ada.offer({"type": "bell.ring"})


async def test_too_many_scopes_end_the_one_that_was_silent_for_longest():
    async with serving(Counting.as_asgi(), max_scopes=2) as server:
        for who in ("ada", "bob", "ada"):
            await server.ring(who)
            await server.answer()
        await server.ring("cleo")
        said = [await server.answer(), await server.answer()]
        assert ("bob", {"type": "bell.sound", "goodbye": "replaced"}) in said
        assert set(server.scopes) == {"ada", "cleo"}


async def test_an_application_that_fails_is_logged_and_the_server_goes_on(caplog):
    async with serving(Fragile.as_asgi()) as server:
        await server.ring("ada")
        await eventually(lambda: not server.scopes)
        assert "The application of the bell scope 'ada' failed." in caplog.text
        assert "cracked" in caplog.text
        assert await server.ring("ada")


async def test_a_server_that_is_stopped_says_goodbye_and_flushes_before_the_network_goes():
    async with serving(Counting.as_asgi()) as server:
        await server.ring("ada")
        await server.answer()
        server.stop()
        assert (await server.answer())[1]["goodbye"] == "shutdown"
        await eventually(lambda: not server.is_open)
        assert server.flushed.is_set()


async def test_a_scope_that_opens_during_the_end_is_told_at_once():
    async with serving(Counting.as_asgi()) as server:
        server.stop()
        assert server.bell("ada").is_ending


async def test_a_consumer_without_a_goodbye_ends_too():
    async with serving(Printed.as_asgi()) as server:
        await server.ring("ada", text="ding")
        assert (await server.answer())[1]["text"] == "ding"
        server.end_scope("ada", "hung up")
        await eventually(lambda: not server._ending)


async def test_a_consumer_that_is_stuck_is_cut_off_at_the_deadline(caplog):
    async with serving(Stuck.as_asgi(), deadline_s=0.05) as server:
        await server.ring("ada")
        await server.answer()
    assert "Cancelled, since they did not end in time: 1 scopes." in caplog.text


async def test_a_stuck_scope_does_not_outlive_its_silence_for_ever():
    async with serving(Stuck.as_asgi(), scope_timeout_s=0.02, deadline_s=0.05) as server:
        await server.ring("ada")
        await server.answer()
        ada = server.bell("ada")
        await asyncio.wait({ada.task}, timeout=30)
        assert ada.is_cut_off
        assert not server.scopes


async def test_an_error_of_the_network_code_is_raised_when_all_scopes_have_ended():
    server = BellServer(Counting.as_asgi())
    server.failure = RuntimeError("no bells")
    with pytest.raises(RuntimeError, match="no bells"):
        await server.serve()


async def test_an_event_waits_for_room_and_an_offered_one_is_lost_and_counted(monkeypatch):
    monkeypatch.setattr(scopes, "EVENTS_KEPT", 2)
    gate = asyncio.Event()

    async def slow(scope, receive, send):
        await gate.wait()
        while (await receive())["type"] != "bell.disconnect":
            await send({"type": "bell.sound"})

    async with serving(slow) as server:
        ada = server.bell("ada")
        assert ada.offer({"type": "bell.ring"})
        assert ada.offer({"type": "bell.ring"})
        assert not ada.offer({"type": "bell.ring"})
        assert drops.counts == {("bell", "capacity"): 1}
        waiting = asyncio.ensure_future(ada.put({"type": "bell.ring"}))
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.set()
        assert await waiting


async def test_malformed_input_is_counted_and_heard():
    async with serving(Counting.as_asgi()) as server:
        with observed() as notebook:
            server.report_malformed(b"\xff" * 5000, "a ring")
        assert drops.counts == {("bell", "malformed"): 1}
        [(connection, channel, message, reason, _)] = notebook.of("message_dropped")
        assert (connection, channel, reason) == (None, "bell", "malformed")
        assert message["expected"] == "a ring"
        assert len(message["data"]) == 4096


@pytest.mark.parametrize("is_router", [True, False], ids=["a router", "a bare consumer"])
async def test_observers_hear_each_scope_once_whatever_the_root_is(is_router):
    application = Counting.as_asgi()
    if is_router:
        application = ProtocolTypeRouter({"bell": application})
    with observed() as notebook:
        async with serving(application) as server:
            await server.ring("ada")
            await server.answer()
    names = notebook.names()
    assert names.count("scope_opened") == names.count("scope_closed") == 1
    assert names.count("event_received") == 2  # the ring and the end
    assert names.count("event_sent") == 2
    assert names[0] == "serving_began"


async def test_the_scope_has_the_type_of_its_protocol():
    with observed() as notebook:
        async with serving(Counting.as_asgi()) as server:
            await server.ring("ada")
            await server.answer()
    [(connection,)] = notebook.of("scope_opened")
    assert connection.scope["type"] == "bell"
    assert connection.scope["asgi"] == {"version": "3.0"}


async def test_sigterm_lets_the_consumers_say_goodbye_and_stays_the_servers():
    server = BellServer(Counting.as_asgi())
    running = asyncio.ensure_future(server._run())
    await asyncio.sleep(0)
    await server.ring("ada")
    await server.answer()
    assert current_drain().is_left_to_server
    os.kill(os.getpid(), signal.SIGTERM)
    assert (await server.answer())[1]["goodbye"] == "shutdown"
    async with asyncio.timeout(30):
        await running


async def test_within_another_server_sigterm_stays_that_servers():
    async with serving(Counting.as_asgi()) as server:
        await server.ring("ada")
        await server.answer()
        assert not current_drain().is_left_to_server


async def test_a_second_signal_does_not_wait_for_a_stuck_consumer(caplog):
    server = BellServer(Stuck.as_asgi(), deadline_s=600)
    running = asyncio.ensure_future(server._run())
    await asyncio.sleep(0)
    await server.ring("ada")
    await server.answer()
    os.kill(os.getpid(), signal.SIGTERM)
    await eventually(lambda: server.is_stopping)
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(30):
        await running
    assert "told to stop twice" in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.ERROR]


async def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with stopped_by_signals(lambda: None, lambda: None):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
