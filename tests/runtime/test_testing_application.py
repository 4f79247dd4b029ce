from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from runtime.testing import ApplicationCommunicator
from runtime.typing import Event, Receive, Scope, Send

leak: ContextVar[str] = ContextVar("leak", default="")


class Ended(Exception):
    pass


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    while (event := await receive())["type"] != "end":
        await send(event)


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise Ended("on the first event")


async def sending_then_failing(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "last words"})
    raise Ended("after the last words")


class Farewell:
    """Notes that it was ended, after an event loop's turn of work."""

    def __init__(self) -> None:
        self.is_ended = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "ready"})
            await receive()
        finally:
            await asyncio.sleep(0)
            self.is_ended = True


async def leave_after_an_error(own_error: Exception | None) -> None:
    async with ApplicationCommunicator(failing, {"type": "test"}) as communicator:
        await communicator.send_input({"type": "any"})
        await asyncio.wait({communicator.future})
        if own_error is not None:
            raise own_error


class LegacyApplication:
    """An application of ASGI 2: called twice."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        await send({"type": "seen", "scope": self.scope})


def test_a_communicator_can_be_made_outside_of_an_event_loop() -> None:
    communicator = ApplicationCommunicator(echo, {"type": "test"})

    async def talk() -> Event:
        async with communicator:
            await communicator.send_input({"type": "hello"})
            return await communicator.receive_output()

    assert asyncio.run(talk()) == {"type": "hello"}


async def test_the_application_receives_what_is_sent_and_answers() -> None:
    communicator = ApplicationCommunicator(echo, {"type": "test"})
    await communicator.send_input({"type": "one"})
    await communicator.send_input({"type": "two"})
    assert await communicator.receive_output() == {"type": "one"}
    assert await communicator.receive_output() == {"type": "two"}
    await communicator.send_input({"type": "end"})
    await communicator.wait()
    assert communicator.future.done()


async def test_a_timeout_leaves_the_application_alive() -> None:
    async with ApplicationCommunicator(echo, {"type": "test"}) as communicator:
        with pytest.raises(asyncio.TimeoutError, match="sent no event"):
            await communicator.receive_output(timeout=0)
        await communicator.wait(timeout=0)  # as in Channels: this is no error
        assert not communicator.future.done()
        await communicator.send_input({"type": "still there"})
        assert await communicator.receive_output() == {"type": "still there"}


async def test_an_event_that_comes_after_a_timeout_is_not_lost() -> None:
    async with ApplicationCommunicator(echo, {"type": "test"}) as communicator:
        for number in range(20):
            with pytest.raises(TimeoutError):
                await communicator.receive_output(timeout=0)
            await communicator.send_input({"type": "event", "number": number})
            assert (await communicator.receive_output())["number"] == number


async def test_the_error_of_the_application_is_raised_by_whatever_waits() -> None:
    communicator = ApplicationCommunicator(failing, {"type": "test"})
    await communicator.send_input({"type": "any"})
    with pytest.raises(Ended):
        await communicator.receive_output(timeout=60)
    with pytest.raises(Ended):
        await communicator.wait()
    with pytest.raises(Ended):
        await communicator.send_input({"type": "any"})
    with pytest.raises(Ended):
        await communicator.receive_nothing()
    with pytest.raises(Ended):
        communicator.stop()
    communicator.stop(exceptions=False)


async def test_what_was_sent_before_an_error_is_received_by_who_waited_for_it() -> None:
    communicator = ApplicationCommunicator(sending_then_failing, {"type": "test"})
    assert await communicator.receive_output() == {"type": "last words"}
    with pytest.raises(Ended):
        await communicator.receive_output()


async def test_nobody_waits_for_an_application_that_has_ended() -> None:
    communicator = ApplicationCommunicator(echo, {"type": "test"})
    await communicator.send_input({"type": "end"})
    with pytest.raises(TimeoutError, match="has ended"):
        await communicator.receive_output(timeout=60)


async def test_silence_and_speech_are_told_apart_without_taking_the_event() -> None:
    async with ApplicationCommunicator(echo, {"type": "test"}) as communicator:
        assert await communicator.receive_nothing(timeout=0)
        await communicator.send_input({"type": "hello"})
        assert not await communicator.receive_nothing(timeout=60)
        assert await communicator.receive_output() == {"type": "hello"}


async def test_stop_cancels_what_runs_and_spares_what_never_started() -> None:
    communicator = ApplicationCommunicator(silent, {"type": "test"})
    communicator.stop()
    future = communicator.future
    communicator.stop()
    await communicator.wait()
    assert future.cancelled()


async def test_leaving_the_block_ends_the_application_for_good() -> None:
    application = Farewell()
    async with ApplicationCommunicator(application, {"type": "test"}) as communicator:
        assert await communicator.receive_output() == {"type": "ready"}
    assert application.is_ended
    assert communicator.future.done()


async def test_leaving_the_block_raises_an_error_that_nothing_has_raised() -> None:
    with pytest.raises(Ended):
        await leave_after_an_error(None)


async def test_leaving_the_block_does_not_raise_an_error_twice() -> None:
    async with ApplicationCommunicator(failing, {"type": "test"}) as communicator:
        await communicator.send_input({"type": "any"})
        with pytest.raises(Ended):
            await communicator.wait()


async def test_leaving_the_block_by_the_tests_own_error_keeps_that_error() -> None:
    with pytest.raises(KeyError):
        await leave_after_an_error(KeyError())


async def test_leaving_an_unused_block_starts_nothing() -> None:
    application = Farewell()
    async with ApplicationCommunicator(application, {"type": "test"}):
        pass
    assert not application.is_ended


async def test_the_application_sees_the_context_of_the_test_but_does_not_change_it() -> None:
    async def tell(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "seen", "leak": leak.get()})
        leak.set("from the application")
        await send({"type": "changed"})

    leak.set("from the test")
    communicator = ApplicationCommunicator(tell, {"type": "test"})
    assert (await communicator.receive_output())["leak"] == "from the test"
    await communicator.receive_output()
    assert leak.get() == "from the test"


async def test_an_application_of_asgi_2_is_driven_as_well() -> None:
    communicator = ApplicationCommunicator(LegacyApplication, {"type": "test"})  # type: ignore[arg-type]
    assert (await communicator.receive_output())["scope"] == {"type": "test"}
