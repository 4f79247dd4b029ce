from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.db import SessionStore
from django.dispatch import Signal

from runtime import auth
from runtime.auth import (
    AuthMiddleware,
    AuthMiddlewareStack,
    UserLazyObject,
    get_user,
    login,
    logout,
)
from runtime.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from runtime.testing import WebsocketCommunicator
from runtime.typing import Receive, Scope, Send
from tests.runtime.test_sessions import cookies_of, with_cookie

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
OTHER_BACKEND = "django.contrib.auth.backends.AllowAllUsersModelBackend"

with_database = pytest.mark.django_db(transaction=True)


class WhoAmI(AsyncWebsocketConsumer):
    """Accepts with the name of the user as the subprotocol."""

    async def connect(self) -> None:
        await self.accept(subprotocol=str(self.scope["user"]))


class SyncWhoAmI(WebsocketConsumer):
    def connect(self) -> None:
        self.accept(subprotocol=str(self.scope["user"]))


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """Collect what `signal` says."""
    said: list[dict[str, Any]] = []

    def hear(**kwargs: Any) -> None:
        said.append(kwargs)

    signal.connect(hear)
    try:
        yield said
    finally:
        signal.disconnect(hear)


@contextmanager
def hops(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Collect the sessions with which the user is read in a thread."""
    seen: list[Any] = []
    read = auth._read_user

    async def counting(session: Any) -> Any:
        seen.append(session)
        return await read(session)

    with monkeypatch.context() as patch:
        patch.setattr(auth, "_read_user", counting)
        yield seen


async def a_user(name: str = "ada") -> User:
    return await User.objects.acreate_user(name, password="secret")


async def a_session_of(user: User) -> SessionStore:
    """Return a saved session in which `user` is logged in, opened anew."""
    scope: Scope = {"session": SessionStore()}
    await login(scope, user)
    await scope["session"].asave()
    return SessionStore(scope["session"].session_key)


async def who_is(application: Any, session: SessionStore) -> str | int | None:
    headers = with_cookie(session.session_key)
    async with WebsocketCommunicator(application, "/", headers=headers) as communicator:
        return (await communicator.connect())[1]


class TestMiddleware:
    @with_database
    @pytest.mark.parametrize("consumer", [WhoAmI, SyncWhoAmI])
    async def test_the_user_of_the_session_is_in_the_scope(self, consumer: Any) -> None:
        session = await a_session_of(await a_user("ada"))
        assert await who_is(AuthMiddlewareStack(consumer.as_asgi()), session) == "ada"

    @with_database
    async def test_session_and_user_are_read_in_one_hop(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await a_session_of(await a_user("ada"))
        with hops(monkeypatch) as seen:
            await who_is(AuthMiddlewareStack(WhoAmI.as_asgi()), session)
        assert len(seen) == 1

    async def test_nobody_costs_no_hop_and_no_query(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # No database is allowed in this test either.
        application = AuthMiddlewareStack(WhoAmI.as_asgi())
        with hops(monkeypatch) as seen:
            async with WebsocketCommunicator(application, "/") as communicator:
                assert await communicator.connect() == (True, "AnonymousUser")
                assert not communicator.response_headers
        assert seen == []

    @with_database
    async def test_the_lazy_user_passes_for_a_user(self) -> None:
        seen: list[Any] = []

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["user"])
            await send({"type": "websocket.accept"})

        user = await a_user()
        await who_is(AuthMiddlewareStack(application), await a_session_of(user))
        assert isinstance(seen[0], User)
        assert seen[0] == user

    async def test_a_user_that_is_there_already_stays(self) -> None:
        communicator = WebsocketCommunicator(AuthMiddlewareStack(WhoAmI.as_asgi()), "/")
        communicator.scope["user"] = User(username="given")
        assert await communicator.connect() == (True, "given")
        await communicator.disconnect()

    @with_database
    async def test_a_second_stack_inside_asks_nothing_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await a_session_of(await a_user("ada"))
        nested = AuthMiddlewareStack(AuthMiddlewareStack(WhoAmI.as_asgi()))
        with hops(monkeypatch) as seen:
            assert await who_is(nested, session) == "ada"
        assert len(seen) == 1

    async def test_a_subclass_finds_the_user_in_its_own_way(self) -> None:
        class ByQueryString(AuthMiddleware):
            async def resolve_scope(self, scope: Scope) -> None:
                scope["user"]._wrapped = User(username=scope["query_string"].decode())

        application = ByQueryString(WhoAmI.as_asgi())
        communicator = WebsocketCommunicator(application, "/?grace")
        communicator.scope["session"] = {}
        assert await communicator.connect() == (True, "grace")
        await communicator.disconnect()

    async def test_the_session_is_demanded(self) -> None:
        communicator = WebsocketCommunicator(AuthMiddleware(WhoAmI.as_asgi()), "/")
        with pytest.raises(ValueError, match="AuthMiddleware cannot find session in scope"):
            await communicator.connect()

    def test_a_user_that_is_not_resolved_says_so(self) -> None:
        scope: Scope = {"session": {}}
        AuthMiddleware(WhoAmI.as_asgi()).populate_scope(scope)
        assert type(scope["user"]) is UserLazyObject
        with pytest.raises(ValueError, match="Accessing scope user before it is ready"):
            _ = scope["user"].username


class TestGetUser:
    async def test_it_demands_a_session(self) -> None:
        with pytest.raises(ValueError, match="Cannot find session in scope"):
            await get_user({})

    async def test_the_plain_dict_of_a_test_will_do(self) -> None:
        assert isinstance(await get_user({"session": {}}), AnonymousUser)

    @with_database
    async def test_a_user_that_is_gone_is_nobody(self) -> None:
        user = await a_user()
        session = await a_session_of(user)
        await user.adelete()
        assert isinstance(await get_user({"session": session}), AnonymousUser)

    @with_database
    async def test_a_backend_that_is_no_longer_set_is_not_asked(self, settings: Any) -> None:
        session = await a_session_of(await a_user())
        settings.AUTHENTICATION_BACKENDS = [OTHER_BACKEND]
        assert isinstance(await get_user({"session": session}), AnonymousUser)

    @with_database
    async def test_a_changed_password_ends_the_session(self) -> None:
        user = await a_user()
        session = await a_session_of(user)
        key = session.session_key
        user.set_password("another")
        await user.asave()
        assert isinstance(await get_user({"session": session}), AnonymousUser)
        assert not await SessionStore().aexists(key)

    @with_database
    async def test_a_rotated_secret_key_keeps_the_session_and_renews_its_hash(
        self, settings: Any
    ) -> None:
        user = await a_user()
        session = await a_session_of(user)
        key, old_hash = session.session_key, await session.aget(HASH_SESSION_KEY)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the next one"
        assert await get_user({"session": session}) == user
        assert await session.aget(HASH_SESSION_KEY) == user.get_session_auth_hash() != old_hash
        assert session.modified
        # The browser holds this key, and an open WebSocket cannot tell it another.
        assert session.session_key == key

    @with_database
    async def test_after_a_rotation_the_acceptance_stores_the_new_hash(self, settings: Any) -> None:
        user = await a_user("ada")
        session = await a_session_of(user)
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "the next one"
        assert await who_is(AuthMiddlewareStack(WhoAmI.as_asgi()), session) == "ada"
        settings.SECRET_KEY_FALLBACKS = []
        assert await get_user({"session": SessionStore(session.session_key)}) == user

    @with_database
    async def test_a_rotated_secret_key_without_fallback_ends_the_session(
        self, settings: Any
    ) -> None:
        session = await a_session_of(await a_user())
        settings.SECRET_KEY = "the next one"
        assert isinstance(await get_user({"session": session}), AnonymousUser)
        assert await session.aget(SESSION_KEY) is None

    @with_database
    async def test_a_session_without_a_hash_is_nobodys(self, monkeypatch: Any) -> None:
        """Not even that of a user who has no hash: no new password could end it."""
        session = await a_session_of(await a_user())
        monkeypatch.setattr(User, "get_session_auth_hash", lambda user: "")
        for stored in ("", None):
            await session.aset(HASH_SESSION_KEY, stored)
            assert isinstance(await get_user({"session": session}), AnonymousUser)


@with_database
class TestLogin:
    async def test_it_demands_a_session(self) -> None:
        with pytest.raises(ValueError, match="Cannot find session in scope"):
            await login({}, None)

    async def test_it_demands_a_user(self) -> None:
        with pytest.raises(ValueError, match="User must be passed as an argument or must be"):
            await login({"session": SessionStore()}, None)

    async def test_the_user_is_logged_in_and_the_signal_says_so(self) -> None:
        user = await a_user()
        scope: Scope = {"session": SessionStore()}
        with heard(user_logged_in) as said:
            await login(scope, user)
        assert [(one["user"], one["request"]) for one in said] == [(user, None)]
        assert scope["user"] == user
        assert set(scope["session"].keys()) == {SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY}
        assert await get_user(scope) == user

    async def test_the_user_of_the_scope_is_taken_if_none_is_given(self) -> None:
        user = await a_user()
        scope: Scope = {"session": SessionStore(), "user": user}
        await login(scope, None)
        assert await get_user(scope) == user

    async def test_a_visitors_session_gets_a_new_key_and_keeps_its_data(self) -> None:
        session = SessionStore()
        await session.aset("basket", ["tea"])
        await session.asave()
        visitor_key = session.session_key
        await login({"session": session}, await a_user())
        assert session.session_key != visitor_key
        assert session["basket"] == ["tea"]

    async def test_another_users_session_is_not_taken_over(self) -> None:
        session = await a_session_of(await a_user("ada"))
        await session.aset("secret of ada", 1)
        bob = await a_user("bob")
        scope: Scope = {"session": session}
        await login(scope, bob)
        assert "secret of ada" not in session
        assert await get_user(scope) == bob

    async def test_the_same_user_again_keeps_the_session(self) -> None:
        user = await a_user()
        session = await a_session_of(user)
        key = session.session_key
        await login({"session": session}, user)
        assert session.session_key == key

    async def test_several_backends_need_a_choice(self, settings: Any) -> None:
        settings.AUTHENTICATION_BACKENDS = [MODEL_BACKEND, OTHER_BACKEND]
        user = await a_user()
        scope: Scope = {"session": SessionStore()}
        with pytest.raises(ValueError, match="several authentication backends"):
            await login(scope, user)
        await login(scope, user, backend=OTHER_BACKEND)
        assert scope["session"][BACKEND_SESSION_KEY] == OTHER_BACKEND
        user.backend = MODEL_BACKEND  # type: ignore[attr-defined]  # as authenticate() does
        await login(scope, user)
        assert scope["session"][BACKEND_SESSION_KEY] == MODEL_BACKEND

    async def test_a_backend_is_named_by_its_path(self) -> None:
        scope: Scope = {"session": SessionStore()}
        with pytest.raises(TypeError, match="dotted path"):
            await login(scope, await a_user(), backend=object())  # type: ignore[arg-type]

    async def test_a_login_in_connect_sends_its_cookie_with_the_acceptance(self) -> None:
        class Entrance(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await login(self.scope, await User.objects.aget(username="ada"))
                await self.accept()

        await a_user("ada")
        entrance = AuthMiddlewareStack(Entrance.as_asgi())
        async with WebsocketCommunicator(entrance, "/") as communicator:
            assert await communicator.connect() == (True, None)
        key = cookies_of(communicator.response_headers)["sessionid"].value
        assert await who_is(AuthMiddlewareStack(WhoAmI.as_asgi()), SessionStore(key)) == "ada"


@with_database
class TestLogout:
    async def test_it_demands_a_session(self) -> None:
        with pytest.raises(ValueError, match="Cannot find session in scope"):
            await logout({})

    async def test_the_session_is_forgotten_and_the_signal_says_who_it_was(self) -> None:
        user = await a_user()
        scope: Scope = {"session": SessionStore()}
        await login(scope, user)
        key = scope["session"].session_key
        with heard(user_logged_out) as said:
            await logout(scope)
        assert [one["user"] for one in said] == [user]
        assert isinstance(scope["user"], AnonymousUser)
        assert isinstance(await get_user(scope), AnonymousUser)
        assert not await SessionStore().aexists(key)

    @pytest.mark.parametrize("extra", [{}, {"user": AnonymousUser()}])
    async def test_nobody_logs_out_silently(self, extra: dict[str, Any]) -> None:
        scope: Scope = {"session": SessionStore(), **extra}
        with heard(user_logged_out) as said:
            await logout(scope)
        assert said == []
        assert set(scope) == {"session", *extra}

    async def test_a_logout_in_connect_deletes_the_cookie(self) -> None:
        class Exit(AsyncWebsocketConsumer):
            async def connect(self) -> None:
                await logout(self.scope)
                await self.accept()

        session = await a_session_of(await a_user())
        headers = with_cookie(session.session_key)
        stack = AuthMiddlewareStack(Exit.as_asgi())
        async with WebsocketCommunicator(stack, "/", headers=headers) as communicator:
            await communicator.connect()
        assert cookies_of(communicator.response_headers)["sessionid"]["max-age"] == "0"
