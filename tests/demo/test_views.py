from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from console.demo.accounts import ensure_staff, visitor
from console.demo.models import Headline, Log

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demo_is_open() -> Iterator[None]:
    with override_settings(DEBUG=True):
        yield


@pytest.mark.parametrize("path", ["/", "/echo/", "/log/", "/ticker/", "/news/", "/chat/lobby/"])
def test_each_page_is_there_and_lets_nothing_foreign_run(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "default-src 'none'; script-src 'self';" in response["Content-Security-Policy"]
    page = response.content.decode()
    assert "<style" not in page
    assert ' style="' not in page
    assert page.count("<script") == page.count('<script type="module" src="/static/')


def test_the_home_page_leads_to_the_console_and_to_every_room(client: Client) -> None:
    page = client.get("/").content.decode()
    for path in ("/console/", "/chat/lobby/", "/echo/", "/log/", "/ticker/", "/news/"):
        assert f'href="{path}"' in page


def test_a_room_that_is_named_is_opened(client: Client) -> None:
    assert client.get("/chat/", {"room": "kitchen"})["Location"] == "/chat/kitchen/"
    assert client.get("/chat/")["Location"] == "/chat/lobby/"


def test_a_room_with_an_impossible_name_is_explained(client: Client) -> None:
    response = client.get("/chat/", {"room": "the kitchen"})
    assert response.status_code == 400
    assert "Enter a valid" in response.content.decode()
    assert client.get(f"/chat/{'x' * 51}/").status_code == 404


def test_a_room_asks_a_visitor_for_a_name_and_lets_them_in_with_it() -> None:
    client = Client(enforce_csrf_checks=True)
    page = client.get("/chat/lobby/").content.decode()
    assert "Who is there?" in page
    token = client.cookies["csrftoken"].value
    answer = {"name": "grace", "next": "/chat/lobby/", "csrfmiddlewaretoken": token}
    response = client.post("/sign-in/", answer)
    assert (response.status_code, response["Location"]) == (302, "/chat/lobby/")
    room = client.get("/chat/lobby/").content.decode()
    assert 'data-socket="/ws/chat/lobby/"' in room


def test_signing_in_needs_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/sign-in/", {"name": "grace"}).status_code == 403
    assert not User.objects.exists()


@pytest.mark.parametrize("away", ["https://elsewhere.test/", "//elsewhere.test/", "javascript:1"])
def test_signing_in_leads_nowhere_else(client: Client, away: str) -> None:
    response = client.post("/sign-in/", {"name": "grace", "next": away})
    assert response["Location"] == "/"


def test_the_name_of_staff_cannot_be_taken(client: Client) -> None:
    ensure_staff()
    response = client.post("/sign-in/", {"name": "ada"})
    assert response.status_code == 400
    assert "The name ada is reserved" in response.content.decode()
    assert "_auth_user_id" not in client.session


@override_settings(DEBUG=False)
def test_without_debug_nobody_signs_in_by_a_name(client: Client) -> None:
    assert client.post("/sign-in/", {"name": "grace"}).status_code == 404
    assert not User.objects.exists()
    room = client.get("/chat/lobby/").content.decode()
    assert 'name="name"' not in room
    assert 'href="/console/login/?next=/chat/lobby/"' in room


def test_signing_out_is_a_post(client: Client) -> None:
    client.force_login(visitor("grace"))
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/"
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_chosen_in_the_console_holds_here_too(client: Client, theme: str) -> None:
    client.cookies["channelscope_theme"] = theme
    assert f'data-theme="{theme}"' in client.get("/").content.decode()


def test_an_unknown_theme_is_left_to_the_system(client: Client) -> None:
    client.cookies["channelscope_theme"] = '"><script>'
    assert "data-theme" not in client.get("/").content.decode()


def test_the_news_page_shows_the_latest_headlines_with_the_newest_at_the_end(
    client: Client,
) -> None:
    for number in range(12):
        Headline.objects.create(text=f"Headline {number:02}")
    page = client.get("/news/").content.decode()
    assert "Headline 01" not in page
    assert page.index("Headline 02") < page.index("Headline 11")
    assert f'data-cursor="{Headline.objects.latest("pk").pk}"' in page


def test_a_headline_is_escaped(client: Client) -> None:
    Headline.objects.create(text="<b>bold</b>")
    page = client.get("/news/").content.decode()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page


def test_publishing_keeps_the_headline_and_returns_to_the_page(client: Client) -> None:
    assert client.post("/news/", {"text": "It works"})["Location"] == "/news/"
    assert Headline.objects.get().text == "It works"


def test_an_empty_headline_is_not_published(client: Client) -> None:
    assert client.post("/news/", {"text": " "}).status_code == 400
    assert not Headline.objects.exists()


def test_the_admin_lists_the_log_but_writes_none(client: Client) -> None:
    client.force_login(ensure_staff())
    Log.objects.create(type="connected", client=["127.0.0.1", 52144])
    assert "connected" in client.get("/admin/channelscope_demo/log/").content.decode()
    assert client.get("/admin/channelscope_demo/log/add/").status_code == 403
