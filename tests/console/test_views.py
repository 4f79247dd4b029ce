from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from console.pages.rooms import SECTIONS
from tests.console.recording import Recording
from tests.console.watching import user

pytestmark = pytest.mark.django_db(transaction=True)

ROOMS = [room.name for _, section in SECTIONS for room in section]
HOSTILE = '"><img src=x onerror=alert(1)>{{ 7 }}'


@pytest.fixture
def staff(client: Any, recording: Recording) -> Any:
    client.force_login(user("ada", is_staff=True))
    return client


def test_the_root_leads_to_the_overview(staff: Any) -> None:
    response = staff.get(reverse("channelscope:index"))
    assert response.status_code == 302
    assert response["Location"] == reverse("channelscope:overview")


@pytest.mark.parametrize("room", ROOMS)
def test_somebody_who_is_not_signed_in_is_asked_to(client: Any, room: str) -> None:
    path = reverse(f"channelscope:{room}")
    response = client.get(f"{path}?q=user%3Aada")
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('channelscope:login')}?next={path}%3Fq%3Duser%253Aada"


@pytest.mark.parametrize("room", ROOMS)
def test_a_user_who_is_not_staff_is_told_who_they_are_and_sees_nothing(
    client: Any, recording: Recording, room: str
) -> None:
    recording.open("/ws/secret-room/")
    client.force_login(user("grace"))
    response = client.get(reverse(f"channelscope:{room}"))
    assert response.status_code == 403
    assert b"grace" in response.content
    assert b"Sign out" in response.content
    assert b"secret-room" not in response.content


@pytest.mark.parametrize("room", ROOMS)
def test_staff_see_each_room(staff: Any, room: str) -> None:
    response = staff.get(reverse(f"channelscope:{room}"))
    assert response.status_code == 200
    assert f"<h1>{room.capitalize()}</h1>" in response.content.decode()


def test_the_navigation_offers_the_rooms_that_are_built_and_marks_this_one(staff: Any) -> None:
    page = staff.get(reverse("channelscope:traffic")).content.decode()
    rooms = [room for _, section in SECTIONS for room in section]
    assert re.findall(r'data-go="(\w)"', page) == [room.key for room in rooms]
    (current,) = re.findall(r'data-go="(\w)" aria-current="page"', page)
    assert current == "t"


@pytest.mark.parametrize("name", [*ROOMS, "login"])
def test_no_page_runs_or_styles_anything_that_is_not_a_file(staff: Any, name: str) -> None:
    response = staff.get(reverse(f"channelscope:{name}"))
    page = response.content.decode()
    assert not re.search(r"<[^>]+\sstyle=", page)
    assert not re.search(r"<[^>]+\son\w+=", page)
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)", page)
    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cache-Control"] == "no-store"


def test_what_a_client_sent_is_text_on_every_page(staff: Any, recording: Recording) -> None:
    connection = recording.open(f"/ws/{HOSTILE}/")
    recording.start(connection)
    recording.receive(connection, text=HOSTILE)
    recording.receive(connection, text=f'{{"{"x" * 3}": "<b>bold</b>"}}')
    position = recording.recorder.journal.spell(recording.last())
    paths = [
        reverse("channelscope:connections") + f"?selected={connection.id}",
        reverse("channelscope:connection", args=[connection.id]),
        reverse("channelscope:connection", args=[connection.id]) + "?tab=scope",
        reverse("channelscope:traffic") + f"?message={position}",
        reverse("channelscope:traffic") + f"?message={position}&body=raw",
    ]
    for path in paths:
        page = staff.get(path).content.decode()
        assert "<img" not in page
        assert "<b>bold" not in page
        assert "onerror=alert(1)&gt;{{ 7 }}" in page


def test_the_first_paint_has_the_theme_and_row_height_that_were_chosen(staff: Any) -> None:
    staff.cookies["channelscope_theme"] = "light"
    staff.cookies["channelscope_density"] = "comfortable"
    page = staff.get(reverse("channelscope:connections")).content.decode()
    assert '<html lang="en" data-theme="light" data-density="comfortable">' in page


def test_a_cookie_that_says_nonsense_says_nothing(staff: Any) -> None:
    staff.cookies["channelscope_theme"] = '"><script>'
    page = staff.get(reverse("channelscope:connections")).content.decode()
    assert '<html lang="en">' in page


def test_a_connection_that_is_not_listed_any_more_is_explained(staff: Any) -> None:
    response = staff.get(reverse("channelscope:connection", args=["0123456789ab"]))
    assert response.status_code == 404
    assert b"Not listed any more" in response.content


def test_a_message_that_has_left_the_ring_is_explained(staff: Any) -> None:
    page = staff.get(reverse("channelscope:traffic") + "?message=abc:7").content
    assert b"It has left the buffer" in page


def test_a_filter_that_cannot_be_understood_is_pointed_at(staff: Any) -> None:
    page = staff.get(reverse("channelscope:traffic"), {"q": "dir:in size:>abc"}).content.decode()
    assert 'aria-invalid="true"' in page
    assert "<code>dir:in size:<mark>&gt;</mark>abc</code>" in page


@pytest.mark.parametrize(
    ("room", "known", "unknown"),
    [("traffic", "dir:handler", "state:"), ("connections", "state:refused", "took:")],
)
def test_the_filter_lists_and_completes_what_its_room_knows(
    staff: Any, room: str, known: str, unknown: str
) -> None:
    page = staff.get(reverse(f"channelscope:{room}")).content.decode()
    words = re.findall(r'data-word="([^"]+)"', page)
    assert known in words
    assert unknown not in words
    assert "<dt><code>user:ada</code></dt><dd>name of the user" in page


def test_signing_in_leads_to_where_somebody_wanted_to_go(client: Any) -> None:
    user("ada", is_staff=True)
    wanted = reverse("channelscope:traffic")
    response = client.post(
        reverse("channelscope:login"),
        {"username": "ada", "password": "secret", "next": wanted},
    )
    assert response["Location"] == wanted


def test_a_wrong_password_is_said_on_the_page(client: Any) -> None:
    response = client.post(reverse("channelscope:login"), {"username": "ada", "password": "wrong"})
    assert 'role="alert"' in response.content.decode()


def test_signing_out_needs_a_post(staff: Any) -> None:
    assert staff.get(reverse("channelscope:logout")).status_code == 405
    response = staff.post(reverse("channelscope:logout"))
    assert response["Location"] == reverse("channelscope:login")
    assert staff.get(reverse("channelscope:connections")).status_code == 302
