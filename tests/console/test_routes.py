from __future__ import annotations

import pytest
from django.core.asgi import get_asgi_application
from django.urls import include, path, re_path

from console.routes import tree, websocket_routes
from runtime.auth import AuthMiddlewareStack
from runtime.consumer import AsyncConsumer
from runtime.generic.websocket import AsyncWebsocketConsumer
from runtime.protocols.mqtt import TopicRouter
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from runtime.security.websocket import AllowedHostsOriginValidator


class Chat(AsyncWebsocketConsumer):
    """Rooms in which people talk.

    Not this line.
    """


class Undocumented(AsyncWebsocketConsumer):
    pass


class Thumbnails(AsyncConsumer):
    """Makes pictures small."""


async def plain(scope, receive, send):
    """An application of the project's own."""


@pytest.fixture
def application() -> ProtocolTypeRouter:
    inner = URLRouter([path("<room_name>/", Chat.as_asgi()), path("", plain)])
    sockets = URLRouter(
        [
            path("ws/<int:version>/", AuthMiddlewareStack(inner)),
            re_path(r"^echo/(?P<name>\w+)/$", Undocumented.as_asgi()),
            path("more/", include([path("<uuid:id>/", Chat.as_asgi())])),
        ]
    )
    return ProtocolTypeRouter(
        {
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(sockets),
            "channel": ChannelNameRouter({"thumbnails": Thumbnails.as_asgi()}),
        }
    )


def test_every_way_for_a_websocket_is_a_route_in_the_order_of_trying(application):
    routes = websocket_routes(application)
    assert [(route.route, route.path_template) for route in routes] == [
        ("ws/<int:version>/<room_name>/", "/ws/{version}/{room_name}/"),
        ("ws/<int:version>/", "/ws/{version}/"),
        (r"^echo/(?P<name>\w+)/$", "/echo/{name}/"),
        ("more/<uuid:id>/", "/more/{id}/"),
    ]
    assert [route.consumer for route in routes] == ["Chat", "plain", "Undocumented", "Chat"]
    assert routes[0].consumer_path == f"{__name__}.Chat"
    assert [argument.name for argument in routes[0].arguments] == ["version", "room_name"]


def test_a_route_says_what_its_consumer_is_for_and_does_not_borrow_it(application):
    assert [route.doc for route in websocket_routes(application)] == [
        "Rooms in which people talk.",
        "An application of the project's own.",
        "",
        "Rooms in which people talk.",
    ]


def test_an_application_without_a_router_is_one_route():
    [route] = websocket_routes(ProtocolTypeRouter({"websocket": Chat.as_asgi()}))
    assert (route.route, route.path_template, route.consumer) == ("", "/", "Chat")


def test_an_application_without_websockets_has_no_routes():
    assert websocket_routes(ProtocolTypeRouter({"http": plain})) == []


def test_an_argument_that_is_named_twice_is_asked_for_once():
    inner = URLRouter([path("<room>/", Chat.as_asgi())])
    [route] = websocket_routes(URLRouter([path("<room>/", inner)]))
    assert [argument.name for argument in route.arguments] == ["room"]


def test_the_tree_shows_protocols_middleware_routers_and_consumers(application):
    root = tree(application)
    assert root.kind == "protocols"
    assert [child.label for child in root.children] == ["http", "websocket", "channel"]
    http, websocket, channel = root.children
    assert (http.kind, http.name) == ("other", "ASGIHandler")
    assert (websocket.kind, websocket.name) == ("middleware", "OriginValidator")
    [router] = websocket.children
    assert [(child.kind, child.label) for child in router.children] == [
        ("middleware", "ws/<int:version>/"),
        ("consumer", r"^echo/(?P<name>\w+)/$"),
        ("consumer", "more/<uuid:id>/"),
    ]
    [thumbnails] = channel.children
    assert (channel.kind, thumbnails.label, thumbnails.doc) == (
        "channels",
        "thumbnails",
        "Makes pictures small.",
    )


def test_an_application_that_contains_itself_comes_to_an_end():
    router = ProtocolTypeRouter({})
    router.application_mapping["websocket"] = router
    assert websocket_routes(router) == []
    assert tree(router).children[0].kind == "protocols"


def test_a_router_of_topics_leads_to_an_application_for_each_filter():
    application = ProtocolTypeRouter({"mqtt": TopicRouter({"house/#": Thumbnails.as_asgi()})})
    [mqtt] = tree(application).children
    assert (mqtt.kind, mqtt.name, mqtt.label) == ("router", "TopicRouter", "mqtt")
    assert [(one.label, one.name) for one in mqtt.children] == [("house/#", "Thumbnails")]
