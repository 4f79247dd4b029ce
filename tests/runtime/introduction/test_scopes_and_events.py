"""Scopes and events: what lives as long as a connection, and what comes in it."""

import pytest

from runtime.consumer import AsyncConsumer
from runtime.generic.http import AsyncHttpConsumer
from runtime.testing import ApplicationCommunicator, HttpCommunicator, WebsocketCommunicator
from tests.runtime.introduction.chat import ChatConsumer

pytestmark = pytest.mark.usefixtures("layer")


class Chatbot(AsyncConsumer):
    """Counts what it hears, on its instance and in its scope."""

    made = 0

    def __init__(self):
        Chatbot.made += 1
        self.heard = 0

    async def chat_received_message(self, message):
        self.heard += 1
        self.scope.setdefault("words", []).append(message["text"])
        for _ in range(message.get("answers", 1)):
            text = f"{self.scope['username']}: {self.heard} {' '.join(self.scope['words'])}"
            await self.send({"type": "chat.send_message", "text": text})


def chatbot(username):
    return ApplicationCommunicator(Chatbot.as_asgi(), {"type": "chat", "username": username})


async def test_an_application_is_instantiated_once_for_each_scope(monkeypatch):
    monkeypatch.setattr(Chatbot, "made", 0)
    async with chatbot("ada") as ada, chatbot("bob") as bob:
        for word in ("one", "two", "three"):
            await ada.send_input({"type": "chat.received_message", "text": word})
            await ada.receive_output()
        await bob.send_input({"type": "chat.received_message", "text": "uno"})
        assert (await bob.receive_output())["text"] == "bob: 1 uno"
    assert Chatbot.made == 2


async def test_instance_and_scope_persist_as_long_as_the_connection():
    async with chatbot("ada") as ada:
        await ada.send_input({"type": "chat.received_message", "text": "hello"})
        assert (await ada.receive_output())["text"] == "ada: 1 hello"
        await ada.send_input({"type": "chat.received_message", "text": "again"})
        assert (await ada.receive_output())["text"] == "ada: 2 hello again"


async def test_a_socket_that_reopens_has_a_new_scope_and_a_new_instance():
    for _ in range(2):
        async with WebsocketCommunicator(ChatConsumer.as_asgi(), "/") as client:
            assert await client.connect() == (True, None)
            assert await client.receive_from() == "[Welcome Anonymous!]"
            await client.send_to(text_data="/name ada")
            assert await client.receive_from() == "[set your username to ada]"


async def test_a_chatbot_answers_not_at_all_or_several_times():
    async with chatbot("ada") as ada:
        for answers in (0, 3):
            message = {"type": "chat.received_message", "text": "hi", "answers": answers}
            await ada.send_input(message)
        assert [(await ada.receive_output())["text"] for _ in range(3)] == ["ada: 2 hi hi"] * 3


async def test_the_scope_of_a_request_is_destroyed_with_its_response():
    class Hello(AsyncHttpConsumer):
        async def handle(self, body):
            await self.send_response(200, b"hello " + body)

    request = HttpCommunicator(Hello.as_asgi(), "POST", "/", body=b"world")
    assert (await request.get_response())["body"] == b"hello world"
    await request.wait()
