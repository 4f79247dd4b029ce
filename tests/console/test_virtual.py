from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from console import marks
from console.virtual import Ended, Limits, Said, VirtualScope

SCOPE = {"type": "telegram", "bot": "acme"}


class Heard:
    """What a run has said; waits for the thing."""

    def __init__(self) -> None:
        self.all: list[Said] = []
        self._changed = asyncio.Event()

    def __call__(self, said: Said) -> None:
        self.all.append(said)
        self._changed.set()

    async def until(self, is_there: Callable[[Said], bool]) -> Said:
        async with asyncio.timeout(30):
            while True:
                for said in self.all:
                    if is_there(said):
                        return said
                self._changed.clear()
                await self._changed.wait()

    async def end(self) -> Said:
        return await self.until(lambda said: said.what in ("ended", "failed"))


async def echo(scope: Any, receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        if event["type"] == "bye":
            return
        await send({"type": "echo", "text": event["text"]})


async def test_an_application_gets_the_scope_and_the_events_and_its_answers_are_heard() -> None:
    heard, seen = Heard(), {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await echo(scope, receive, send)

    async with VirtualScope(application, SCOPE, on_said=heard) as run:
        run.feed({"type": "say", "text": "hello"})
        out = await heard.until(lambda said: said.what == "out")
        assert out.event == {"type": "echo", "text": "hello"}
        assert out.took_s is not None
        run.feed({"type": "bye"})
        assert (await heard.end()).words == "The application returned."
    assert seen["bot"] == "acme"
    assert [said.what for said in heard.all if said.what != "waiting"] == [
        "in",
        "out",
        "in",
        "ended",
    ]


async def test_it_says_when_the_application_waits_for_an_event() -> None:
    heard = Heard()
    async with VirtualScope(echo, SCOPE, on_said=heard):
        await heard.until(lambda said: said.what == "waiting")


async def test_an_error_is_told_with_its_traceback() -> None:
    heard = Heard()

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("text")

    async with VirtualScope(broken, SCOPE, on_said=heard) as run:
        failed = await heard.end()
        assert failed.what == "failed"
        assert failed.words == "KeyError: 'text'"
        assert "in broken" in failed.traceback
        with pytest.raises(Ended, match="Run it again"):
            run.feed({"type": "say"})


async def test_a_timeout_of_the_application_s_own_is_its_error() -> None:
    heard = Heard()

    async def impatient(scope: Any, receive: Any, send: Any) -> None:
        raise TimeoutError("the database is slow")

    async with VirtualScope(impatient, SCOPE, on_said=heard):
        assert "the database is slow" in (await heard.end()).words


async def test_a_run_is_bounded_in_time() -> None:
    heard = Heard()
    async with VirtualScope(echo, SCOPE, on_said=heard, limits=Limits(time_s=0.05)):
        assert (await heard.end()).words == "It was ended after 0.05 s."


@pytest.mark.parametrize("limits", [Limits(events=3), Limits(size_bytes=20)])
async def test_a_run_is_bounded_in_what_it_sends(limits: Limits) -> None:
    heard = Heard()

    async def flood(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await send({"type": "x", "text": "12345"})

    async with VirtualScope(flood, SCOPE, on_said=heard, limits=limits):
        assert "it sent more than" in (await heard.end()).words
    assert sum(said.what == "out" for said in heard.all) == 3


async def test_events_that_nobody_takes_are_bounded_too() -> None:
    async def deaf(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async with VirtualScope(deaf, SCOPE, on_said=Heard(), limits=Limits(waiting=2)) as run:
        run.feed({"type": "a"})
        run.feed({"type": "b"})
        with pytest.raises(Ended, match="2 events wait"):
            run.feed({"type": "c"})


async def test_the_end_is_told_to_the_application_in_its_protocol_s_words() -> None:
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while True:
            seen.append((await receive())["type"])
            if seen[-1] == "websocket.disconnect":
                return

    scope = {"type": "websocket", "path": "/"}
    async with VirtualScope(application, scope, on_said=Heard()) as run:
        run.feed({"type": "websocket.connect"})
        await asyncio.sleep(0)
    assert seen == ["websocket.connect", "websocket.disconnect"]
    assert not run.is_running


async def test_what_it_runs_is_marked_as_the_console_s_and_nothing_else_is() -> None:
    marked: list[bool] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        marked.append(marks.is_marked(scope))

    heard = Heard()
    async with VirtualScope(application, SCOPE, on_said=heard, by="ada"):
        await heard.end()
    assert marked == [True]
    assert not marks.is_marked(SCOPE)
