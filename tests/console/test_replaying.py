from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from console.recorded import Recorded, event_of, scope_of
from console.relay import relay
from console.replay import Answer
from console.replaying import Progress, Replaying
from console.saying import Sayer
from console.virtual import Said, VirtualScope
from runtime.routing import get_default_application
from tests.support.chatting import recorded_chat, session_of

pytestmark = pytest.mark.django_db(transaction=True)


@asynccontextmanager
async def replay(
    recorded: Recorded, connection: str, name: str, application: Any = None
) -> AsyncIterator[Replaying]:
    """Replay a connection as somebody, as the console's socket does."""
    sayer = Sayer(relay.reader)
    found: list[Replaying] = []

    def heard(said: Said) -> None:
        if said.what == "out":
            shown = sayer.said(said, run.connection)
            found[0].heard(Answer.read(shown["type"], shown["text"], shown.get("hex", "")))

    scope = scope_of(recorded.views[connection])
    scope["headers"] = [*scope["headers"], await session_of(name)]
    application = application or get_default_application()
    async with VirtualScope(application, scope, on_said=heard) as run:
        found.append(Replaying(recorded, connection, run, patience_s=5.0))
        yield found[0]


def verdicts(progress: Progress) -> list[str]:
    return [one.verdict for one in progress.comparisons]


async def test_an_application_that_answers_as_before_is_equal_in_all_but_ids_and_times() -> None:
    recorded, connection = await recorded_chat("ada", "same", "one", "two")
    seen: list[Progress] = []
    async with replay(recorded, connection, "ada") as replaying:
        await replaying.play(0.0, seen.append)
    assert seen[-1].is_done
    assert verdicts(seen[-1]) == ["equal"] * 5  # accept, welcome, joined and two messages
    assert len(seen[-1].given) == seen[-1].of == 4


async def test_another_user_answers_differently_and_it_says_where() -> None:
    recorded, connection = await recorded_chat("ada", "other", "hello")
    seen: list[Progress] = []
    async with replay(recorded, connection, "grace") as replaying:
        await replaying.play(0.0, seen.append)
    differing = [one for one in seen[-1].comparisons if one.verdict == "differs"]
    assert [one.differences[0].path for one in differing] == ["you.name", "user.name", "user.name"]


async def test_it_goes_step_by_step_and_says_how_far_it_is() -> None:
    recorded, connection = await recorded_chat("ada", "steps", "hello")
    async with replay(recorded, connection, "ada") as replaying:
        first = await replaying.step()
        assert (len(first.given), first.of, first.is_done) == (1, 3, False)
        assert verdicts(first) == ["equal"] * 3
        second = await replaying.step()
        assert verdicts(second) == ["equal"] * 4
        assert second.at_s > first.at_s
        assert (await replaying.step()).is_done


async def test_answers_that_do_not_come_are_missing_and_others_are_extra() -> None:
    recorded, connection = await recorded_chat("ada", "gone", "hello")

    async def lazy(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "something else"})
        await send({"type": "websocket.close", "code": 4000})

    seen: list[Progress] = []
    async with replay(recorded, connection, "ada", lazy) as replaying:
        await replaying.play(0.0, seen.append)
    assert seen[-1].is_done
    assert "differs" in verdicts(seen[-1])
    assert set(verdicts(seen[-1])) <= {"equal", "differs", "missing", "extra"}


async def test_no_secret_of_the_recorded_scope_is_played_again() -> None:
    recorded, connection = await recorded_chat("ada", "secret")
    scope = scope_of(recorded.views[connection])
    assert b"cookie" not in dict(scope["headers"])
    assert dict(scope["headers"])[b"origin"] == b"http://testserver"
    assert "user" not in scope
    assert "session" not in scope


async def test_an_event_is_given_again_as_it_came() -> None:
    recorded, connection = await recorded_chat("ada", "events", "hello")
    given = [event_of(one.given) for one in recorded.segments(connection) if one.given]
    assert given[0] == {"type": "websocket.connect"}
    assert given[1] == {"type": "websocket.receive", "text": '{"type": "message", "text": "hello"}'}
    assert given[2]["type"] == "websocket.disconnect"
