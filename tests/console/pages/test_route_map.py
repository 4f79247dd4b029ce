from __future__ import annotations

from itertools import combinations

import pytest
from django.urls import path

from console.pages.route_map import Box, lay_out
from console.routes import tree
from runtime.auth import AuthMiddlewareStack
from runtime.consumer import AsyncConsumer
from runtime.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter


class Consumer(AsyncConsumer):
    pass


@pytest.fixture
def application() -> ProtocolTypeRouter:
    deep = URLRouter([path("<int:n>/", Consumer.as_asgi()), path("", Consumer.as_asgi())])
    return ProtocolTypeRouter(
        {
            "http": Consumer.as_asgi(),
            "websocket": AuthMiddlewareStack(
                URLRouter(
                    [
                        path("deep/", AuthMiddlewareStack(deep)),
                        *(path(f"{n}/", Consumer.as_asgi()) for n in range(5)),
                    ]
                )
            ),
            "channel": ChannelNameRouter({"jobs": Consumer.as_asgi()}),
        }
    )


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.top < other.top + other.height
        and other.top < one.top + one.height
    )


def test_no_two_boxes_overlap_and_all_are_inside_the_picture(application):
    drawn = lay_out(tree(application))
    assert [pair for pair in combinations(drawn.boxes, 2) if overlap(*pair)] == []
    for box in drawn.boxes:
        assert 0 <= box.x <= box.x + box.width <= drawn.width
        assert 0 <= box.top <= box.top + box.height <= drawn.height


def test_a_leaf_knows_where_its_connections_are(application):
    drawn = lay_out(tree(application))
    assert [box.key for box in drawn.boxes if box.shape == "leaf"][:4] == [
        ("http", ""),
        ("websocket", "deep/<int:n>/"),
        ("websocket", "deep/"),
        ("websocket", "0/"),
    ]
    assert drawn.boxes[0].keys[-1] == ("channel", "jobs")


def test_middleware_stands_in_the_box_before_what_it_wraps(application):
    drawn = lay_out(tree(application))
    [socket] = [box for box in drawn.boxes if box.title == "websocket"]
    assert socket.lines == ("CookieMiddleware", "SessionMiddleware", "AuthMiddleware")


def test_every_box_but_the_first_has_one_line_to_it_and_counts_stand_where_ways_part(application):
    drawn = lay_out(tree(application))
    assert len(drawn.lines) == len(drawn.boxes) - 1
    counted = [line.keys for line in drawn.lines if line.is_counted]
    assert (("http", ""),) in counted
    assert sum(line.is_counted for line in drawn.lines) == 3 + 6 + 2


def test_a_single_consumer_is_a_picture_too():
    drawn = lay_out(tree(Consumer.as_asgi()))
    assert [box.shape for box in drawn.boxes] == ["leaf"]
    assert drawn.lines == ()
