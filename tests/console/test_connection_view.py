from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils.functional import SimpleLazyObject

from console.connection_view import badge_of
from console.query import parse
from tests.console.recording import Layer, Recording

CANARY = "c4n4ryc4n4ry"


@pytest.fixture
def recording() -> Recording:
    return Recording(IDLE_S=60)


def view(recording: Recording, connection, *, with_scope: bool = False):
    return recording.relay.reader.view_of(recording.state(connection), with_scope=with_scope)


def test_what_a_person_sees_of_a_connection(recording):
    connection = recording.open(
        "/ws/chat/lobby/",
        client=["127.0.0.1", 52144],
        query_string=f"page=1&token={CANARY}".encode(),
        headers=[(b"user-agent", b"Chrome/142"), (b"cookie", CANARY.encode())],
        user=User(username="ada"),
    )
    recording.recorder.route_matched(
        connection, "ws/chat/<room>/", {"args": (), "kwargs": {"room": "lobby"}}
    )
    recording.start(connection, channel="specific!a")
    recording.recorder.group_joined(Layer(), "lobby", "specific!a")
    recording.send(connection, "websocket.accept", subprotocol="chat.v2")
    recording.receive(connection, text="hi")
    seen = view(recording, connection)
    assert (seen.badge, seen.path, seen.route, seen.arguments) == (
        "ws",
        "/ws/chat/lobby/",
        "ws/chat/<room>/",
        {"room": "lobby"},
    )
    assert (seen.client, seen.user_agent, seen.user) == ("127.0.0.1:52144", "Chrome/142", "ada")
    assert seen.query_string == "page=1&token=«redacted»"
    assert (seen.consumer, seen.consumer_path) == (
        "Consumer",
        "tests.console.recording.Consumer",
    )
    assert (seen.subprotocol, seen.channel_name, seen.groups) == (
        "chat.v2",
        "specific!a",
        (("lobby", 1),),
    )
    assert (seen.in_count, seen.in_bytes, sum(seen.activity)) == (1, 2, 1)
    assert len(seen.activity) == 18
    assert CANARY not in repr(seen)


def test_an_open_connection_that_is_silent_for_long_is_idle(recording):
    connection = recording.open()
    recording.send(connection, "websocket.accept")
    assert view(recording, connection).state == "open"
    recording.clock.advance(60)
    assert view(recording, connection).state == "idle"
    recording.send(connection, text="x")
    assert view(recording, connection).state == "open"


def test_the_scope_is_shown_without_its_secrets_and_without_a_query(recording):
    def resolve():
        raise AssertionError("looking must not resolve")

    session = SessionStore()
    session._session_cache = {"_auth_user_id": CANARY, "room": "lobby", "token": CANARY}
    connection = recording.open(
        raw_path=b"/ws/chat/lobby/",
        query_string=f"key={CANARY}".encode(),
        headers=[(b"authorization", CANARY.encode()), (b"host", b"example.com")],
        subprotocols=["bearer", CANARY],
        cookies={"sessionid": CANARY},
        user=SimpleLazyObject(resolve),
        session=session,
        url_route={"args": (), "kwargs": {"room": "lobby"}},
        state={"pool": object()},
    )
    scope = view(recording, connection, with_scope=True).redacted_scope()
    assert CANARY not in json.dumps(scope)
    assert list(scope)[:3] == ["type", "path", "headers"]
    assert scope["raw_path"] == "/ws/chat/lobby/"
    assert scope["headers"][1] == ["host", "example.com"]
    assert scope["cookies"] == {"sessionid": "«redacted»"}
    assert scope["user"] == "<not resolved>"
    assert scope["session"]["room"] == "lobby"
    assert scope["state"] == {"pool": "<builtins.object>"}


def test_a_session_that_nobody_has_read_is_not_read(recording):
    connection = recording.open(session=SimpleLazyObject(lambda: SessionStore("x")))
    scope = view(recording, connection, with_scope=True).redacted_scope()
    assert scope["session"] == "<not loaded>"
    str(connection.scope["session"])
    scope = view(recording, connection, with_scope=True).redacted_scope()
    assert scope["session"] == "<not loaded>"


def test_a_user_is_shown_by_what_is_loaded(recording):
    connection = recording.open(user=User(id=7, username="ada", password=CANARY, is_staff=True))
    shown = view(recording, connection, with_scope=True).redacted_scope()["user"]
    assert shown["__class__"] == "django.contrib.auth.models.User"
    assert (shown["pk"], shown["username"], shown["is_staff"]) == (7, "ada", True)
    assert CANARY not in json.dumps(shown)


def test_a_chosen_subprotocol_that_is_the_value_of_another_is_hidden(recording):
    connection = recording.open(subprotocols=["bearer", "abc"])
    recording.send(connection, "websocket.accept", subprotocol="abc")
    assert view(recording, connection).subprotocol == "«redacted»"


def test_a_path_without_its_secret_argument(recording):
    connection = recording.open(f"/invite/{CANARY}/", raw_path=f"/invite/{CANARY}/".encode())
    arguments = {"args": (), "kwargs": {"token": CANARY}}
    recording.recorder.route_matched(connection, "invite/<token>/", arguments)
    assert CANARY not in repr(view(recording, connection, with_scope=True))


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("proto:ws path:/ws/* state:connecting", True),
        ("user:ada group:lobby", True),
        ("lobby", True),
        ("size:0", True),
        (CANARY, False),
        ("dir:in", False),
        ("state:closed", False),
    ],
)
def test_a_query_finds_connections(recording, query, matches):
    connection = recording.open(user=User(username="ada"), query_string=f"token={CANARY}".encode())
    recording.start(connection, channel="specific!a")
    recording.recorder.group_joined(Layer(), "lobby", "specific!a")
    assert parse(query).matches(view(recording, connection).as_record()) is matches


def test_a_protocol_that_nobody_knows_is_shortened():
    assert [badge_of(name) for name in ("websocket", "channel", "mqtt", "websocketish")] == [
        "ws",
        "chan",
        "mqtt",
        "websoc",
    ]


def test_a_query_asks_how_a_connection_stands():
    recording = Recording()
    connection = recording.open()
    view = recording.relay.reader.view_of(recording.state(connection))
    assert parse("is:open -is:closed -is:error").matches(view.as_record())
    recording.recorder.scope_closed(connection, KeyError("type"))
    view = recording.relay.reader.view_of(recording.state(connection))
    assert parse("is:closed is:error code:1011 error:KeyError").matches(view.as_record())


async def test_what_the_client_calls_its_connection_finds_it_alone(recording: Recording) -> None:
    cookie = [(b"cookie", b"a=b; channelscope_pane=5f00c2a15f00c2a1")]
    own, others = recording.open(headers=cookie), recording.open(headers=cookie)
    recording.open()
    recording.state(own).is_from_console = True
    found = await recording.relay.listing(parse("id:5f00c2a15f00c2a1"))
    assert [view.id for view in found.rows] == [own.id]
    assert found.rows[0].pane == "5f00c2a15f00c2a1"
    assert (await recording.relay.listing(parse(f"id:{others.id}"))).rows[0].pane == ""
