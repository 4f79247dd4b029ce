from __future__ import annotations

from typing import Any

from runtime.middleware import BaseMiddleware
from runtime.testing import ApplicationCommunicator
from runtime.typing import Receive, Scope, Send


class Greeting(BaseMiddleware):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["greeting"] = "ahoy"
        return await super().__call__(scope, receive, send)


async def report_scope(scope: Scope, receive: Receive, send: Send) -> None:
    scope["from the application"] = True
    await send({"type": "seen", "scope": scope})


async def run(application: Any, scope: Scope) -> dict[str, Any]:
    async with ApplicationCommunicator(application, scope) as communicator:
        seen: dict[str, Any] = (await communicator.receive_output())["scope"]
        return seen


async def test_what_the_inner_application_adds_stays_in_its_own_scope() -> None:
    scope = {"type": "websocket"}
    seen = await run(BaseMiddleware(report_scope), scope)
    assert seen == {"type": "websocket", "from the application": True}
    assert scope == {"type": "websocket"}


async def test_a_subclass_adds_to_the_scope_and_goes_on() -> None:
    seen = await run(Greeting(report_scope), {"type": "websocket"})
    assert seen["greeting"] == "ahoy"


def test_the_inner_application_can_be_asked_for() -> None:
    assert Greeting(report_scope).inner is report_scope
