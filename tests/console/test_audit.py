from __future__ import annotations

import logging

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import override_settings
from django.urls import reverse

from console import audit


@pytest.fixture
def user(transactional_db) -> User:
    return User.objects.create_superuser("ada", password="x")


async def the_entry() -> LogEntry:
    return await LogEntry.objects.select_related("user", "content_type").aget()


async def test_an_action_leaves_one_entry_that_also_says_what_became_of_it(user):
    line = await audit.record(user, "Closed it with code 4001.", "connection 5f00c2a1b7e4")
    assert (await the_entry()).change_message == "Channelscope: Closed it with code 4001."
    await line.add("1 done.")
    entry = await the_entry()
    assert entry.user == user
    assert entry.object_repr == "connection 5f00c2a1b7e4"
    assert entry.content_type.app_label == "channelscope_console"
    assert entry.change_message == "Channelscope: Closed it with code 4001. 1 done."


@pytest.mark.parametrize(
    "detail",
    [
        {"type": "chat.message", "password": "hunter2"},
        '{"type": "chat.message", "password": "hunter2"}',
        b'{"password": "hunter2"}',
    ],
)
async def test_secrets_are_not_written_down(user, detail):
    await audit.record(user, "Sent it.", "connection 5f00c2a1b7e4", detail)
    message = (await the_entry()).change_message
    assert "password" in message
    assert "hunter2" not in message


async def test_what_is_long_is_cut_and_bytes_are_counted(user):
    line = await audit.record(user, "Sent it.", "c" * 500, "x" * 10_000)
    assert len(line.text) < audit.DETAIL_CHARS + 100
    line = await audit.record(user, "Sent it.", "connection", b"\x00\xff\xfe")
    assert "<3 bytes>" in line.text


async def test_without_the_admin_it_goes_to_the_log(user, caplog, monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: name != "django.contrib.admin")
    with caplog.at_level(logging.INFO, "console.audit"):
        line = await audit.record(user, "Left it.", "group lobby", {"token": "s3cret"})
        await line.add("1 done.")
    assert "ada, on group lobby: Channelscope: Left it." in caplog.text
    assert "1 done." in caplog.text
    assert "s3cret" not in caplog.text
    assert await LogEntry.objects.acount() == 0


def test_the_admin_shows_the_entry(user, client):
    LogEntry.objects.all().delete()
    audit._write(user, "Channelscope: Left it.", "group lobby")
    client.force_login(user)
    with override_settings(ROOT_URLCONF="console.demo.urls"):
        page = client.get(reverse("admin:index")).content.decode()
    assert "group lobby" in page
