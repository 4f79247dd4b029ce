import asyncio
import logging

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore

from runtime import revalidation
from runtime.auth import AuthMiddlewareStack
from runtime.db import database_sync_to_async
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.revalidation import GuardedMailbox, Watch
from tests.runtime.test_sessions import with_cookie
from tests.support.playbook import eventually, play, websocket

pytestmark = [pytest.mark.usefixtures("layer"), pytest.mark.django_db(transaction=True)]

PASSWORD = "first"


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(monkeypatch, clock):
    """The timer of this test: it ticks in each turn of the loop, and its clock stands."""
    watch = Watch(clock=clock, tick_s=0)
    monkeypatch.setattr("runtime.consumer.current_watch", lambda: watch)
    return watch


@pytest.fixture
def silent_watch(monkeypatch, clock):
    """A timer that never ticks: what comes is looked at, what is silent is not."""
    watch = Watch(clock=clock, tick_s=3_600)
    monkeypatch.setattr("runtime.consumer.current_watch", lambda: watch)
    return watch


@pytest.fixture
def user():
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.fixture
def session(user):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session


class Echo(AsyncWebsocketConsumer):
    revalidate_user_every = 60

    def __init__(self, goodbyes=None):
        super().__init__()
        self.goodbyes = [] if goodbyes is None else goodbyes

    async def receive(self, text_data=None, bytes_data=None):
        user = self.scope["user"]
        may = await database_sync_to_async(user.has_perm)("auth.add_user")
        await self.send(f"{user} {may}")

    async def disconnect(self, code):
        self.goodbyes.append(code)


class SyncEcho(WebsocketConsumer):
    revalidate_user_every = 60

    def __init__(self, goodbyes=None):
        super().__init__()
        self.goodbyes = [] if goodbyes is None else goodbyes

    def receive(self, text_data=None, bytes_data=None):
        user = self.scope["user"]
        self.send(f"{user} {user.has_perm('auth.add_user')}")

    def disconnect(self, code):
        self.goodbyes.append(code)


def opened(consumer_class, session, **arguments):
    application = AuthMiddlewareStack(consumer_class.as_asgi(**arguments))
    headers = with_cookie(session.session_key) if session is not None else []
    return websocket(application, headers=headers)


def log_out(user, session):
    session.delete()


def change_password(user, session):
    user.set_password("second")
    user.save()


def deactivate(user, session):
    user.is_active = False
    user.save()


def delete(user, session):
    user.delete()


losses = pytest.mark.parametrize("lose", [log_out, change_password, deactivate, delete])
echoes = pytest.mark.parametrize("echo", [Echo, SyncEcho])


@losses
@echoes
async def test_who_has_lost_the_right_is_disconnected_at_the_next_message(
    echo, lose, user, session, clock, silent_watch
):
    goodbyes = []
    async with opened(echo, session, goodbyes=goodbyes) as client:
        await client.expect("websocket.accept")
        await database_sync_to_async(lose)(user, session)
        clock.now_s = 59
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.send", text="ada False")
        clock.now_s = 60
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.close", code=4401, reason="signed out")
        await client.put("websocket.disconnect", code=4401)
        await client.end()
        assert client.is_silent
    assert goodbyes == [4401]


async def test_a_silent_connection_is_looked_at_by_the_timer(user, session, clock, watch):
    async with opened(Echo, session) as client:
        await client.expect("websocket.accept")
        await database_sync_to_async(log_out)(user, session)
        clock.now_s = 60
        await client.expect("websocket.close", code=4401)
        await client.put("websocket.disconnect", code=4401)
        await client.end()


async def test_a_layer_message_does_not_reach_who_has_lost_the_right(
    user, session, clock, silent_watch, layer
):
    class Listening(Echo):
        groups = ("news",)

        async def news_item(self, message):
            await self.send(message["text"])

    async with opened(Listening, session) as client:
        await client.expect("websocket.accept")
        await layer.group_send("news", {"type": "news.item", "text": "public"})
        await client.expect("websocket.send", text="public")
        await database_sync_to_async(log_out)(user, session)
        clock.now_s = 60
        await layer.group_send("news", {"type": "news.item", "text": "secret"})
        await client.expect("websocket.close", code=4401)


async def test_a_message_that_waits_already_is_not_handed_over_without_a_look(
    user, session, clock, silent_watch
):
    mailbox = GuardedMailbox(None, {"session": session, "user": user}, 60, silent_watch)
    mailbox.set_channel("specific.test!1", capacity=3, expiry_s=60)
    mailbox.offer({"type": "chat", "n": 0})
    mailbox.offer({"type": "chat", "n": 1})
    assert mailbox.take_now()[0]["n"] == 0
    clock.now_s = 61.0
    assert mailbox.take_now() is None
    assert (await mailbox.get())[0]["n"] == 1
    await mailbox.close()


async def test_who_still_may_goes_on_with_the_rights_of_today(user, session, clock, silent_watch):
    async with opened(Echo, session) as client:
        await client.expect("websocket.accept")
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.send", text="ada False")
        permission = await Permission.objects.aget(codename="add_user")
        await user.user_permissions.aadd(permission)
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.send", text="ada False")
        clock.now_s = 60
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.send", text="ada True")


async def test_an_anonymous_client_has_nothing_to_lose(clock, watch):
    async with opened(Echo, None) as client:
        await client.expect("websocket.accept")
        clock.now_s = 60
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.send", text="AnonymousUser False")


async def test_a_user_that_no_session_knows_is_read_by_itself(user, clock, silent_watch):
    scope_user = await User.objects.aget(pk=user.pk)
    async with websocket(Echo.as_asgi(), user=scope_user) as client:
        await client.expect("websocket.accept")
        clock.now_s = 60
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.send", text="ada False")
        await database_sync_to_async(deactivate)(user, None)
        clock.now_s = 120
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.close", code=4401)


async def test_a_database_that_is_away_disconnects_nobody(
    session, clock, silent_watch, monkeypatch, caplog
):
    async def fail(scope):
        raise OSError("the database is away")

    async with opened(Echo, session) as client:
        await client.expect("websocket.accept")
        monkeypatch.setattr(revalidation, "refresh_user", fail)
        clock.now_s = 60
        with caplog.at_level(logging.ERROR, "runtime.revalidation"):
            await client.put("websocket.receive", text="?")
            await client.expect("websocket.send", text="ada False")
    assert "the database is away" in caplog.text


async def test_nobody_is_asked_unless_the_consumer_wants_it(session, user, clock, watch):
    class Trusting(Echo):
        revalidate_user_every = None

    async with opened(Trusting, session) as client:
        await client.expect("websocket.accept")
        await database_sync_to_async(log_out)(user, session)
        clock.now_s = 1_000
        await client.put("websocket.receive", text="?")
        await client.expect("websocket.send", text="ada False")
        assert not watch._mailboxes


async def test_an_open_request_ends_with_401(user, session, clock, watch):
    class LongPoll(AsyncHttpConsumer):
        revalidate_user_every = 60

        async def handle(self, body):
            handled.append(body)

    handled = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": with_cookie(session.session_key),
    }
    async with play(AuthMiddlewareStack(LongPoll.as_asgi()), scope) as request:
        await request.put("http.request", body=b"")
        await eventually(lambda: bool(handled))
        await database_sync_to_async(log_out)(user, session)
        clock.now_s = 60
        await request.expect("http.response.start", status=401)
        await request.expect("http.response.body", body=b"Unauthorized")
        await request.end()


async def test_the_timer_ends_with_the_last_connection(session, watch):
    async with opened(Echo, session) as one, opened(Echo, session) as other:
        await one.expect("websocket.accept")
        await other.expect("websocket.accept")
        await one.put("websocket.disconnect", code=1000)
        await one.end()
        assert watch._timer is not None
        await other.put("websocket.disconnect", code=1000)
        await other.end()
        assert watch._timer is None
    assert asyncio.all_tasks() == {asyncio.current_task()}
