"""Every address of the console, as the URL configuration has them: who is let in, and how shielded.

A view that is added is asked by itself. What is open to the world on purpose is named here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, reverse
from django.urls.converters import get_converters

from console import urls
from tests.console.recording import Recording
from tests.console.watching import recording, user

__all__ = ["recording"]

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "the-room-that-nobody-may-know"

EXAMPLES: dict[str, Any] = {"int": 1, "uuid": "6c1b1b1e-0000-4000-8000-000000000000"}
"""What stands for an argument, by its converter; for all others the id of a connection."""

OPEN = {"login", "logout"}
"""Where somebody who is not signed in may be; neither shows anything of the application."""

BY_TOKEN = {"metrics"}
"""What asks for a token in place of a session."""

METHODS = ("get", "post", "put", "patch", "delete", "options")


def names() -> list[str]:
    return [one.name for one in urls.urlpatterns if isinstance(one, URLPattern) and one.name]


def path_of(name: str, connection_id: str) -> str:
    pattern = next(one for one in urls.urlpatterns if one.name == name)
    known = {type(converter): name for name, converter in get_converters().items()}
    arguments = {
        argument: EXAMPLES.get(known[type(converter)], connection_id)
        for argument, converter in pattern.pattern.converters.items()
    }
    return reverse(f"channelscope:{name}", kwargs=arguments)


@pytest.fixture
def known(recording: Recording) -> str:
    """Return the id of a connection whose path, messages and group are a secret."""
    connection = recording.open(f"/ws/{SECRET}/")
    recording.start(connection)
    recording.receive(connection, text=SECRET)
    return connection.id


def asked(client: Any, name: str, connection_id: str) -> Iterator[tuple[str, Any]]:
    """Ask an address in every way there is; yield each answer, with how it was asked."""
    for method in METHODS:
        response = getattr(client, method)(path_of(name, connection_id))
        yield f"{method} {name}", response


def body(response: Any) -> bytes:
    return response.content if not response.streaming else b"".join(response.streaming_content)


def test_all_addresses_have_a_name():
    assert all(isinstance(one, URLPattern) and one.name for one in urls.urlpatterns)
    assert {*OPEN, *BY_TOKEN} <= set(names())


@pytest.mark.parametrize("name", [one for one in names() if one not in OPEN | BY_TOKEN])
def test_somebody_who_is_not_signed_in_is_led_to_the_door(client: Any, known: str, name: str):
    login = reverse("channelscope:login")
    for how, response in asked(client, name, known):
        if response.status_code == 405:
            continue
        assert response.status_code == 302, how
        assert response["Location"].startswith(login), how
        assert SECRET.encode() not in body(response), how


@pytest.mark.parametrize("name", [one for one in names() if one not in OPEN | BY_TOKEN])
def test_a_user_who_is_not_staff_is_turned_away(client: Any, known: str, name: str):
    client.force_login(user("grace"))
    for how, response in asked(client, name, known):
        assert response.status_code in (403, 405), how
        assert SECRET.encode() not in body(response), how


@pytest.mark.parametrize("name", sorted(OPEN | BY_TOKEN))
def test_what_is_open_to_the_world_tells_nothing(client: Any, known: str, name: str):
    for how, response in asked(client, name, known):
        assert response.status_code < 500, how
        assert SECRET.encode() not in body(response), how


@pytest.mark.parametrize("name", sorted(BY_TOKEN))
def test_an_address_for_programs_is_not_there_without_a_token(client: Any, name: str):
    client.force_login(user("ada", is_staff=True, is_superuser=True))
    assert client.get(reverse(f"channelscope:{name}")).status_code == 404


@pytest.mark.parametrize("name", names())
def test_every_answer_is_shielded_whoever_asks(client: Any, known: str, name: str):
    for viewer in (None, user("grace"), user("ada", is_staff=True)):
        if viewer is not None:
            client.force_login(viewer)
        response = client.get(path_of(name, known))
        if response.status_code == 405:  # nothing is asked for that way, and nothing is said
            continue
        assert response.status_code < 500
        policy = response.headers.get("Content-Security-Policy", "")
        assert policy.startswith("default-src 'none'"), response.status_code
        assert "unsafe" not in policy
        assert response["X-Frame-Options"] == "DENY"
        assert response["Cache-Control"] == "no-store"
