"""The pages, as Django's test client sees them."""

import pytest

from chat.models import Message


@pytest.mark.django_db
def test_a_room_shows_what_was_said_in_it_and_nowhere_else(client):
    Message.objects.create(room="den", author="ada", text="<b>hello</b>")
    Message.objects.create(room="attic", author="eve", text="elsewhere")
    page = client.get("/chat/den/").content.decode()
    assert "&lt;b&gt;hello&lt;/b&gt;" in page
    assert "elsewhere" not in page


def test_the_first_page_leads_to_the_rooms(client):
    assert 'href="/chat/lobby/"' in client.get("/").content.decode()


def test_the_console_is_for_staff(client):
    response = client.get("/console/")
    assert response.status_code == 302
    assert "login" in response["Location"]
