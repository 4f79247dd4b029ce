"""Acting on a connection that an observer has heard of."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from runtime.boundary import Boundary
from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.exceptions import NotSteerable, StopConsumer
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.steering import end_connection, hand_message, send_event
from runtime.taps import Connection, Observer, taps
from tests.support.observing import observed
from tests.support.playbook import play

CAUSE = ("trace", "5f00c2:1")


class Chat(AsyncWebsocketConsumer):
    ended_with: list[int | None]

    async def chat_message(self, message):
        await self.send(text_data=message["text"])

    async def disconnect(self, code):
        type(self).ended_with.append(code)


class SyncChat(WebsocketConsumer):
    ended_with: list[int | None]

    def chat_message(self, message):
        self.send(text_data=message["text"])

    def disconnect(self, code):
        type(self).ended_with.append(code)


class Echo(SyncConsumer):
    def chat_receive(self, event):
        self.send({"type": "chat.send", "text": event["text"]})


@pytest.fixture(params=[Chat, SyncChat])
def consumer(request):
    request.param.ended_with = []
    return request.param


@asynccontextmanager
async def open_socket(application):
    with observed() as notebook:
        async with play(Boundary(application), {"type": "websocket", "path": "/"}) as playbook:
            await playbook.put("websocket.connect")
            await playbook.expect("websocket.accept")
            yield playbook, notebook.of("scope_opened")[0][0], notebook


async def test_an_event_goes_to_the_client_and_observers_hear_of_it(consumer):
    async with open_socket(consumer.as_asgi()) as (playbook, connection, notebook):
        await send_event(connection, {"type": "websocket.send", "text": "from outside"})
        await playbook.expect("websocket.send", text="from outside")
        assert notebook.of("event_sent")[-1] == (
            connection,
            {"type": "websocket.send", "text": "from outside"},
        )


async def test_a_message_reaches_the_consumers_handler_with_its_cause(consumer):
    async with open_socket(consumer.as_asgi()) as (playbook, connection, notebook):
        message = {"type": "chat.message", "text": "hi"}
        assert hand_message(connection, message, CAUSE)
        await playbook.expect("websocket.send", text="hi")
        [delivered] = notebook.of("message_delivered")
        assert delivered == (connection, connection.channel_name, message, CAUSE)


async def test_a_full_mailbox_takes_no_message(consumer):
    async with open_socket(consumer.as_asgi()) as (_, connection, notebook):
        connection.mailbox.set_channel(connection.channel_name, capacity=0, expiry_s=60)
        assert not hand_message(connection, {"type": "chat.message", "text": "hi"})
        assert notebook.of("message_dropped")[0][3] == "capacity"


async def test_a_consumer_ends_in_its_own_way_with_the_code_and_the_reason(consumer):
    async with open_socket(consumer.as_asgi()) as (playbook, connection, _):
        await end_connection(connection, 4001, "by hand", CAUSE)
        await playbook.expect("websocket.close", code=4001, reason="by hand")
        await playbook.put("websocket.disconnect", code=4001)
        await playbook.end()
        assert consumer.ended_with == [4001]


async def test_the_end_is_an_effect_of_what_asked_for_it(consumer):
    causes = []

    class Watching(Observer):
        def event_sent(self, connection: Connection, event):
            causes.append((event["type"], connection.cause))

    async with open_socket(consumer.as_asgi()) as (playbook, connection, _):
        taps.attach(watching := Watching())
        await end_connection(connection, 4001, "by hand", CAUSE)
        await playbook.expect("websocket.close")
        taps.detach(watching)
    assert causes == [("websocket.close", CAUSE)]


async def test_an_application_without_a_consumer_is_closed_by_an_event():
    async def echo(scope, receive, send):
        while (event := await receive())["type"] != "websocket.disconnect":
            if event["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})

    async with open_socket(echo) as (playbook, connection, _):
        with pytest.raises(NotSteerable, match="needs a consumer"):
            hand_message(connection, {"type": "chat.message"})
        await end_connection(connection, 4001, "by hand")
        await playbook.expect("websocket.close", code=4001, reason="by hand")


async def test_what_has_ended_takes_nothing_and_is_let_go_of(consumer):
    async with open_socket(consumer.as_asgi()) as (playbook, connection, _):
        await playbook.put("websocket.disconnect", code=1000)
        await playbook.end()
        assert (connection.send, connection.mailbox) == (None, None)
        with pytest.raises(NotSteerable, match="has ended"):
            await send_event(connection, {"type": "websocket.send", "text": "late"})
        with pytest.raises(NotSteerable, match="has ended"):
            await end_connection(connection, 1000, "")
        with pytest.raises(NotSteerable):
            hand_message(connection, {"type": "chat.message"})


async def test_a_response_of_a_consumer_is_ended_and_that_of_a_view_is_not():
    class Slow(AsyncHttpConsumer):
        async def handle(self, body):
            await self.send_headers(status=200)
            await self.send_body(b"a", more_body=True)
            self.began.set()

    async def view(scope, receive, send):
        await receive()
        began.set()
        await asyncio.Event().wait()

    began = Slow.began = asyncio.Event()
    for application, is_ended in ((Slow.as_asgi(), True), (view, False)):
        began.clear()
        with observed() as notebook:
            async with play(Boundary(application), {"type": "http", "path": "/"}) as playbook:
                await playbook.put("http.request", body=b"")
                await began.wait()
                connection = notebook.of("scope_opened")[0][0]
                if is_ended:
                    await end_connection(connection, 1000, "")
                    await playbook.end()
                    assert notebook.of("event_sent")[-1][1]["body"] == b""
                else:
                    with pytest.raises(NotSteerable, match="ends with its view"):
                        await end_connection(connection, 1000, "")


async def test_another_protocol_ends_with_its_own_event_after_what_waits():
    class Guest(AsyncConsumer):
        async def chat_receive(self, event):
            await self.send({"type": "chat.send", "text": event["text"]})

        async def chat_disconnect(self, event):
            await self.send({"type": "chat.goodbye", "reason": event["reason"]})
            raise StopConsumer

    with observed() as notebook:
        async with play(Boundary(Guest.as_asgi()), {"type": "chat"}) as playbook:
            await playbook.put("chat.receive", text="one")
            await playbook.expect("chat.send", text="one")
            connection = notebook.of("scope_opened")[0][0]
            await end_connection(connection, 1000, "by hand", CAUSE)
            await playbook.expect("chat.goodbye", reason="by hand")
            await playbook.end()
    assert notebook.of("handler_started")[-1][2] == CAUSE


async def test_another_protocol_ends_without_a_handler_for_its_event_too():
    with observed() as notebook:
        async with play(Boundary(Echo.as_asgi()), {"type": "chat"}) as playbook:
            await playbook.put("chat.receive", text="one")
            await playbook.expect("chat.send", text="one")
            await end_connection(notebook.of("scope_opened")[0][0], 1000, "")
            await playbook.end()


async def test_a_workers_channel_is_its_workers_to_end():
    connection = Connection({"type": "channel", "channel": "jobs"})
    connection.send = lambda event: None
    with pytest.raises(NotSteerable, match="worker"):
        await end_connection(connection, 1000, "")
