from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from http.cookies import SimpleCookie
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import SuspiciousOperation
from django.utils import timezone as django_timezone

from runtime import sessions
from runtime.consumer import AsyncConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.sessions import (
    CookieMiddleware,
    SameSiteError,
    SessionMiddleware,
    SessionMiddlewareStack,
)
from runtime.testing import HttpCommunicator, WebsocketCommunicator
from runtime.typing import ASGIApplication, Event, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]


def cookies_of(headers: Any) -> SimpleCookie:
    """Return the cookies that an answer sets."""
    jar = SimpleCookie()
    for name, value in headers:
        if name == b"Set-Cookie":
            jar.load(value.decode())
    return jar


def with_cookie(key: str | None) -> Headers:
    return [(b"cookie", f"sessionid={key}".encode())]


async def stored_session(**data: Any) -> str:
    """Return the key of a session that is in the database."""
    store = SessionStore()
    store.update(data)
    await store.asave()
    assert store.session_key is not None
    return store.session_key


async def read_cookies(headers: Headers) -> dict[str, str]:
    seen: dict[str, str] = {}

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope["cookies"])
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    await HttpCommunicator(
        CookieMiddleware(application), "GET", "/", headers=headers
    ).get_response()
    return seen


def answering(status: int, **data: Any) -> ASGIApplication:
    """Return an application that puts `data` into the session and answers."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        for key, value in data.items():
            await scope["session"].aset(key, value)
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body"})

    return SessionMiddlewareStack(application)


class Counter(AsyncWebsocketConsumer):
    """Counts the connections of a browser in its session."""

    async def connect(self) -> None:
        session = self.scope["session"]
        await session.aset("count", await session.aget("count", 0) + 1)
        await self.accept(subprotocol=str(await session.aget("count")))


class TestCookies:
    async def test_cookies_are_read_from_the_headers(self) -> None:
        assert await read_cookies([(b"host", b"x"), (b"cookie", b'a=1; b="2 3"')]) == {
            "a": "1",
            "b": "2 3",
        }

    async def test_a_header_that_http_2_has_split_is_one(self) -> None:
        assert await read_cookies([(b"cookie", b"a=1"), (b"cookie", b"b=2")]) == {
            "a": "1",
            "b": "2",
        }

    async def test_without_a_header_there_are_no_cookies(self) -> None:
        assert await read_cookies([(b"host", b"x")]) == {}

    async def test_cookies_that_are_there_already_stay(self) -> None:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept", "subprotocol": scope["cookies"]["a"]})

        communicator = WebsocketCommunicator(CookieMiddleware(application), "/")
        communicator.scope["cookies"] = {"a": "given"}
        assert await communicator.connect() == (True, "given")

    async def test_a_scope_without_headers_is_an_error_that_says_so(self) -> None:
        communicator = WebsocketCommunicator(CookieMiddleware(Counter.as_asgi()), "/")
        del communicator.scope["headers"]
        with pytest.raises(ValueError, match="did not have a headers key"):
            await communicator.connect()

    def test_a_cookie_is_set_with_lax_as_its_same_site(self) -> None:
        message: Event = {}
        CookieMiddleware.set_cookie(message, "Testing-Key", "testing-value")
        assert message == {
            "headers": [(b"Set-Cookie", b"Testing-Key=testing-value; Path=/; SameSite=lax")]
        }

    def test_every_attribute_of_a_cookie_can_be_given(self) -> None:
        message: Event = {}
        CookieMiddleware.set_cookie(
            message,
            "key",
            7,
            max_age=60,
            path="/ws/",
            domain="example.com",
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        cookie = cookies_of(message["headers"])["key"]
        assert cookie.value == "7"
        assert cookie["max-age"] == "60"
        assert cookie["expires"]
        assert (cookie["path"], cookie["domain"]) == ("/ws/", "example.com")
        assert (cookie["secure"], cookie["httponly"]) == (True, True)
        assert cookie["samesite"] == "Strict"

    @pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(hours=9))])
    def test_a_cookie_can_end_at_an_aware_or_a_naive_time(self, zone: timezone | None) -> None:
        expires = django_timezone.now() + timedelta(hours=1)
        given = expires.astimezone(zone) if zone else expires.replace(tzinfo=None)
        message: Event = {}
        CookieMiddleware.set_cookie(message, "key", "value", expires=given)
        assert int(cookies_of(message["headers"])["key"]["max-age"]) in (3599, 3600)

    def test_a_time_that_has_passed_ends_the_cookie_at_once(self) -> None:
        message: Event = {}
        past = datetime(2001, 1, 1, tzinfo=UTC)
        CookieMiddleware.set_cookie(message, "key", "value", expires=past)
        assert cookies_of(message["headers"])["key"]["max-age"] == "0"

    def test_a_cookie_can_do_without_a_same_site(self) -> None:
        message: Event = {}
        CookieMiddleware.set_cookie(message, "key", "value", samesite=None)
        assert message == {"headers": [(b"Set-Cookie", b"key=value; Path=/")]}

    def test_an_unknown_same_site_is_refused(self) -> None:
        with pytest.raises(SameSiteError, match="expected 'lax', 'strict' or 'none'") as caught:
            CookieMiddleware.set_cookie({}, "key", samesite="loose")
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, AssertionError)

    def test_a_deleted_cookie_has_ended(self) -> None:
        message: Event = {"headers": [(b"x-other", b"kept")]}
        CookieMiddleware.delete_cookie(message, "key", path="/ws/", domain="example.com")
        assert message["headers"][0] == (b"x-other", b"kept")
        cookie = cookies_of(message["headers"])["key"]
        assert cookie.value == ""
        assert cookie["max-age"] == "0"
        assert (cookie["path"], cookie["domain"]) == ("/ws/", "example.com")

    def test_headers_that_answers_share_are_not_changed(self) -> None:
        shared: Headers = [(b"content-type", b"text/plain")]
        message: Event = {"headers": shared}
        CookieMiddleware.set_cookie(message, "key", "value")
        assert len(message["headers"]) == 2
        assert shared == [(b"content-type", b"text/plain")]


async def test_a_session_needs_cookies() -> None:
    communicator = WebsocketCommunicator(SessionMiddleware(Counter.as_asgi()), "/")
    with pytest.raises(ValueError, match="inside of CookieMiddleware"):
        await communicator.connect()


async def test_a_session_that_is_there_already_stays_and_is_not_saved() -> None:
    class Showing(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            await self.accept(subprotocol=self.scope["session"]["name"])

    communicator = WebsocketCommunicator(SessionMiddlewareStack(Showing.as_asgi()), "/")
    communicator.scope["session"] = {"name": "given"}
    assert await communicator.connect() == (True, "given")
    assert not communicator.response_headers
    await communicator.disconnect()


async def test_an_untouched_session_costs_no_thread_and_no_cookie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No database is allowed in this test either.
    monkeypatch.delattr(sessions, "database_sync_to_async")
    application = SessionMiddlewareStack(AsyncWebsocketConsumer.as_asgi())
    communicator = WebsocketCommunicator(application, "/", headers=with_cookie("a" * 32))
    assert await communicator.connect() == (True, None)
    assert not communicator.response_headers
    await communicator.disconnect()


@pytest.mark.django_db(transaction=True)
class TestWebsocket:
    async def test_what_one_connection_puts_into_the_session_the_next_finds(self) -> None:
        application = SessionMiddlewareStack(Counter.as_asgi())
        async with WebsocketCommunicator(application, "/") as first:
            assert await first.connect() == (True, "1")
        cookie = cookies_of(first.response_headers)["sessionid"]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        async with WebsocketCommunicator(
            application, "/", headers=with_cookie(cookie.value)
        ) as second:
            assert await second.connect() == (True, "2")

    async def test_a_synchronous_consumer_reads_and_writes_the_session(self) -> None:
        class SyncCounter(WebsocketConsumer):
            def connect(self) -> None:
                self.scope["session"]["count"] = self.scope["session"].get("count", 0) + 1
                self.accept(subprotocol=str(self.scope["session"]["count"]))

        key = await stored_session(count=4)
        application = SessionMiddlewareStack(SyncCounter.as_asgi())
        async with WebsocketCommunicator(application, "/", headers=with_cookie(key)) as one:
            assert await one.connect() == (True, "5")
        assert await SessionStore(key).aget("count") == 5

    async def test_a_refusal_saves_the_session_without_a_cookie(self) -> None:
        class Refusing(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.scope["session"].aset("refused", True)
                await self.close()

        key = await stored_session(name="ada")
        application = SessionMiddlewareStack(Refusing.as_asgi())
        communicator = WebsocketCommunicator(application, "/", headers=with_cookie(key))
        assert await communicator.connect() == (False, 1000)
        assert await SessionStore(key).aget("refused") is True
        await communicator.disconnect()

    async def test_a_close_after_the_acceptance_leaves_the_stored_session_alone(self) -> None:
        class Late(AsyncWebsocketConsumer):
            async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
                await self.scope["session"].aset("name", "from an old copy")
                await self.close()

        key = await stored_session(name="ada")
        application = SessionMiddlewareStack(Late.as_asgi())
        async with WebsocketCommunicator(application, "/", headers=with_cookie(key)) as one:
            await one.connect()
            await one.send_to(text_data="go")
            assert (await one.receive_output())["type"] == "websocket.close"
        assert await SessionStore(key).aget("name") == "ada"

    async def test_an_emptied_session_deletes_the_cookie(self) -> None:
        class Flushing(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await self.scope["session"].aflush()
                await self.accept()

        key = await stored_session(name="ada")
        application = SessionMiddlewareStack(Flushing.as_asgi())
        async with WebsocketCommunicator(application, "/", headers=with_cookie(key)) as one:
            await one.connect()
        assert cookies_of(one.response_headers)["sessionid"]["max-age"] == "0"
        assert not await SessionStore().aexists(key)

    async def test_a_new_sessions_cookie_that_the_server_drops_is_reported(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def warnings() -> list[str]:
            return [one.getMessage() for one in caplog.records if one.name == "runtime.sessions"]

        async def connect(headers: Headers) -> str:
            communicator = WebsocketCommunicator(application, "/", headers=headers)
            communicator.scope["asgi"] = {"version": "3.0"}
            async with communicator:
                await communicator.connect()
            return cookies_of(communicator.response_headers)["sessionid"].value

        application = SessionMiddlewareStack(Counter.as_asgi())
        key = await connect([])
        assert len(warnings()) == 1
        assert "sends no headers when it accepts" in warnings()[0]
        assert await connect(with_cookie(key)) == key
        assert len(warnings()) == 1  # the browser knows this one already

    async def test_a_denial_response_carries_the_cookie(self) -> None:
        async def denying(scope: Scope, receive: Receive, send: Send) -> None:
            await scope["session"].aset("name", "ada")
            await send({"type": "websocket.http.response.start", "status": 401, "headers": []})

        communicator = WebsocketCommunicator(SessionMiddlewareStack(denying), "/")
        event = await communicator.receive_output()
        assert cookies_of(event["headers"])["sessionid"].value


@pytest.mark.django_db(transaction=True)
class TestHttp:
    async def test_a_changed_session_is_saved_and_its_cookie_set(self) -> None:
        response = await HttpCommunicator(answering(200, name="ada"), "GET", "/").get_response()
        cookie = cookies_of(response["headers"])["sessionid"]
        assert cookie["expires"]
        assert cookie["max-age"] == "1209600"
        assert cookie["path"] == "/"
        assert await SessionStore(cookie.value).aget("name") == "ada"

    async def test_a_session_that_is_only_read_is_left_alone(self) -> None:
        key = await stored_session(name="ada")
        response = await HttpCommunicator(
            answering(200), "GET", "/", headers=with_cookie(key)
        ).get_response()
        assert response["headers"] == []

    async def test_the_settings_of_the_cookie_hold(self, settings: Any) -> None:
        settings.SESSION_COOKIE_NAME = "sid"
        settings.SESSION_COOKIE_PATH = "/app/"
        settings.SESSION_COOKIE_SECURE = True
        settings.SESSION_COOKIE_HTTPONLY = False
        settings.SESSION_COOKIE_SAMESITE = "Strict"
        settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True
        response = await HttpCommunicator(answering(200, name="ada"), "GET", "/").get_response()
        cookie = cookies_of(response["headers"])["sid"]
        assert (cookie["path"], cookie["samesite"]) == ("/app/", "Strict")
        assert (cookie["secure"], cookie["httponly"]) == (True, "")
        assert (cookie["max-age"], cookie["expires"]) == ("", "")

    async def test_every_request_saves_if_the_settings_say_so(self, settings: Any) -> None:
        settings.SESSION_SAVE_EVERY_REQUEST = True
        key = await stored_session(name="ada")
        response = await HttpCommunicator(
            answering(200), "GET", "/", headers=with_cookie(key)
        ).get_response()
        assert cookies_of(response["headers"])["sessionid"].value == key

    async def test_a_response_that_failed_saves_nothing(self) -> None:
        key = await stored_session(name="ada")
        response = await HttpCommunicator(
            answering(500, name="bob"), "GET", "/", headers=with_cookie(key)
        ).get_response()
        assert response["headers"] == []
        assert await SessionStore(key).aget("name") == "ada"

    async def test_two_requests_at_once_have_sessions_of_their_own(self) -> None:
        class Saving(AsyncConsumer):
            async def http_request(self, event: Event) -> None:
                await self.scope["session"].asave()
                await self.send({"type": "http.response.start", "status": 200})
                await self.send({"type": "http.response.body", "body": self.scope["path"].encode()})

        application = SessionMiddlewareStack(Saving.as_asgi())
        async with (
            HttpCommunicator(application, "GET", "/one/") as one,
            HttpCommunicator(application, "GET", "/two/") as two,
        ):
            second, first = await two.get_response(), await one.get_response()
        assert (first["body"], second["body"]) == (b"/one/", b"/two/")
        keys = {cookies_of(answer["headers"])["sessionid"].value for answer in (first, second)}
        assert len(keys) == 2

    async def test_a_session_that_was_deleted_meanwhile_is_a_suspicious_operation(self) -> None:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await scope["session"].asave()
            await sync_to_async(SessionStore(scope["session"].session_key).flush)()
            await send({"type": "http.response.start", "status": 200})

        with pytest.raises(SuspiciousOperation, match="deleted before it could be saved"):
            await HttpCommunicator(SessionMiddlewareStack(application), "GET", "/").get_response()

    async def test_a_wrong_setting_of_same_site_is_refused(self, settings: Any) -> None:
        settings.SESSION_COOKIE_SAMESITE = "Hello"
        with pytest.raises(AssertionError):
            await HttpCommunicator(answering(200, name="ada"), "GET", "/").get_response()
