from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from django.urls import reverse

from console.conf import Settings
from console.pages.settings import MEANINGS, SettingsPage
from console.zones import COOKIE
from runtime.consumer import AsyncConsumer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter
from tests.console.recording import Recording
from tests.console.watching import params, user

pytestmark = pytest.mark.django_db(transaction=True)


class Invoices(AsyncConsumer):
    def channelscope_redact(self, direction: str, payload: Any) -> Any:
        return payload


application = ProtocolTypeRouter({"channel": ChannelNameRouter({"invoices": Invoices.as_asgi()})})


@pytest.fixture
def staff(client: Any, recording: Recording, settings: Any) -> Any:
    settings.ASGI_APPLICATION = f"{__name__}.application"
    client.force_login(user("ada", is_staff=True))
    return client


def seen(client: Any) -> str:
    page: str = client.get(reverse("channelscope:settings")).content.decode()
    return page


def test_every_setting_is_shown_with_what_it_is() -> None:
    assert list(MEANINGS) == [field.name for field in fields(Settings)]


def test_what_is_configured_is_shown_and_no_secret(staff: Any, settings: Any) -> None:
    settings.CHANNELSCOPE = {
        "METRICS_TOKEN": "hunter2-hunter2-hunter2",
        "REDACT": ["iban"],
        "RING_ENTRIES": 1_234,
    }
    page = seen(staff)
    assert "hunter2" not in page
    assert "set, and not shown" in page
    assert "<code>iban</code>" in page
    assert "1_234" in page


def test_what_is_hidden_and_by_whom_is_named(staff: Any) -> None:
    page = seen(staff)
    assert "<code>password</code>" in page
    assert f"<code>{__name__}.Invoices</code>" in page


def test_who_may_act_is_told(staff: Any, settings: Any) -> None:
    settings.CHANNELSCOPE = {"STAFF_MAY_STEER": False}
    page = seen(staff)
    assert "You need the permission channelscope_console.steer" in page
    settings.CHANNELSCOPE = {"READ_ONLY": True}
    assert "Nobody may act: the console is read-only." in seen(staff)


async def test_what_is_held_is_in_the_next_update(recording: Recording) -> None:
    page = SettingsPage(params())
    await page.load()
    await page.update()
    assert {partial.target for partial in (await page.update()).partials} == set()
    recording.open()
    update = await page.update()
    assert {"#limits", "#relay"} <= {partial.target for partial in update.partials}
    entries = next(one for one in page.settings if one.name == "RING_ENTRIES")
    assert entries.used == "1 held"


def test_preferences_are_kept_without_a_script(staff: Any) -> None:
    url = reverse("channelscope:preferences")
    said = {"theme": "dark", "density": "comfortable", "zone": "Asia/Tokyo"}
    assert staff.post(url, said)["Location"] == reverse("channelscope:settings")
    page = seen(staff)
    assert 'data-theme="dark"' in page
    assert 'data-density="comfortable"' in page
    assert "times in <b>Asia/Tokyo</b>" in page
    staff.post(url, {"theme": "", "density": "", "zone": ""})
    page = seen(staff)
    assert "data-theme=" not in page
    assert "times in <b>UTC</b>" in page


def test_a_preference_that_makes_no_sense_is_none(staff: Any) -> None:
    response = staff.post(reverse("channelscope:preferences"), {"theme": "x", "zone": "Mars"})
    assert {name: one.value for name, one in response.cookies.items()} == {
        "channelscope_theme": "",
        "channelscope_density": "",
        COOKIE: "",
    }


def test_who_is_not_staff_changes_nothing(client: Any) -> None:
    response = client.post(reverse("channelscope:preferences"), {"theme": "dark"})
    assert response.status_code == 302
    assert "channelscope_theme" not in response.cookies
