from __future__ import annotations

import re

import pytest
from django.urls import path, re_path

from console.route_patterns import read_pattern


def view(request):
    raise AssertionError("never called")


def test_a_path_becomes_a_template_with_examples_that_it_accepts():
    route = path("ws/<int:year>/<slug:tag>/<room_name>/<uuid:key>/<path:rest>/", view)
    part = read_pattern(route.pattern)
    assert part.template == "ws/{year}/{tag}/{room_name}/{key}/{rest}/"
    assert [argument.converter for argument in part.arguments] == [
        "int",
        "slug",
        "str",
        "uuid",
        "path",
    ]
    assert part.arguments[2].example == "lobby"
    filled = part.template.format(**{one.name: one.example for one in part.arguments})
    assert route.pattern.match(filled) is not None


@pytest.mark.parametrize(
    ("regex", "template"),
    [
        (r"^ws/chat/(?P<room_name>\w+)/$", "ws/chat/{room_name}/"),
        (r"ws/(?P<year>[0-9]{4})/(?P<key>[0-9a-f-]{36})/$", "ws/{year}/{key}/"),
        (r"^ws/(?P<choice>(?:a|lobby))/$", "ws/{choice}/"),
        (r"^ws/(?P<extra>x\(y\))?$", "ws/"),
        (r"^ws/$", "ws/"),
    ],
)
def test_an_expression_becomes_a_template_that_it_accepts(regex, template):
    part = read_pattern(re_path(regex, view).pattern)
    assert part.template == template
    filled = template.format(**{one.name: one.example for one in part.arguments})
    assert re.search(regex, filled)


def test_a_slug_that_is_named_like_a_room_is_one():
    [argument] = read_pattern(path("<slug:room>/", view).pattern).arguments
    assert argument.example == "lobby"


def test_an_argument_that_no_candidate_fits_is_left_to_the_person():
    part = read_pattern(re_path(r"^ws/(?P<only>zzz9)/$", view).pattern)
    assert [argument.example for argument in part.arguments] == [""]


def test_a_pattern_of_another_kind_is_shown_as_it_is():
    part = read_pattern("anything")
    assert (part.route, part.template, part.arguments) == ("anything", None, ())
