import pytest
from django.urls import Resolver404, include, path, re_path
from django.urls.resolvers import URLPattern, URLResolver
from hypothesis import given
from hypothesis import strategies as st

from runtime.routes import RouteTable
from runtime.routing import URLRouter


async def application(scope, receive, send):
    pass


def numbers(table, full_path):
    return [number for number, _ in table.candidates(full_path)]


def test_only_routes_whose_beginning_the_path_has_are_asked():
    table = RouteTable(
        [
            path("chat/<slug:room>/", application),
            path("chat/", application),
            path("<slug:anything>/", application),
            re_path(r"^news/\d+/$", application),
            re_path(r"new", application),
        ]
    )
    assert numbers(table, "chat/lobby/") == [0, 2, 4]
    assert numbers(table, "chat/") == [0, 1, 2, 4]
    assert numbers(table, "news/7/") == [2, 3, 4]
    assert numbers(table, "other/") == [2, 4]


@pytest.mark.parametrize(
    "pattern", [r"^a*bc/d", r"^a|b/", r"(?i)^abc/d", r"abc/d$", r"^(abc)/d", r"^a\.b/", r"^[a]/b"]
)
def test_a_regex_that_begins_uncertainly_is_asked_for_every_path(pattern):
    assert numbers(RouteTable([re_path(pattern, application)]), "zzz/") == [0]


SEGMENTS = st.sampled_from(["a", "b", "ab", "room", "1", "42", "x-y", "é"])
LITERALS = st.lists(SEGMENTS, max_size=3).map("/".join)
PATH_PARTS = st.lists(
    st.sampled_from(["a/", "b", "room/", "<int:n>/", "<slug:s>", "<str:t>/", "<path:p>"]),
    max_size=4,
    unique=True,
)
REGEX_PARTS = st.lists(
    st.sampled_from(["^", "a/", "b?", "room/", r"\d+/", "(?P<n>a|b)/", "[a-z]+", ".*", "$", "a*"]),
    max_size=4,
    unique=True,
)
ROUTES = st.lists(
    st.one_of(
        PATH_PARTS.map(lambda parts: path("".join(parts), application)),
        REGEX_PARTS.map(lambda parts: re_path("".join(parts), application)),
        st.tuples(LITERALS, PATH_PARTS).map(
            lambda both: path(both[0], include([path("".join(both[1]), application)]))
        ),
    ),
    max_size=6,
)


def first_by_django(routes, full_path):
    """Return the number of the route that Django takes, each asked in turn, and its arguments."""
    for number, route in enumerate(routes):
        assert isinstance(route, URLPattern | URLResolver)
        try:
            matched = route.resolve(full_path)
        except Resolver404:
            continue
        if matched is not None:
            return number, matched.args, matched.kwargs
    return None


@given(ROUTES, st.lists(SEGMENTS, max_size=4).map("/".join), st.sampled_from(["", "/"]))
def test_the_first_route_that_takes_a_path_is_the_one_that_django_takes(routes, start, end):
    full_path = start + end
    table = RouteTable(routes)
    ours = None
    for number, route in table.candidates(full_path):
        matched = route.match(full_path)
        if matched is not None:
            ours = number, matched[1], matched[2]
            break
    assert ours == first_by_django(routes, full_path)


@given(ROUTES, st.lists(SEGMENTS, max_size=4).map("/".join), st.sampled_from(["", "/"]))
def test_a_path_that_stands_in_the_table_goes_where_django_sends_it(routes, start, end):
    table = RouteTable(routes)
    for full_path in {start + end, *table.static}:
        route = table.static.get(full_path)
        if route is not None:
            number = table.routes.index(route)
            assert (number, (), {}) == first_by_django(routes, full_path)


def test_only_a_route_that_no_other_comes_before_stands_in_the_table():
    about = include([path("", application), path("about/", application)])
    table = RouteTable(
        [
            path("chat/", application),
            path("blog/", about),
            path("blog/<slug:post>/", application),
            path("chat/", application),
            re_path(r"^n", application),
            path("news/", application),
        ]
    )
    numbers = {full_path: table.routes.index(route) for full_path, route in table.static.items()}
    assert numbers == {"chat/": 0, "blog/": 1, "blog/about/": 2}


def test_a_router_stands_in_no_table_because_it_takes_more_than_its_own_path():
    table = RouteTable([path("chat/", URLRouter([path("", application)]))])
    assert table.static == {}
