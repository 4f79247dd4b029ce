"""Acting over HTTP: who is refused, what is asked first, and what is answered."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import AsyncClient, override_settings
from django.urls import reverse

from console.pages.dialogs import WORDINGS
from tests.console.recording import Layer, Recording
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = sorted(WORDINGS)
HX = {"HX-Request": "true"}
HOSTILE = '"><script>alert(1)</script>{{ 7 }}'


def path(view: str, kind: str) -> str:
    return reverse(f"channelscope:{view}", args=[kind])


@pytest.fixture
def ada(transactional_db: None) -> Any:
    ada = user("ada", is_staff=True)
    ada.user_permissions.add(Permission.objects.get(codename="steer"))
    return ada


@pytest.fixture
def steering(async_client: AsyncClient, ada: Any, recording: Recording) -> AsyncClient:
    async_client.force_login(ada)
    return async_client


@pytest.fixture
def watching(
    async_client: AsyncClient, transactional_db: None, recording: Recording
) -> AsyncClient:
    async_client.force_login(user("grace", is_staff=True))
    return async_client


class Wire:
    """An open connection, and what its client gets."""

    def __init__(self, recording: Recording, path: str = "/ws/chat/lobby/") -> None:
        self.events: list[Any] = []
        self.connection = recording.open(path)
        self.connection.loop = asyncio.get_running_loop()
        self.connection.send = self._send
        self.word = f"{recording.recorder.process.epoch}:{self.connection.id}"

    async def _send(self, event: Any) -> None:
        self.events.append(event)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_action_is_refused_to_who_may_only_watch(
    watching: AsyncClient, recording: Recording, kind: str
) -> None:
    wire = Wire(recording)
    form = {"target": wire.word, "group": "lobby", "channel": "jobs", "type": "x", "body": "{}"}
    response = await watching.post(path("act", kind), form, headers=HX)
    assert response.status_code == 403
    assert "channelscope_console.steer" in response.content.decode()
    assert (await watching.get(path("dialog", kind), form)).status_code == 403
    assert wire.events == []
    assert await LogEntry.objects.acount() == 0
    assert recording.kinds() == ["open"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_console_that_is_read_only_refuses_all_of_them(
    steering: AsyncClient, recording: Recording, kind: str
) -> None:
    with override_settings(CHANNELSCOPE={"READ_ONLY": True}, DEBUG=True):
        response = await steering.post(path("act", kind), {"group": "g", "type": "x"})
        assert response.status_code == 403
        assert "read-only" in response.content.decode()
        assert (await steering.get(path("dialog", kind))).status_code == 403
    assert recording.kinds() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_acts_who_is_not_signed_in_or_not_staff(
    async_client: AsyncClient, recording: Recording, kind: str
) -> None:
    assert (await async_client.post(path("act", kind))).status_code == 302
    await async_client.aforce_login(await _user("visitor"))
    assert (await async_client.post(path("act", kind))).status_code == 403
    assert recording.kinds() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_looking_changes_nothing(
    steering: AsyncClient, recording: Recording, kind: str
) -> None:
    assert (await steering.get(path("act", kind), {"group": "g"})).status_code == 405
    assert (await steering.post(path("dialog", kind))).status_code == 405
    assert (await steering.get(path("dialog", kind), {"group": "g"})).status_code == 200
    assert recording.kinds() == []


async def test_another_sites_form_is_refused(ada: Any, recording: Recording) -> None:
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(ada)
    wire = Wire(recording)
    response = await client.post(path("act", "send"), {"target": wire.word, "body": '"hi"'})
    assert response.status_code == 403
    assert wire.events == []


async def test_what_is_done_is_said_and_written_down(
    steering: AsyncClient, recording: Recording
) -> None:
    wire = Wire(recording)
    form = {"target": wire.word, "format": "text", "body": "hi"}
    response = await steering.post(path("act", "send"), form, headers=HX)
    assert response.status_code == 200
    assert "Send: done" in response.content.decode()
    assert wire.events == [{"type": "websocket.send", "text": "hi"}]
    entry = await LogEntry.objects.aget()
    assert entry.object_repr == f"connection {wire.connection.id}"
    assert entry.change_message == "Channelscope: Sent to the client: hi 1 done."


@pytest.mark.parametrize(
    ("form", "event"),
    [
        ({"format": "json", "body": '{"a": 1}'}, {"type": "websocket.send", "text": '{"a": 1}'}),
        ({"format": "binary", "body": "00 ff"}, {"type": "websocket.send", "bytes": b"\x00\xff"}),
        ({"format": "event", "body": '{"type": "custom", "n": 1}'}, {"type": "custom", "n": 1}),
    ],
)
async def test_a_frame_is_json_binary_or_any_event(
    steering: AsyncClient, recording: Recording, form: Any, event: Any
) -> None:
    wire = Wire(recording)
    await steering.post(path("act", "send"), {"target": wire.word, **form})
    assert wire.events == [event]


async def test_a_close_has_a_code_and_a_reason(steering: AsyncClient, recording: Recording) -> None:
    wire = Wire(recording)
    form = {"target": wire.word, "code": "4001", "reason": "by hand"}
    await steering.post(path("act", "close"), form)
    assert wire.events == [{"type": "websocket.close", "code": 4001, "reason": "by hand"}]
    entry = await LogEntry.objects.aget()
    assert "Closed with code 4001 (by hand). 1 done." in entry.change_message


@pytest.mark.parametrize(
    ("kind", "form", "fault"),
    [
        ("send", {"format": "json", "body": "{"}, "Expected JSON"),
        ("send", {"format": "binary", "body": "0"}, "bytes in hex"),
        ("send", {"format": "event", "body": "{}"}, "type"),
        ("close", {"code": "99"}, "Expected one of the codes"),
        ("close", {"code": "nine"}, "Expected one of the codes"),
        ("deliver", {"type": "", "body": "{}"}, "type"),
        ("deliver", {"type": "x", "body": "[]"}, "Expected an object"),
        ("join", {"group": " "}, "name of a group"),
    ],
)
async def test_what_makes_no_sense_is_asked_again_with_what_was_typed(
    steering: AsyncClient, recording: Recording, kind: str, form: Any, fault: str
) -> None:
    wire = Wire(recording)
    response = await steering.post(path("act", kind), {"target": wire.word, **form}, headers=HX)
    page = response.content.decode()
    assert response.status_code == 422
    assert fault in page
    assert wire.word in page
    assert wire.events == []
    assert await LogEntry.objects.acount() == 0


async def test_an_event_goes_into_the_mailbox_with_the_type_that_was_typed(
    steering: AsyncClient, recording: Recording
) -> None:
    class Mailbox:
        def offer(self, message: Any, cause: Any) -> bool:
            taken.append(message)
            return True

    taken: list[Any] = []
    wire = Wire(recording)
    wire.connection.channel_name, wire.connection.mailbox = "specific!a", Mailbox()
    form = {"target": wire.word, "type": "chat.message", "body": '{"type": "x", "text": "hi"}'}
    response = await steering.post(path("act", "deliver"), form, headers=HX)
    assert "Send: done" in response.content.decode()
    assert taken == [{"type": "chat.message", "text": "hi"}]


async def test_a_membership_is_asked_of_the_layer_of_the_consumer(
    steering: AsyncClient, recording: Recording
) -> None:
    class Layer:
        async def group_add(self, group: str, channel: str) -> None:
            asked.append(("add", group, channel))

        async def group_discard(self, group: str, channel: str) -> None:
            asked.append(("discard", group, channel))

    class Consumer:
        channel_layer = Layer()

    asked: list[Any] = []
    wire = Wire(recording)
    wire.connection.channel_name, wire.connection.consumer = "specific!a", Consumer()
    for kind in ("join", "leave"):
        await steering.post(path("act", kind), {"target": wire.word, "group": " lobby "})
    assert asked == [("add", "lobby", "specific!a"), ("discard", "lobby", "specific!a")]


async def test_nothing_selected_is_nothing_to_do(steering: AsyncClient) -> None:
    response = await steering.post(path("act", "close"), {"code": "1000"})
    assert response.status_code == 422
    assert b"at least one connection" in response.content


async def test_a_question_on_all_that_match_says_how_many_and_leaves_out_what_is_hidden(
    steering: AsyncClient, recording: Recording
) -> None:
    for name in ("/a/", "/a/", "/b/"):
        Wire(recording, name)
    recording.open("/a/", type="http")
    asked = {"all": "1", "q": "path:/a/", "hide": "http"}
    page = (await steering.get(path("dialog", "close"), asked, headers=HX)).content.decode()
    assert "Close 2 connections?" in page.replace("\xa0", " ")
    assert dict(re.findall(r'type="hidden" name="(all|count|q|hide)" value="([^"]*)"', page)) == {
        "all": "1",
        "count": "2",
        "q": "path:/a/",
        "hide": "http",
    }


async def test_all_that_match_are_acted_on_and_the_rest_is_not(
    steering: AsyncClient, recording: Recording
) -> None:
    wires = [Wire(recording, name) for name in ("/a/", "/a/", "/b/")]
    form = {"all": "1", "count": "2", "q": "path:/a/", "format": "text", "body": "hi"}
    response = await steering.post(path("act", "send"), form, headers=HX)
    assert "Send: 2 of 2" in response.content.decode()
    assert [len(wire.events) for wire in wires] == [1, 1, 0]
    entry = await LogEntry.objects.aget()
    assert entry.object_repr == "2 connections that match path:/a/"


async def test_more_than_were_agreed_to_are_asked_about_again(
    steering: AsyncClient, recording: Recording
) -> None:
    wires = [Wire(recording) for _ in range(3)]
    form = {"all": "1", "count": "2", "q": "", "code": "1000"}
    response = await steering.post(path("act", "close"), form, headers=HX)
    page = response.content.decode()
    assert response.status_code == 422
    assert "3 match now, and you have agreed to 2" in page
    assert 'name="count" value="3"' in page
    assert [wire.events for wire in wires] == [[], [], []]


async def test_more_than_a_process_can_tell_of_are_not_acted_on_in_part(
    steering: AsyncClient, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.pages.dialogs.MOST_AT_ONCE", 2)
    wires = [Wire(recording) for _ in range(2)]
    form = {"all": "1", "count": "9", "q": "", "code": "1000"}
    response = await steering.post(path("act", "close"), form, headers=HX)
    assert response.status_code == 422
    assert "narrow the filter" in response.content.decode()
    assert [wire.events for wire in wires] == [[], []]


async def test_a_filter_that_is_not_understood_acts_on_nothing(
    steering: AsyncClient, recording: Recording
) -> None:
    wire = Wire(recording)
    form = {"all": "1", "count": "9", "q": "size:large", "code": "1000"}
    response = await steering.post(path("act", "close"), form, headers=HX)
    assert response.status_code == 422
    assert "cannot be understood" in response.content.decode()
    assert wire.events == []


async def test_what_was_gone_already_is_said(steering: AsyncClient, recording: Recording) -> None:
    wire = Wire(recording)
    gone = wire.word.replace(wire.connection.id, "a1b2c3")
    form = {"target": [wire.word, gone], "format": "text", "body": "hi"}
    page = (await steering.post(path("act", "send"), form, headers=HX)).content.decode()
    assert "Send: 1 of 2" in page
    assert "1 gone already" in page


async def test_a_message_is_broadcast_and_posted_on_a_channel(steering: AsyncClient) -> None:
    form = {"group": "lobby", "channel": "jobs", "type": "chat.message", "body": '{"text": "hi"}'}
    for kind, what in (("broadcast", "group lobby"), ("post", "channel jobs")):
        response = await steering.post(path("act", kind), form, headers=HX)
        assert response.status_code == 200
        entry = await LogEntry.objects.alatest("pk")
        assert entry.object_repr == what
        assert '"text":"hi"' in entry.change_message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("headers", [{}, HX])
async def test_what_somebody_typed_is_shown_as_what_it_is(
    steering: AsyncClient, recording: Recording, kind: str, headers: Any
) -> None:
    wire = Wire(recording, f"/ws/{HOSTILE}/")
    form = {"target": wire.word, **dict.fromkeys(("group", "channel", "type", "body"), HOSTILE)}
    form |= {"reason": HOSTILE, "code": "1", "q": HOSTILE, "layer": HOSTILE}
    for response in (
        await steering.get(path("dialog", kind), form, headers=headers),
        await steering.post(path("act", kind), form, headers=headers),
    ):
        page = response.content.decode()
        assert "<script>alert" not in page
        assert "script-src" in response["Content-Security-Policy"]


async def test_a_message_is_offered_to_be_sent_again_as_it_was(
    steering: AsyncClient, recording: Recording
) -> None:
    wire = Wire(recording)
    recording.send(wire.connection, text='{"text": "once more"}')
    position = recording.recorder.journal.spell(recording.last())
    asked = {"target": wire.word, "again": position}
    page = (await steering.get(path("dialog", "send"), asked, headers=HX)).content.decode()
    assert "once more" in page
    assert "A part of it is hidden" not in page
    other = (await steering.get(path("dialog", "deliver"), asked, headers=HX)).content.decode()
    assert "once more" not in other


async def test_a_group_asks_which_connection_is_to_join_it(
    steering: AsyncClient, recording: Recording
) -> None:
    wire, member = Wire(recording), Wire(recording)
    for one, channel in ((wire, "specific!a"), (member, "specific!b")):
        recording.start(one.connection, channel=channel)
    recording.recorder.group_joined(Layer(), "lobby", "specific!b")
    page = (await steering.get(path("dialog", "join"), {"group": "lobby"})).content.decode()
    assert "Add a channel to a group" in page
    assert f'value="{wire.word}"' in page
    assert member.word not in page
    refused = await steering.post(path("act", "join"), {"group": "lobby"}, headers=HX)
    assert refused.status_code == 422


async def test_an_action_that_does_not_exist_is_not_found(steering: AsyncClient) -> None:
    assert (await steering.get(path("dialog", "explode"))).status_code == 404
    assert (await steering.post(path("act", "explode"))).status_code == 404


async def _user(name: str) -> Any:
    from asgiref.sync import sync_to_async

    return await sync_to_async(user)(name)
