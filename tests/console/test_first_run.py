from __future__ import annotations

from typing import Any

import pytest

from console.first_run import Check, checks
from runtime.boundary import Boundary
from tests.console.recording import PROCESS
from tests.support.default_layer import default_layer
from tests.support.minimal_layer import MinimalChannelLayer


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """An application that nobody observes."""


class Middleware:
    """As that of Django for static files: it has the application inside."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.application(scope, receive, send)


wrapped = Boundary(bare)
within = Middleware(Middleware(wrapped))
around_nothing = Middleware(bare)


class SilentLayer(MinimalChannelLayer):
    """Takes everything and gives nothing."""

    async def new_channel(self, prefix: str = "specific") -> str:
        raise ConnectionError("nobody is there")


async def found(*, is_live: bool = False) -> dict[str, Check]:
    return {check.title: check for check in await checks(PROCESS, is_live=is_live)}


async def test_a_project_that_is_set_up_waits_for_its_first_scope(settings: Any) -> None:
    settings.ASGI_APPLICATION = f"{__name__}.wrapped"
    made = await found(is_live=True)
    assert [check.tone for check in made.values()] == ["ok", "ok", "ok", "ok", "wait"]
    assert made["Channel layer answers"].sentence.startswith("InMemoryChannelLayer, ")


async def test_an_application_is_observed_through_what_lies_around_it(settings: Any) -> None:
    settings.ASGI_APPLICATION = f"{__name__}.within"
    check = (await found())["Application is observed"]
    assert check.sentence == f"{__name__}.within, through Middleware"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        (f"{__name__}.around_nothing", "Application is not observed"),
        (None, "No ASGI application"),
        (f"{__name__}.bare", "Application is not observed"),
        (f"{__name__}.nothing", "The ASGI application cannot be imported"),
    ],
)
async def test_an_application_that_is_not_seen_is_named(
    settings: Any, name: str | None, title: str
) -> None:
    settings.ASGI_APPLICATION = name
    assert (await found())[title].tone == "warn"


async def test_a_layer_that_fails_says_how(settings: Any) -> None:
    with default_layer(SilentLayer()):
        check = (await found())["Channel layer does not answer"]
    assert (check.tone, check.sentence) == ("warn", "ConnectionError: nobody is there")


async def test_a_project_without_a_layer_is_told_what_it_lacks(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}
    assert (await found())["No channel layer"].tone == "ok"
