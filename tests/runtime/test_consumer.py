import asyncio
import logging
import threading
import time
from contextvars import ContextVar

import pytest

from runtime.consumer import AsyncConsumer, SyncConsumer, get_handler_name
from runtime.exceptions import StopConsumer
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.layers import channel_layers, get_channel_layer
from runtime.routing import ProtocolTypeRouter
from tests.support.observing import observed
from tests.support.playbook import play

pytestmark = pytest.mark.usefixtures("layer")


class Bot(AsyncConsumer):
    async def bot_say(self, message):
        await self.send({"type": "bot.said", "text": message["text"]})

    async def bot_name(self, message):
        await self.send({"type": "bot.named", "channel": self.channel_name})

    async def bot_stop(self, message):
        raise StopConsumer

    async def bot_fail(self, message):
        raise RuntimeError("the handler failed")


class SyncBot(SyncConsumer):
    def bot_say(self, message):
        self.send({"type": "bot.said", "text": message["text"], "thread": threading.get_ident()})


@pytest.mark.parametrize("consumer", [Bot, SyncBot])
async def test_a_message_is_handled_by_the_method_of_its_type(consumer):
    async with play(consumer.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.say", text="hello")
        await bot.expect("bot.said", text="hello")


async def test_a_sync_handler_runs_off_the_loop():
    async with play(SyncBot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.say", text="hello")
        assert (await bot.expect("bot.said"))["thread"] != threading.get_ident()


async def test_stop_consumer_ends_the_application_without_an_error():
    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.stop")
        await bot.end()


async def test_an_error_of_a_handler_is_raised_to_the_server():
    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.fail")
        with pytest.raises(RuntimeError, match="the handler failed"):
            await bot.end()


async def test_a_consumer_is_reached_on_its_own_channel():
    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.name")
        channel = (await bot.expect("bot.named"))["channel"]
        await get_channel_layer().send(channel, {"type": "bot.say", "text": "by channel"})
        await bot.expect("bot.said", text="by channel")


async def test_nothing_is_left_on_the_layer_or_the_loop_after_the_end():
    layer = get_channel_layer()
    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.name")
        channel = (await bot.expect("bot.named"))["channel"]
        await layer.group_add("bots", channel)
        await bot.put("bot.stop")
        await bot.end()
        assert layer.groups == {}
        await layer.send(channel, {"type": "bot.say", "text": "too late"})
        assert list(layer.channels) == [channel]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_consumer_works_without_a_channel_layer(settings):
    settings.CHANNEL_LAYERS = {}
    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.say", text="alone")
        await bot.expect("bot.said", text="alone")


async def test_a_layer_with_send_and_receive_alone_serves_too():
    class PullLayer:
        def __init__(self):
            self.queues = {}

        async def new_channel(self, prefix="specific"):
            return "specific.pull!1"

        async def send(self, channel, message):
            await self.queues.setdefault(channel, asyncio.Queue()).put(message)

        async def receive(self, channel):
            return await self.queues.setdefault(channel, asyncio.Queue()).get()

    channel_layers.set("default", PullLayer())
    async with play(Bot.as_asgi(), {"type": "bot"}) as bot:
        for n in range(300):
            await get_channel_layer().send("specific.pull!1", {"type": "bot.say", "text": n})
        for n in range(300):
            await bot.expect("bot.said", text=n)


@pytest.mark.parametrize(
    "kind", ["nobody.knows", "send", "dispatch", "as.asgi", "scope", "disconnected"]
)
@pytest.mark.parametrize("consumer", [Bot, SyncBot])
async def test_what_has_no_handler_is_dropped_and_the_consumer_lives(consumer, kind, caplog):
    with observed() as notebook, caplog.at_level(logging.WARNING, "runtime.consumer"):
        application = ProtocolTypeRouter({"bot": consumer.as_asgi()})
        async with play(application, {"type": "bot"}) as bot:
            await bot.put(kind, text="?")
            await bot.put("bot.say", text="still here")
            await bot.expect("bot.said", text="still here")
    assert "has no handler" in caplog.text
    assert notebook.of("message_dropped")[0][3] == "no handler"


@pytest.mark.parametrize("consumer", [Bot, SyncBot])
async def test_the_clients_leaving_ends_a_consumer_that_has_no_handler_for_it(consumer):
    async with play(consumer.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.disconnect")
        await bot.end()


async def test_an_event_whose_name_ends_like_the_clients_leaving_is_not_the_last():
    class Lobby(AsyncConsumer):
        async def bot_user_disconnect(self, message):
            assert not self.disconnected

        async def bot_say(self, message):
            await self.send({"type": "bot.said"})

    async with play(Lobby.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.user.disconnect")
        await bot.put("bot.say")
        await bot.expect("bot.said")


async def test_default_handler_takes_what_has_no_handler():
    class Catching(Bot):
        async def default_handler(self, message):
            await self.send({"type": "bot.caught", "kind": message["type"]})

    async with play(Catching.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("nobody.knows")
        await bot.expect("bot.caught", kind="nobody.knows")


def test_a_handler_name_is_the_type_with_underscores():
    assert get_handler_name({"type": "chat.message"}) == "chat_message"


@pytest.mark.parametrize("kind", ["_private", ".private"])
def test_a_type_with_a_leading_underscore_is_refused(kind):
    with pytest.raises(ValueError, match=r"Malformed type in message \(leading underscore\)"):
        get_handler_name({"type": kind})


def test_a_message_without_a_type_is_refused():
    with pytest.raises(ValueError, match="has no type"):
        get_handler_name({"text": "?"})


async def test_a_context_variable_of_one_handler_is_there_in_the_next():
    greeting = ContextVar("greeting", default="none")

    class Remembering(AsyncConsumer):
        async def bot_set(self, message):
            greeting.set("hello")

        async def bot_get(self, message):
            await self.send({"type": "bot.got", "greeting": greeting.get()})

    async with play(Remembering.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.set")
        await bot.put("bot.get")
        await bot.expect("bot.got", greeting="hello")


async def test_handlers_of_one_connection_run_one_at_a_time():
    running = []

    class Slow(AsyncConsumer):
        async def bot_work(self, message):
            running.append(message["n"])
            assert len(running) == 1
            for _ in range(5):
                await asyncio.sleep(0)
            running.pop()
            await self.send({"type": "bot.done", "n": message["n"]})

    async with play(Slow.as_asgi(), {"type": "bot"}) as bot:
        for n in range(5):
            await bot.put("bot.work", n=n)
        for n in range(5):
            await bot.expect("bot.done", n=n)


async def test_a_working_handler_sees_that_the_client_has_gone():
    class Working(AsyncConsumer):
        async def bot_work(self, message):
            while not self.disconnected:
                await asyncio.sleep(0)
            await self.send({"type": "bot.noticed"})

    async with play(Working.as_asgi(), {"type": "bot"}) as bot:
        await bot.put("bot.work")
        await bot.put("bot.disconnect")
        await bot.expect("bot.noticed")


@pytest.mark.parametrize("consumer", [Bot, SyncBot, AsyncWebsocketConsumer, AsyncHttpConsumer])
def test_all_that_an_instance_has_can_be_read_before_it_serves(consumer):
    instance = consumer()
    assert {name for name in dir(instance) if not hasattr(instance, name)} == set()
    assert instance.disconnected is False


def test_as_asgi_tells_its_consumer_and_keeps_name_and_docstring():
    class Documented(AsyncConsumer):
        """Says something."""

    application = Documented.as_asgi(colour="red")
    assert application.consumer_class is Documented
    assert application.consumer_initkwargs == {"colour": "red"}
    assert application.__name__ == "Documented"
    assert application.__doc__ == "Says something."


async def test_as_asgi_passes_its_arguments_to_each_instance():
    class Coloured(AsyncConsumer):
        def __init__(self, colour):
            self.colour = colour

        async def bot_ask(self, message):
            await self.send({"type": "bot.told", "colour": self.colour})

    async with play(Coloured.as_asgi(colour="red"), {"type": "bot"}) as bot:
        await bot.put("bot.ask")
        await bot.expect("bot.told", colour="red")


async def test_observers_hear_of_the_consumer_and_of_each_handler():
    application = ProtocolTypeRouter({"bot": Bot.as_asgi()})
    with observed() as notebook:
        async with play(application, {"type": "bot"}) as bot:
            await bot.put("bot.say", text="hello")
            await bot.expect("bot.said")
            await bot.put("bot.fail")
            with pytest.raises(RuntimeError):
                await bot.end()
    (connection, consumer) = notebook.of("consumer_started")[0]
    assert isinstance(consumer, Bot)
    assert connection.channel_name == consumer.channel_name
    started = notebook.of("handler_started")
    assert [message["type"] for _, message, _, _ in started] == ["bot.say", "bot.fail"]
    now = time.perf_counter()
    assert all(now - 5 < put_at < now for *_, put_at in started)
    errors = [error for *_, error in notebook.of("handler_finished")]
    assert errors[0] is None
    assert isinstance(errors[1], RuntimeError)
