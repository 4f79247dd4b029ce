from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings

from runtime.layers import get_channel_layer
from runtime.taps import taps
from tests.settings import INSTALLED_APPS, MIDDLEWARE

CANARY = "hunter2hunter2"
PANEL = "LayerPanel"

TOOLBAR = override_settings(
    DEBUG=True,
    INTERNAL_IPS=["127.0.0.1"],
    ROOT_URLCONF="tests.console.toolbar_urls",
    INSTALLED_APPS=[*INSTALLED_APPS, "debug_toolbar"],
    MIDDLEWARE=["debug_toolbar.middleware.DebugToolbarMiddleware", *MIDDLEWARE],
    DEBUG_TOOLBAR_PANELS=["debug_toolbar.panels.history.HistoryPanel", "console.panel.LayerPanel"],
)


@pytest.fixture(autouse=True)
def _toolbar():
    with TOOLBAR:
        yield


def shown(response: Any) -> str:
    """Return the panel as the browser loads it afterwards, from the toolbar's store."""
    (request_id,) = re.findall(r'data-request-id="(\w+)"', response.content.decode())
    query = {"request_id": request_id, "panel_id": PANEL}
    answer = Client().get("/__debug__/render_panel/", query).json()
    return str(answer["content"])


def stats_of(response: Any) -> dict[str, Any]:
    (request_id,) = re.findall(r'data-request-id="(\w+)"', response.content.decode())
    # Imported where it is installed: it brings models with it.
    from debug_toolbar.toolbar import DebugToolbar

    toolbar: Any = DebugToolbar.fetch(request_id, PANEL)
    return dict(toolbar.get_panel_by_id(PANEL).get_stats())


def test_a_sync_view_shows_the_group_that_it_sent_to_and_the_time_in_the_layer():
    response = Client().get("/sync/", {"password": CANARY})
    page = shown(response)
    assert "chat.message" in page
    assert "lobby" in page
    (row,) = stats_of(response)["rows"]
    assert (row["target"], row["is_group"], row["receivers"]) == ("lobby", True, 0)
    assert row["took_ms"] > 0
    assert "LayerPanel_layer_time" in response.headers["Server-Timing"]


async def test_an_async_view_shows_each_message_and_who_got_it():
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("lobby", channel)
    response = await AsyncClient().get("/async/", {"password": CANARY})
    rows = stats_of(response)["rows"]
    assert [(row["target"], row["receivers"]) for row in rows] == [
        ("lobby", 1),
        ("thumbnails", None),
    ]
    assert stats_of(response)["count"] == 2
    await layer.flush()


def test_neither_the_panel_nor_the_toolbars_store_has_a_secret_or_markup_of_a_message():
    response = Client().get("/sync/", {"password": CANARY})
    assert CANARY not in str(stats_of(response))
    page = shown(response)
    assert CANARY not in page
    assert "<b>hi</b>" not in page
    assert "&lt;b&gt;hi&lt;/b&gt;" in page


def test_a_request_that_sent_nothing_says_how_to_send():
    response = Client().get("/nothing/")
    assert "group_send(group, message)" in shown(response)
    assert "0 messages" in response.content.decode()


def test_the_panel_leads_to_the_trace_of_its_request():
    response = Client().get("/sync/", {"password": CANARY})
    trace = stats_of(response)["trace"]
    assert re.fullmatch(r"[0-9a-f]{12}", trace)
    assert f'href="/console/traces/{trace}/"' in shown(response)


def test_nothing_listens_after_the_response():
    Client().get("/sync/", {"password": CANARY})
    assert taps.send_finished is None
