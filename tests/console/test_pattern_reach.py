from __future__ import annotations

import pytest
from django.urls import include, path, re_path
from hypothesis import given
from hypothesis import strategies as st

from console.pattern_reach import reach


def view(request):
    raise AssertionError("never called")


@pytest.mark.parametrize(
    ("route", "tried", "expected"),
    [
        (path("chat/<slug:room>/", view), "chta/x/", ("ch", "at/<slug:room>/", "ta/x/")),
        (path("chat/<slug:room>/", view), "chat/", ("chat/", "<slug:room>/", "")),
        (path("chat/<slug:room>/", view), "chat/a b/", ("chat/a", "/", " b/")),
        (path("<int:year>/<uuid:key>/", view), "2026/x/", ("2026/", "<uuid:key>/", "x/")),
        (re_path(r"^a(?P<n>\d+)/end$", view), "a12/en", ("a12/en", "d$", "")),
        (re_path(r"^a/$", view), "a/b", ("a/", "", "b")),
        (re_path(r"^only$", view), "other", ("o", "nly$", "ther")),
    ],
)
def test_a_refusal_says_how_far_the_path_came(route, tried, expected):
    assert reach([route.pattern], tried) == expected


def test_patterns_in_turn_count_from_the_beginning_of_the_path():
    outer = path("api/", include([path("<int:id>/", view)]))
    [inner] = outer.url_patterns
    assert reach([outer.pattern, inner.pattern], "api/x/") == ("api/", "<int:id>/", "x/")


@given(st.text(max_size=30))
def test_what_is_matched_and_what_is_found_are_the_path(text):
    for route in (path("chat/<slug:room>/", view), re_path(r"^c(h|g)at/(?P<x>[^/]+)/$", view)):
        if route.pattern.match(text) is None:
            matched, _, found = reach([route.pattern], text)
            assert matched + found == text
