"""The Telegram server against a Bot API server on loopback."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager

import aiohttp
import pytest
from django.core.exceptions import ImproperlyConfigured

from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.drops import drops
from runtime.exceptions import MissingLibrary, StopConsumer
from runtime.protocols.connecting import Backoff
from runtime.protocols.telegram import webhook
from runtime.protocols.telegram.server import TelegramServer
from runtime.protocols.telegram.settings import TelegramSettings
from runtime.routing import ProtocolTypeRouter
from tests.support.bot_api import TOKEN, running_bot_api
from tests.support.observing import observed
from tests.support.protocol_serving import running_server

pytestmark = pytest.mark.usefixtures("layer")

SECRET = "a_secret-of-the-webhook"


class ChattyBotConsumer(SyncConsumer):
    def telegram_message(self, message):
        """
        Simple echo handler for telegram messages in any chat.
        """
        self.send(
            {
                "type": "telegram.message",
                "text": "You said: %s" % message["text"],  # noqa: UP031 - as printed
            }
        )


class Counting(AsyncConsumer):
    count = 0

    async def telegram_message(self, event):
        self.count += 1
        await self.send({"type": "telegram.message", "text": f"{event['text']} {self.count}"})

    async def telegram_disconnect(self, event):
        await self.send({"type": "telegram.message", "text": f"goodbye: {event['reason']}"})
        raise StopConsumer


class Talkative(AsyncConsumer):
    async def telegram_message(self, event):
        for number in range(int(event["text"])):
            await self.send({"type": "telegram.message", "text": str(number)})


def settings_of(api, **options):
    fast = {"POLL_S": 5, "PER_CHAT_S": 0.0, "PER_GROUP_S": 0.0, "PER_SECOND": 10_000}
    return TelegramSettings(TOKEN=TOKEN, API_URL=api.url, **{**fast, **options})


def serving(application, settings, **options):
    server = TelegramServer(
        ProtocolTypeRouter({"telegram": application}),
        settings,
        backoff=Backoff(0.01, 0.05),
        **{"deadline_s": 5.0, **options},
    )
    return running_server(server)


@pytest.fixture
async def api():
    async with running_bot_api() as api:
        yield api


async def test_the_bot_of_the_introduction_runs_as_printed(api):
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        await api.say("hello")
        assert await api.wait_sent(1) == ["You said: hello"]
        assert api.sent[0]["chat_id"] == "42"


async def test_a_chat_has_one_instance_and_another_its_own(api):
    async with serving(Counting.as_asgi(), settings_of(api)):
        for chat in (1, 1, 2):
            await api.say("x", chat=chat)
        await api.wait_sent(3)
        said = {(message["chat_id"], message["text"]) for message in api.sent}
        assert said == {("1", "x 1"), ("1", "x 2"), ("2", "x 1")}


async def test_a_conversation_ends_after_a_silence_and_begins_anew(api):
    async with serving(Counting.as_asgi(), settings_of(api, SCOPE_TIMEOUT_S=0.1)):
        await api.say("x")
        assert await api.wait_sent(2) == ["x 1", "goodbye: timeout"]
        await api.say("y")
        assert (await api.wait_sent(3))[2] == "y 1"


async def test_observers_hear_the_chat_and_what_is_said(api):
    with observed() as notebook:
        async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
            await api.say("hello")
            await api.wait_sent(1)
    [(connection,)] = notebook.of("scope_opened")
    assert (connection.scope["path"], connection.scope["client"]) == ("chats/42", ("ada", 7))
    heard = [event.get("text") for _, event, _ in notebook.of("event_received")]
    assert heard == ["hello", None]
    assert [event["text"] for _, event in notebook.of("event_sent")] == ["You said: hello"]


async def test_of_too_many_chats_the_one_that_was_silent_for_longest_ends(api):
    async with serving(Counting.as_asgi(), settings_of(api, MAX_SCOPES=1)) as server:
        await api.say("x", chat=1)
        await api.wait_sent(1)
        await api.say("y", chat=2)
        assert sorted(await api.wait_sent(3)) == ["goodbye: replaced", "x 1", "y 1"]
        assert [scope.scope["chat_id"] for scope in server.scopes.values()] == [2]


async def test_messages_to_a_chat_keep_their_order_and_their_distance(api):
    async with serving(Talkative.as_asgi(), settings_of(api, PER_CHAT_S=0.5)):
        await api.say("3")
        assert await api.wait_sent(3) == ["0", "1", "2"]
        # The last leaves a second after the first, which may have been long on its way.
        assert api.sent_at[-1] - api.sent_at[0] > 0.3


async def test_a_chat_that_has_to_wait_holds_up_no_other(api):
    async with serving(Talkative.as_asgi(), settings_of(api, PER_CHAT_S=600.0), deadline_s=0.1):
        await api.say("3", chat=1)
        await api.wait_sent(1)
        await api.say("1", chat=2)
        await api.wait_sent(2)
        assert [message["chat_id"] for message in api.sent] == ["1", "2"]


async def test_the_api_is_left_alone_for_as_long_as_it_says(api):
    api.fail("sendMessage", 429, parameters={"retry_after": 1})
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        begun = asyncio.get_running_loop().time()
        await api.say("hello")
        assert await api.wait_sent(1) == ["You said: hello"]
        assert api.sent_at[0] - begun >= 1.0
        assert api.calls.count("sendMessage") == 2


async def test_a_server_in_trouble_gets_the_message_again(api):
    api.fail("sendMessage", 502)
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        await api.say("hello")
        assert await api.wait_sent(1) == ["You said: hello"]


async def test_a_refused_message_is_counted_and_the_next_is_sent(api, caplog):
    api.fail("sendMessage", 403)
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        await api.say("one")
        await api.say("two")
        assert await api.wait_sent(1) == ["You said: two"]
    assert drops.counts == {("telegram", "undelivered"): 1}
    assert "A message to chat 42 was refused" in caplog.text


async def test_a_group_that_has_become_another_gets_the_message_there(api):
    api.fail("sendMessage", 400, parameters={"migrate_to_chat_id": -1007})
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        await api.write(api.text("hello", chat=-7))
        await api.wait_sent(1)
        assert api.sent[0]["chat_id"] == "-1007"


async def test_malformed_updates_are_counted_confirmed_and_hold_up_nobody(api):
    good = api.text("fine")
    bad = [{"update_id": 1, "message": "?"}, {"nothing": "of this"}, 5, api.text(["no text"])]
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        with observed() as notebook:
            await api.write(*bad, good)
            assert await api.wait_sent(1) == ["You said: fine"]
        shown = {message["expected"] for _, _, message, *_ in notebook.of("message_dropped")}
        assert shown == {
            "an update of a chat: message, edited_message, channel_post, edited_channel_post,"
            " my_chat_member, chat_member, chat_join_request or callback_query",
            "an object with an update_id",
            "a text as 'text'",
        }
        assert drops.counts[("telegram", "malformed")] >= 4


@pytest.mark.parametrize("body", ["<html>oops</html>", {"ok": True, "result": "no list"}])
async def test_a_malformed_answer_is_counted_and_polled_for_again(api, body):
    api.answer("getUpdates", 200, body)
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        await api.say("hello")
        assert await api.wait_sent(1) == ["You said: hello"]
    assert drops.counts == {("telegram", "malformed"): 1}


async def test_an_api_that_is_gone_is_polled_again_and_the_log_hides_the_token(api, caplog):
    api.fail("getUpdates", 500)
    api.fail("deleteWebhook", 502)
    async with serving(ChattyBotConsumer.as_asgi(), settings_of(api)):
        await api.say("hello")
        assert await api.wait_sent(1) == ["You said: hello"]
    assert "No connection to the Bot API" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_token_that_is_refused_ends_the_server(api):
    settings = TelegramSettings(TOKEN="123456:another", API_URL=api.url)
    server = TelegramServer(ChattyBotConsumer.as_asgi(), settings)
    with pytest.raises(ImproperlyConfigured, match="refuses CHANNELS_TELEGRAM"):
        await server.serve()


def test_what_is_no_token_is_said_before_anything_is_served():
    with pytest.raises(ImproperlyConfigured, match="no token of a bot") as caught:
        TelegramServer(ChattyBotConsumer.as_asgi(), TelegramSettings(TOKEN="a secret"))
    assert "a secret" not in str(caught.value)


async def test_a_server_that_stops_has_confirmed_what_it_took_and_said_goodbye(api):
    async with serving(Counting.as_asgi(), settings_of(api)):
        await api.say("x")
        await api.wait_sent(1)
    assert [message["text"] for message in api.sent] == ["x 1", "goodbye: shutdown"]
    assert api.updates == []


async def test_updates_that_come_while_it_stops_are_left_for_the_next(api):
    async with serving(Counting.as_asgi(), settings_of(api)) as server:
        await api.wait_called("getUpdates")
        server.stop()
        await api.say("x")
    assert len(api.updates) == 1
    async with serving(Counting.as_asgi(), settings_of(api)):
        assert await api.wait_sent(1) == ["x 1"]


# By webhook


def webhook_settings(api, **options):
    return settings_of(
        api,
        WEBHOOK_URL="https://bot.example/hook/",
        WEBHOOK_SECRET=SECRET,
        WEBHOOK_PORT=0,
        **options,
    )


@asynccontextmanager
async def hooked(api, application=None, **options):
    """Run a server with a webhook; yields it and a function that posts to it."""
    application = application or ChattyBotConsumer.as_asgi()
    async with (
        serving(application, webhook_settings(api), **options) as server,
        aiohttp.ClientSession() as session,
    ):
        await api.wait_called("setWebhook")

        async def post(body, secret=SECRET):
            headers = {} if secret is None else {webhook.SECRET_HEADER: secret}
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            url = "http://{}:{}/hook/".format(*server.listens_at)
            async with session.post(url, data=data, headers=headers) as response:
                return response.status

        yield server, post


async def test_an_update_comes_by_webhook_and_its_answer_goes_out(api):
    async with hooked(api) as (_, post):
        assert api.webhook["url"] == "https://bot.example/hook/"
        assert api.webhook["secret_token"] == SECRET
        assert await post(api.text("hello")) == 200
        assert await api.wait_sent(1) == ["You said: hello"]
        assert "getUpdates" not in api.calls


@pytest.mark.parametrize("secret", [None, "", "wrong", "wröng", SECRET + "x"])
async def test_who_does_not_know_the_secret_is_not_let_in(api, secret):
    async with hooked(api) as (server, post):
        assert await post(api.text("hello"), secret) == 403
        assert not server.scopes
    assert not drops.counts


async def test_a_body_that_is_too_large_is_not_read(api):
    async with hooked(api) as (_, post):
        assert await post(b" " * (webhook.LARGEST_BODY + 1)) == 413
        assert drops.counts == {("telegram", "malformed"): 1}
        assert await post(api.text("still here")) == 200


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000])
async def test_what_is_no_json_is_counted(api, body):
    async with hooked(api) as (_, post):
        assert await post(body) == 400
        assert drops.counts == {("telegram", "malformed"): 1}


async def test_a_malformed_update_is_counted_and_not_asked_for_again(api):
    async with hooked(api) as (_, post):
        assert await post({"update_id": 5}) == 200
        assert drops.counts == {("telegram", "malformed"): 1}


async def test_while_it_stops_updates_are_to_be_sent_again(api):
    released = asyncio.Event()

    class Slow(AsyncConsumer):
        async def telegram_message(self, event):
            await released.wait()

    async with hooked(api, Slow.as_asgi(), deadline_s=60.0) as (server, post):
        await post(api.text("hello"))
        server.stop()
        assert await post(api.text("hello")) == 503
        released.set()


def test_a_webhook_needs_a_secret(api):
    with pytest.raises(ImproperlyConfigured, match="needs a WEBHOOK_SECRET"):
        TelegramSettings(TOKEN=TOKEN, WEBHOOK_URL="https://bot.example/")


def test_settings_show_no_secret():
    shown = repr(TelegramSettings(TOKEN=TOKEN, WEBHOOK_SECRET=SECRET))
    assert TOKEN not in shown
    assert SECRET not in shown


def test_a_missing_library_says_what_to_install(monkeypatch):
    for name in ("client", "outbox", "webhook"):
        monkeypatch.delitem(sys.modules, f"runtime.protocols.telegram.{name}", raising=False)
    monkeypatch.delattr("runtime.protocols.telegram.client")
    monkeypatch.setitem(sys.modules, "aiogram", None)
    with pytest.raises(MissingLibrary) as caught:
        TelegramServer(ChattyBotConsumer.as_asgi(), TelegramSettings(TOKEN=TOKEN))
    assert 'python -m pip install "channelscope[telegram]"' in str(caught.value)
