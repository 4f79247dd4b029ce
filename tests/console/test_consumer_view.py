from __future__ import annotations

import inspect
from pathlib import Path

from console.consumer_view import read_consumer
from runtime.generic.websocket import AsyncJsonWebsocketConsumer


class Shared(AsyncJsonWebsocketConsumer):
    async def chat_typing(self, message):
        pass


class Chat(Shared):
    """A room.

    With a second line.
    """

    groups = ("lobby",)

    async def connect(self):
        pass

    async def receive_json(self, content, **kwargs):
        pass

    async def chat_message(self, message):
        pass

    async def two(self, one, other):
        pass

    async def _private(self, message):
        pass

    def helper(self):
        pass


def test_the_handlers_are_what_a_message_may_call_in_the_order_of_the_source():
    view = read_consumer(Chat)
    assert [(one.name, one.message_type) for one in view.handlers] == [
        ("chat_typing", "chat.typing"),
        ("connect", "websocket.connect"),
        ("receive_json", "websocket.receive"),
        ("chat_message", "chat.message"),
    ]
    lines = Path(__file__).read_text().splitlines()
    assert all(f"def {one.name}(" in lines[one.line - 1] for one in view.handlers)


def test_a_consumer_says_what_it_is():
    view = read_consumer(Chat)
    assert (view.name, view.base, view.alias) == ("Chat", "Shared", "default")
    assert view.groups == ("lobby",)
    assert view.doc == "A room.\n\nWith a second line."
    line = inspect.getsourcelines(Chat)[1]
    assert view.source == f"tests/console/test_consumer_view.py:{line}"


def test_an_editor_is_led_to_the_line():
    view = read_consumer(Chat, "ide://open?file={path}&line={line}")
    assert view.editor_url.startswith("ide://open?file=/")
    assert view.editor_url.endswith(f"&line={inspect.getsourcelines(Chat)[1]}")
    assert read_consumer(Chat).editor_url == ""


def test_a_class_without_a_source_is_shown_without_one():
    built = type("Built", (AsyncJsonWebsocketConsumer,), {})
    view = read_consumer(built, "ide://{path}:{line}")
    assert (view.source, view.editor_url, view.handlers) == ("", "", ())
