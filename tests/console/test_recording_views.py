from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from asgiref.sync import async_to_sync
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from console import recordings
from console.models import Recording as Row
from console.recorded import Recorded
from tests.console.recording import Recording
from tests.console.watching import user
from tests.support.chatting import recorded_chat
from tests.support.har_schema import HAR

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = '"><img src=x onerror=alert(1)>{{ 7 }}'


@pytest.fixture
def staff(client: Any) -> Any:
    ada = user("ada", is_staff=True)
    ada.user_permissions.set(Permission.objects.filter(codename="steer"))
    client.force_login(ada)
    return client


@pytest.fixture
def kept() -> tuple[int, str]:
    """Keep a recorded chat. Returns its number and its connection."""

    async def keep() -> tuple[int, str]:
        found, connection = await recorded_chat("grace", "kept", "hello", HOSTILE)
        return await _keep(found), connection

    return async_to_sync(keep)()


async def _keep(found: Recorded) -> int:
    number = await recordings.begin(None, found.name, "query", "path:/ws/*", "web-1")
    await recordings.add(number, found.records, found.views, 0)
    await recordings.end(number, "It was stopped.")
    return number


def path(name: str, *arguments: Any) -> str:
    return reverse(f"channelscope:{name}", args=arguments)


def test_what_the_client_s_connection_said_is_kept(staff: Any, recording: Recording) -> None:
    pane = "5f00c2a15f00c2a1"
    cookie = f"a=b; channelscope_pane={pane}".encode()
    connection = recording.open("/ws/echo/", headers=[(b"cookie", cookie)])
    recording.state(connection).is_from_console = True
    recording.receive(connection, text="keep this")
    answer = staff.post(path("keep-recording"), {"pane": pane, "name": "Mine"})
    row = Row.objects.get()
    assert answer["Location"] == path("recording", row.pk)
    assert (row.name, row.subject, row.of) == ("Mine", "connection", connection.id)
    unknown = staff.post(path("keep-recording"), {"pane": "0" * 16})
    assert (unknown.status_code, Row.objects.count()) == (400, 1)


def test_a_recording_is_begun_and_leads_to_its_page(staff: Any, recording: Recording) -> None:
    answer = staff.post(path("begin-recording"), {"subject": "query", "of": "path:/ws/*"})
    row = Row.objects.get()
    assert answer["Location"] == path("recording", row.pk)
    assert (row.name, row.made_by.get_username()) == ("path:/ws/*", "ada")
    assert "Began to record query path:/ws/*." in LogEntry.objects.get().change_message


def test_what_cannot_be_recorded_is_refused_with_a_sentence(staff: Any) -> None:
    for fields in ({"subject": "query", "of": ""}, {"subject": "planet", "of": "earth"}):
        answer = staff.post(path("begin-recording"), fields)
        assert answer.status_code == 400
    answer = staff.post(path("begin-recording"), {"subject": "query", "of": "is:open OR"})
    assert answer.status_code == 400
    assert not Row.objects.exists()


def test_a_page_shows_the_steps_and_the_test_as_text(staff: Any, kept: tuple[int, str]) -> None:
    page = staff.get(path("recording", kept[0])).content.decode()
    assert "Talk at /ws/chat/kept/" in page
    assert "async def test_talk_at_ws_chat_kept():" in page
    assert page.count('class="step-row"') > 10
    assert "<img" not in page
    assert not staff.get(path("recordings") + "?find=nobody").content.count(b"rec-row")
    assert staff.get(path("recordings") + "?find=GRACE").content.count(b"rec-row") == 1


def test_it_is_renamed_marked_and_deleted(staff: Any, kept: tuple[int, str]) -> None:
    number, _ = kept
    staff.post(path("change-recording", number), {"name": "Lobby", "volatile": "price, seat"})
    row = Row.objects.get()
    assert (row.name, row.volatile) == ("Lobby", ["price", "seat"])
    assert staff.post(path("remove-recording", number))["Location"] == path("recordings")
    assert not Row.objects.exists()
    assert staff.get(path("recording", number)).status_code == 404
    assert "Deleted the recording 'Lobby'." in LogEntry.objects.get().change_message


def test_the_har_is_one_by_its_schema_and_has_each_message(
    staff: Any, kept: tuple[int, str]
) -> None:
    archive = json.loads(staff.get(path("recording-har", kept[0])).content)
    jsonschema.Draft202012Validator(HAR).validate(archive)
    (entry,) = archive["log"]["entries"]
    said = [json.loads(one["data"])["type"] for one in entry["_webSocketMessages"]]
    assert said == ["welcome", "joined", "message", "message", "message", "message"]


def test_a_broken_archive_would_be_found_by_that_schema(staff: Any, kept: tuple[int, str]) -> None:
    archive = json.loads(staff.get(path("recording-har", kept[0])).content)
    del archive["log"]["entries"][0]["response"]["content"]
    with pytest.raises(jsonschema.ValidationError, match="content"):
        jsonschema.Draft202012Validator(HAR).validate(archive)


def test_the_json_lines_have_each_step(staff: Any, kept: tuple[int, str]) -> None:
    answer = staff.get(path("recording-ndjson", kept[0]))
    lines = [json.loads(line) for line in answer.content.decode().splitlines()]
    assert len(lines) == Row.objects.get().step_count
    assert "attachment" in answer["Content-Disposition"]


def test_the_test_is_a_file(staff: Any, kept: tuple[int, str]) -> None:
    number, connection = kept
    answer = staff.get(path("recording-test", number) + f"?connection={connection}")
    assert answer["Content-Disposition"] == 'attachment; filename="test_talk_at_ws_chat_kept.py"'
    compile(answer.content, "x.py", "exec")
    assert staff.get(path("recording-test", number) + "?connection=nobody").status_code == 404


def test_staff_without_the_right_see_but_do_not_record_change_or_delete(
    client: Any, kept: tuple[int, str]
) -> None:
    number, _ = kept
    client.force_login(user("linus", is_staff=True))
    assert client.get(path("recording", number)).status_code == 200
    for place in (
        path("begin-recording"),
        path("end-recording", number),
        path("change-recording", number),
        path("remove-recording", number),
    ):
        answer = client.post(place, {"subject": "query", "of": "is:open", "name": "x"})
        assert answer.status_code == 403
        assert b"channelscope_console.steer" in answer.content
        assert client.get(place).status_code == 405
    assert Row.objects.get().name != "x"


def test_nobody_else_sees_anything(client: Any, kept: tuple[int, str]) -> None:
    number, connection = kept
    places = [path("recordings"), path("recording", number), path("recording-har", number)]
    places += [path("recording-ndjson", number)]
    places += [path("recording-test", number) + f"?connection={connection}"]
    for place in places:
        assert client.get(place).status_code == 302
    client.force_login(user("eve"))
    for place in places:
        answer = client.get(place)
        assert answer.status_code == 403
        assert b"kept" not in answer.content


def test_recordings_are_in_django_s_admin(client: Any, kept: tuple[int, str]) -> None:
    client.force_login(user("root", is_staff=True, is_superuser=True))
    place = reverse("admin:channelscope_console_recording_changelist")
    assert b"Talk at" in client.get(place).content
    place = reverse("admin:channelscope_console_recording_change", args=[kept[0]])
    assert client.get(place).status_code == 200
