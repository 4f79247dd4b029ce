"""Malformed events and headers: a clear error or a clean close, never a hang, never a leaked task.

What a client can send (the values of headers, text, bytes) never raises in the middleware.
What only a broken server could send (events that are no dicts, that lack a type or a
payload) ends the connection with an error that says what was expected.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from django.urls import path, re_path
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from runtime.auth import AuthMiddlewareStack
from runtime.consumer import AsyncConsumer, SyncConsumer
from runtime.exceptions import MalformedHeaders
from runtime.generic.http import AsyncHttpConsumer
from runtime.generic.websocket import (
    AsyncJsonWebsocketConsumer,
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from runtime.layers import InMemoryChannelLayer, channel_layers
from runtime.routing import ProtocolTypeRouter, URLRouter
from runtime.security.websocket import AllowedHostsOriginValidator
from tests.support.observing import observed

HANG_S = 30
HUGE = 1_000_000


class AsyncEcho(AsyncWebsocketConsumer):
    goodbyes = 0

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data=text_data, bytes_data=bytes_data)

    async def disconnect(self, code: Any) -> None:
        AsyncEcho.goodbyes += 1


class SyncEcho(WebsocketConsumer):
    goodbyes = 0

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.send(text_data=text_data, bytes_data=bytes_data)

    def disconnect(self, code: Any) -> None:
        SyncEcho.goodbyes += 1


class AsyncJson(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.send_json(content)


class SyncJson(JsonWebsocketConsumer):
    def receive_json(self, content: Any, **kwargs: Any) -> None:
        self.send_json(content)


class Upload(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        await self.send_response(200, body)


class Bot(AsyncConsumer):
    async def bot_say(self, message: dict[str, Any]) -> None:
        await self.send({"type": "bot.said"})


class SyncBot(SyncConsumer):
    def bot_say(self, message: dict[str, Any]) -> None:
        self.send({"type": "bot.said"})


WEBSOCKETS = [AsyncEcho, SyncEcho, AsyncJson, SyncJson]
PROTOCOLS = {
    "websocket": WEBSOCKETS,
    "http": [Upload],
    "bot": [Bot, SyncBot],
}

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.just("x" * HUGE),
    st.just(b"\xff" * HUGE),
)
kinds = st.one_of(
    st.sampled_from(
        [
            "websocket.connect",
            "websocket.receive",
            "websocket.disconnect",
            "http.request",
            "http.disconnect",
            "bot.say",
            "bot.disconnect",
            "no.such.type",
            "_private",
            "__init__",
            "as_asgi",
            "",
            ".",
        ]
    ),
    anything,
)
keys = st.sampled_from(["text", "bytes", "body", "more_body", "code", "reason", b"type", 7])
events: st.SearchStrategy[Any] = st.one_of(
    anything,
    st.builds(lambda kind, rest: {**rest, "type": kind}, kinds, st.dictionaries(keys, anything)),
    st.dictionaries(keys, anything),
)


async def serve(application: Any, scope: Any, events: list[Any]) -> BaseException | None:
    """Serve one scope, in which `events` come in; return what the application raised."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    for one in events:
        inbox.put_nowait(one)

    async def send(event: Any) -> None:
        assert isinstance(event["type"], str)

    task = asyncio.ensure_future(application(scope, inbox.get, send))
    await asyncio.wait({task}, timeout=HANG_S)
    assert task.done(), "the connection hangs"
    assert not task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return task.exception()


def assert_clear(error: BaseException | None) -> None:
    """What is raised at a server says what was expected; it is no accident of the code."""
    if error is not None:
        assert isinstance(error, (ValueError, TypeError)), repr(error)
        assert "has no attribute" not in str(error)
        assert "not subscriptable" not in str(error)


def scope_of(protocol: str) -> dict[str, Any]:
    return {"type": protocol, "path": "/", "headers": [], "subprotocols": []}


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """What is refused is logged; hundreds of refusals are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module", autouse=True)
def layers():
    """Put back the layers of the project."""
    before = dict(channel_layers.backends)
    yield
    channel_layers.backends = before


@pytest.mark.parametrize(
    ("protocol", "consumer"),
    [(protocol, consumer) for protocol, all_ in PROTOCOLS.items() for consumer in all_],
)
@given(
    malformed=st.lists(events, max_size=5), is_connected=st.booleans(), is_observed=st.booleans()
)
@effort(max_examples=100, deadline=None)
def test_malformed_events_end_in_a_clear_error_or_are_dropped(
    protocol: str, consumer: Any, malformed: list[Any], is_connected: bool, is_observed: bool
) -> None:
    layer = InMemoryChannelLayer()
    channel_layers.set("default", layer)
    consumer.goodbyes = 0
    application = ProtocolTypeRouter({protocol: consumer.as_asgi()})
    script: list[Any] = [{"type": "websocket.connect"}] if is_connected else []
    script += [*malformed, {"type": f"{protocol}.disconnect", "code": 1000}]

    async def run() -> BaseException | None:
        if not is_observed:
            return await serve(application, scope_of(protocol), script)
        with observed():
            return await serve(application, scope_of(protocol), script)

    assert_clear(asyncio.run(run(), debug=True))
    assert layer.groups == {}
    assert layer._sinks == {}
    if consumer in (AsyncEcho, SyncEcho) and protocol == "websocket":
        assert consumer.goodbyes == 1 or (not is_connected and consumer.goodbyes == 0)


# What clients say of themselves

accepted: list[dict[str, Any]] = []
"""The scopes that came through to the consumer."""


class Note(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        accepted.append(dict(self.scope))
        offered = self.scope["subprotocols"]
        await self.accept(subprotocol=offered[0] if offered else None)


class NoteRequest(AsyncHttpConsumer):
    async def handle(self, body: bytes) -> None:
        accepted.append(dict(self.scope))
        await self.send_response(200, b"")


stack = ProtocolTypeRouter(
    {
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(
                URLRouter([path("room/<slug:room>/", Note.as_asgi()), re_path("", Note.as_asgi())])
            )
        ),
        "http": AuthMiddlewareStack(URLRouter([re_path("", NoteRequest.as_asgi())])),
    }
)

COOKIES = [
    b"sessionid=",
    b"sessionid",
    b"=;=;;",
    b"sessionid=a; sessionid=b; csrftoken",
    b'sessionid="unterminated',
    b"sessionid=\x00\xff\r\n",
    b"sessionid=" + b"a" * HUGE,
    "sessionid=\N{SNOWMAN}".encode(),
    b";" * 10_000,
    b"a=b; " * 10_000,
]
ORIGINS = [
    b"",
    b"null",
    b"http://",
    b"http://[::1",
    b"http://localhost:port",
    b"http://localhost:99999999",
    b"http://localhost\x00.evil.example",
    b"//localhost",
    b"http://localhost@evil.example",
    b"http://" + b"a." * 5_000,
    b"\xff\xfe",
    b"*",
]
header = st.one_of(
    st.tuples(st.just(b"cookie"), st.one_of(st.sampled_from(COOKIES), st.binary(max_size=60))),
    st.tuples(st.just(b"origin"), st.one_of(st.sampled_from(ORIGINS), st.binary(max_size=60))),
    st.tuples(st.just(b"origin"), st.just(b"http://localhost")),
    st.tuples(
        st.sampled_from([b"sec-websocket-protocol", b"host", b"authorization", b""]),
        st.binary(max_size=40),
    ),
)
paths = st.one_of(st.text(max_size=30), st.just("/room/den/"), st.just("/" + "x" * 10_000))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("protocol", ["websocket", "http"])
@given(
    headers=st.lists(header, max_size=6),
    target=paths,
    query=st.binary(max_size=30),
    subprotocols=st.lists(st.text(max_size=10), max_size=3),
)
@effort(max_examples=150, deadline=None)
def test_nothing_that_a_client_says_of_itself_raises(
    protocol: str, headers: Any, target: str, query: bytes, subprotocols: list[str]
) -> None:
    scope = {
        "type": protocol,
        "path": target,
        "query_string": query,
        "headers": headers,
        "subprotocols": subprotocols,
    }
    first = "websocket.connect" if protocol == "websocket" else "http.request"
    script = [{"type": first}, {"type": f"{protocol}.disconnect"}]
    accepted.clear()
    assert asyncio.run(serve(stack, scope, script), debug=True) is None
    for one in accepted:
        assert one["user"].is_anonymous
    origins = [value for name, value in headers if name == b"origin"]
    if protocol == "websocket" and origins not in ([b"http://localhost"], [b"//localhost"]):
        assert accepted == []


MALFORMED_HEADERS = [
    7,
    "cookie: a",
    [None],
    [b"cookie"],
    [(b"cookie",)],
    [(b"cookie", None), (b"origin", None)],
    [(b"cookie", "text"), (b"origin", "text")],
    {b"origin": b"http://localhost"},
]


@pytest.mark.parametrize("headers", MALFORMED_HEADERS, ids=repr)
@pytest.mark.parametrize("protocol", ["websocket", "http"])
async def test_headers_that_are_no_pairs_of_bytes_are_a_clear_error(
    protocol: str, headers: Any
) -> None:
    scope = {**scope_of(protocol), "headers": headers}
    accepted.clear()
    error = await serve(stack, scope, [{"type": "websocket.connect"}])
    assert isinstance(error, MalformedHeaders)
    assert "pairs of bytes" in str(error)
    assert accepted == []


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (
            [(b"cookie", "sessionid=c4n4ry"), (b"host", b"x")],
            "a list of (bytes, bytes) and (bytes, str)",
        ),
        ([("cookie", "c4n4ry"), "c4n4ry"], "a list of (str, str) and str"),
        ({"cookie": "c4n4ry"}, "a dict"),
    ],
)
def test_headers_that_are_none_are_described_without_what_they_say(headers, kind):
    error = str(MalformedHeaders(headers))
    assert kind in error
    assert "c4n4ry" not in error
