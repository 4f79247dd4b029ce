from __future__ import annotations

import pytest
from django.urls import path, re_path

from console.resolution import Resolution, resolve
from runtime.auth import AuthMiddlewareStack
from runtime.consumer import AsyncConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.protocols.mqtt import TopicRouter
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter


class Chat(AsyncWebsocketConsumer):
    """A room."""


class Board(AsyncWebsocketConsumer):
    """A board."""


class Thumbnails(AsyncConsumer):
    """Pictures."""


@pytest.fixture
def application() -> ProtocolTypeRouter:
    rooms = URLRouter([path("<slug:room>/", Chat.as_asgi())])
    sockets = URLRouter(
        [
            path("ws/<int:version>/", AuthMiddlewareStack(rooms)),
            re_path(r"^board/(?P<name>\w+)/$", Board.as_asgi()),
            path("ws/7/late!/", Board.as_asgi()),
        ]
    )
    return ProtocolTypeRouter(
        {
            "websocket": sockets,
            "channel": ChannelNameRouter(
                {"thumbnails": Thumbnails.as_asgi(), "mail": Thumbnails.as_asgi()}
            ),
        }
    )


def failed(resolution: Resolution) -> list[tuple[str, str, str, str]]:
    return [
        (step.name, step.matched, step.expected, step.found)
        for step in resolution.steps
        if not step.is_taken
    ]


def test_a_path_leads_to_its_consumer_through_each_router(application):
    resolution = resolve(application, "websocket", "/ws/2/lobby/")
    assert (resolution.application, resolution.route) == ("Chat", "ws/<int:version>/<slug:room>/")
    assert resolution.arguments == {"version": 2, "room": "lobby"}
    assert [step.name for step in resolution.steps] == [
        "ProtocolTypeRouter",
        "ws/<int:version>/",
        "CookieMiddleware",
        "SessionMiddleware",
        "AuthMiddleware",
        "<slug:room>/",
        "Chat",
    ]
    assert (resolution.pattern.number, resolution.pattern.of) == (1, 1)


def test_a_path_that_nothing_takes_says_where_each_pattern_failed(application):
    resolution = resolve(application, "websocket", "/board/a-b/")
    assert not resolution.is_found
    assert failed(resolution) == [
        ("ws/<int:version>/", "", "ws/<int:version>/", "board/a-b/"),
        (r"^board/(?P<name>\w+)/$", "board/a", "/$", "-b/"),
        ("ws/7/late!/", "", "ws/7/late!/", "board/a-b/"),
    ]


def test_a_path_that_goes_on_after_a_pattern_expected_the_end(application):
    assert failed(resolve(application, "websocket", "ws/7/late!/more"))[-1] == (
        "ws/7/late!/",
        "ws/7/late!/",
        "",
        "more",
    )


def test_what_an_inner_router_does_not_take_later_routes_may(application):
    resolution = resolve(application, "websocket", "/ws/7/late!/")
    assert (resolution.application, resolution.arguments) == ("Board", {})
    assert failed(resolution)[0] == ("<slug:room>/", "late", "/", "!/")


def test_a_scope_type_that_nobody_serves_ends_at_the_first_router(application):
    [step] = resolve(application, "mqtt", "/x").steps
    assert not step.is_taken
    assert (step.expected, step.found) == ("websocket, channel", "mqtt")


def test_a_channel_is_found_by_its_whole_name(application):
    found = resolve(application, "channel", "mail")
    assert (found.application, found.route) == ("Thumbnails", "mail")
    assert [step.name for step in found.steps if not step.is_taken] == ["thumbnails"]
    assert not resolve(application, "channel", "mai").is_found


@pytest.mark.parametrize("route", ["ws/<int:version>/", "ws/7/late!/"])
def test_the_answer_is_the_one_that_the_router_gives(application, route):
    router = URLRouter([path(route, Chat.as_asgi())])
    for tried in ("ws/7/late!/", "ws/7/", "ws//", "", "ws/x/", "ws/7/late!"):
        matched = router.routes[0].pattern.match(tried)
        assert resolve(router, "websocket", tried).is_found == (matched is not None)


def test_an_application_that_contains_itself_comes_to_an_end():
    router = ProtocolTypeRouter({})
    router.application_mapping["websocket"] = router
    assert not resolve(router, "websocket", "/").is_found


@pytest.fixture
def topics() -> ProtocolTypeRouter:
    filters = {"house/+/door": Thumbnails.as_asgi(), "house/#": Board.as_asgi()}
    return ProtocolTypeRouter({"mqtt": TopicRouter(filters)})


def test_a_topic_goes_to_the_first_filter_that_selects_it(topics):
    resolution = resolve(topics, "mqtt", "house/attic/window")
    assert (resolution.application, resolution.route) == ("Board", "house/#")
    assert failed(resolution) == [("house/+/door", "", "house/+/door", "house/attic/window")]


def test_a_topic_that_no_filter_selects_is_not_found(topics):
    resolution = resolve(topics, "mqtt", "garden/gate")
    assert not resolution.is_found
    assert len(failed(resolution)) == 2
