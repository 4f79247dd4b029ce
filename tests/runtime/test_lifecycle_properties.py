"""Whatever happens to a connection, in whatever order: its handlers run one at a time and in
order, its `disconnect()` runs exactly once and last, and nothing is left behind.
"""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core import mail
from hypothesis import given
from hypothesis import settings as effort

from runtime.generic.websocket import WebsocketConsumer
from tests.support.connection_scripts import (
    TURNS,
    AsyncActor,
    Deed,
    Script,
    Story,
    end,
    read,
    run,
    scripts,
    turns,
)


class SyncActor(WebsocketConsumer):
    groups = ("everybody",)

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story

    def connect(self) -> None:
        self.story.channel = self.channel_name
        with self.story.handling("connect", 0, self.story.script.connect) as deed:
            self.accept()
            self.do(deed, 0)

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        number, deed = read(text_data)
        with self.story.handling("client", number, deed):
            self.do(deed, number)

    def layer_message(self, message: dict[str, Any]) -> None:
        with self.story.handling("layer", message["number"], message["deed"]) as deed:
            self.do(deed, message["number"])

    def disconnect(self, code: int | None) -> None:
        self.story.goodbyes.append(code)
        with self.story.handling("disconnect", 0, self.story.script.disconnect) as deed:
            self.do(deed, 0)

    def do(self, deed: Deed, number: int) -> None:
        if deed == "wait":
            async_to_sync(turns)(TURNS)
        elif deed == "send":
            self.send(text_data=str(number))
        elif deed == "close":
            self.close()
        else:
            end(deed)


@pytest.fixture(scope="module")
def threads(request):
    """The pool of a server, or the one thread of a test."""
    if request.param == "one thread":
        yield
        return
    outbox = mail.outbox
    del mail.outbox
    yield
    mail.outbox = outbox


pytestmark = pytest.mark.usefixtures("scripted")


@given(scripts)
@effort(max_examples=500, deadline=None)
def test_any_script_with_an_asynchronous_consumer(script: Script) -> None:
    run(AsyncActor, script)


class Dropping(AsyncActor):
    slow_client = "drop"


class Coalescing(AsyncActor):
    slow_client = "coalesce"

    def coalesce_key(self, message: Any) -> Any:
        return object()  # of its own for each frame: their texts may be the same


class Closing(AsyncActor):
    slow_client = "close"


@pytest.mark.parametrize("actor", [Dropping, Coalescing, Closing])
@given(scripts)
@effort(max_examples=100, deadline=None)
def test_any_script_with_a_consumer_that_does_not_wait_for_its_client(
    actor: type[AsyncActor], script: Script
) -> None:
    run(actor, script)


@pytest.mark.parametrize("threads", ["a pool", "one thread"], indirect=True)
@given(scripts)
@effort(max_examples=100, deadline=None)
def test_any_script_with_a_synchronous_consumer(threads: None, script: Script) -> None:
    run(SyncActor, script)
