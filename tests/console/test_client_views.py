from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.urls import reverse

from console.models import SavedMessage
from tests.console.recording import Recording
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)

HOSTILE = '</script><img src=x onerror=alert(1)>"{{ 7 }}'


@pytest.fixture
def staff(client: Any, recording: Recording) -> Any:
    client.force_login(user("ada", is_staff=True))
    return client


def test_a_message_is_saved_renamed_and_deleted(staff: Any) -> None:
    fields = {"name": "Hello", "kind": "text", "body": "hi", "consumer": "EchoConsumer"}
    answer = staff.post(reverse("channelscope:saved"), fields)
    (one,) = answer.json()["saved"]
    assert one["name"] == "Hello"
    answer = staff.post(one["url"], {"name": "Greeting"})
    assert [one["name"] for one in answer.json()["saved"]] == ["Greeting"]
    assert staff.post(one["url"], {"delete": "1"}).json() == {"saved": []}


def test_a_refusal_is_a_sentence(staff: Any) -> None:
    answer = staff.post(reverse("channelscope:saved"), {"name": "", "kind": "text", "body": "hi"})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/plain")
    assert "1 to 80 characters" in answer.content.decode()


def test_it_takes_a_post_with_the_page_s_own_token(staff: Any) -> None:
    assert staff.get(reverse("channelscope:saved")).status_code == 405
    staff.handler.enforce_csrf_checks = True
    answer = staff.post(reverse("channelscope:saved"), {"name": "x", "kind": "text", "body": ""})
    assert answer.status_code == 403
    assert not SavedMessage.objects.exists()


def test_nobody_else_saves_or_reads_one(client: Any, recording: Recording) -> None:
    SavedMessage.objects.create(name="Hello", kind="text", body="hush")
    paths = [reverse("channelscope:saved"), reverse("channelscope:saved-message", args=[1])]
    for path in paths:
        assert client.post(path, {"name": "x"}).status_code == 302
    client.force_login(user("grace"))
    for path in paths:
        answer = client.post(path, {"name": "x", "kind": "text", "body": "x"})
        assert answer.status_code == 403
        assert b"hush" not in answer.content
    assert SavedMessage.objects.get().name == "Hello"


def test_the_page_brings_them_along_as_text(staff: Any) -> None:
    SavedMessage.objects.create(name=HOSTILE, kind="text", body=HOSTILE)
    page = staff.get(reverse("channelscope:client")).content.decode()
    assert "<img" not in page
    said = page.split('data-saved="', 1)[1].split('"', 1)[0]
    assert json.loads(html.unescape(said))[0]["body"] == HOSTILE


def test_they_are_in_django_s_admin(client: Any) -> None:
    client.force_login(user("root", is_staff=True, is_superuser=True))
    SavedMessage.objects.create(name="Hello", kind="text", body="hi")
    listed = client.get(reverse("admin:channelscope_console_savedmessage_changelist"))
    assert b"Hello" in listed.content
