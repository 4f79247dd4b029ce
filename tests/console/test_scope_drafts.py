from __future__ import annotations

import json
from typing import Any

from django.urls import path

from console.asgi_json import read_event, read_scope
from console.scope_drafts import drafts
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    pass


APPLICATION = ProtocolTypeRouter(
    {
        "websocket": URLRouter([path("ws/rooms/<int:room>/", nothing)]),
        "channel": ChannelNameRouter({"thumbnails": nothing}),
        "carrier_pigeon": nothing,
    }
)


def test_what_the_application_routes_comes_first_and_the_rest_says_that_it_has_no_route() -> None:
    found = drafts(APPLICATION)
    routed = [one.type for one in found if one.is_routed]
    assert routed == ["websocket", "channel", "carrier_pigeon"]
    assert [one.type for one in found][:3] == routed
    assert {one.type for one in found} >= {"http", "telegram", "mqtt", "lifespan"}


def test_a_draft_leads_somewhere() -> None:
    by_type = {one.type: json.loads(one.scope) for one in drafts(APPLICATION, "shop.example")}
    assert by_type["websocket"]["path"] == "/ws/rooms/1/"
    assert ["origin", "http://shop.example"] in by_type["websocket"]["headers"]
    assert by_type["channel"]["channel"] == "thumbnails"


def test_every_draft_can_be_run_as_it_is() -> None:
    for one in drafts(APPLICATION):
        assert read_scope(one.scope)["type"] == one.type
        assert one.events
        for _, event in one.events:
            assert read_event(event)["type"]


def test_an_application_without_a_router_has_drafts_too() -> None:
    assert not any(one.is_routed for one in drafts(nothing))
