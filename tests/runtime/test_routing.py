import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path, re_path

from runtime.exceptions import RouteNotFound
from runtime.routing import (
    ChannelNameRouter,
    ProtocolTypeRouter,
    URLRouter,
    get_default_application,
)
from tests.support.observing import observed
from tests.support.playbook import play


def app(name):
    async def application(scope, receive, send):
        return name, scope.get("url_route"), scope.get("path_remaining")

    return application


def scope(path, **more):
    return {"type": "websocket", "path": path, **more}


async def route(router, path, **more):
    return await router(scope(path, **more), None, None)


async def test_the_first_route_that_matches_serves():
    router = URLRouter([path("chat/", app("chat")), re_path(r"^c(h)at/", app("other"))])
    assert (await route(router, "/chat/"))[0] == "chat"


@pytest.mark.parametrize("full_path", ["/chat", "/chat/more/", "/", "/CHAT/", "/chat/\n"])
async def test_a_path_that_no_route_takes_is_a_value_error_that_names_what_was_tried(full_path):
    router = URLRouter([path("chat/", app("chat")), path("news/<int:page>/", app("news"))])
    with pytest.raises(ValueError, match="No route found for path") as raised:
        await route(router, full_path)
    assert raised.value.tried == ("chat/", "news/<int:page>/")


async def test_arguments_are_converted_and_put_in_the_scope():
    router = URLRouter([path("room/<int:number>/<slug:name>/", app("room"), {"extra": True})])
    _, url_route, remaining = await route(router, "/room/7/lobby/")
    assert url_route == {"args": (), "kwargs": {"number": 7, "name": "lobby", "extra": True}}
    assert remaining == ""


async def test_a_route_without_arguments_gives_its_own_to_each_scope():
    router = URLRouter([path("chat/", app("chat"), {"extra": True})])
    _, first, remaining = await route(router, "/chat/")
    assert (first, remaining) == ({"args": (), "kwargs": {"extra": True}}, "")
    first["kwargs"]["extra"] = False
    assert (await route(router, "/chat/"))[1]["kwargs"] == {"extra": True}


async def test_unnamed_groups_are_positional():
    router = URLRouter([re_path(r"^room/(\d+)/(\w+)/$", app("room"))])
    assert (await route(router, "/room/7/lobby/"))[1] == {"args": ("7", "lobby"), "kwargs": {}}


async def test_routers_nest_and_arguments_add_up():
    inner = URLRouter([path("<int:page>/", app("page")), path("", app("index"))])
    router = URLRouter([path("book/<slug:book>/", inner), path("book/<slug:book>/x/", app("x"))])
    name, url_route, _ = await route(router, "/book/sagas/3/")
    assert (name, url_route["kwargs"]) == ("page", {"book": "sagas", "page": 3})
    assert (await route(router, "/book/sagas/"))[0] == "index"


async def test_a_router_behind_middleware_is_a_router_too():
    class Middleware:
        def __init__(self, inner):
            self.inner = inner

        async def __call__(self, scope, receive, send):
            return await self.inner(scope, receive, send)

    router = URLRouter([path("a/", Middleware(URLRouter([path("b/", app("b"))])))])
    assert (await route(router, "/a/b/"))[0] == "b"


async def test_when_an_inner_router_takes_nothing_later_routes_have_their_turn():
    router = URLRouter(
        [path("a/", URLRouter([path("b/", app("b"))])), re_path(r"^a/c/$", app("late"))]
    )
    assert (await route(router, "/a/c/"))[0] == "late"


async def test_an_inner_miss_names_the_whole_patterns():
    router = URLRouter([path("a/", URLRouter([path("b/", app("b"))]))])
    with pytest.raises(RouteNotFound) as raised:
        await route(router, "/a/x/")
    assert raised.value.tried == ("a/b/",)


async def test_an_error_of_the_application_is_not_a_miss():
    async def failing(scope, receive, send):
        raise ValueError("the application's own")

    router = URLRouter([path("a/", failing), re_path(r"^a/", app("late"))])
    with pytest.raises(ValueError, match="the application's own"):
        await route(router, "/a/")


async def test_included_patterns_are_routes():
    router = URLRouter([path("v<int:version>/", include([path("chat/<slug:room>/", app("chat"))]))])
    assert (await route(router, "/v2/chat/lobby/"))[1]["kwargs"] == {"version": 2, "room": "lobby"}


async def test_the_root_path_is_not_part_of_the_route():
    router = URLRouter([path("chat/", app("chat"))])
    assert (await route(router, "/mounted/chat/", root_path="/mounted"))[0] == "chat"
    with pytest.raises(ValueError, match="No route found for path '/chat/'"):
        await route(router, "/chat/", root_path="/mounted")


async def test_a_scope_without_a_path_cannot_be_routed():
    with pytest.raises(ValueError, match="No 'path' key"):
        await URLRouter([path("", app("index"))])({"type": "websocket"}, None, None)


def test_what_is_no_route_is_refused():
    with pytest.raises(ImproperlyConfigured, match="not function"):
        URLRouter([app("chat")])


async def test_the_patterns_of_the_project_are_not_changed():
    pattern = path("a/", URLRouter([]))
    URLRouter([pattern])
    assert pattern.pattern.match("a/b/") is None


async def test_each_protocol_has_its_application():
    router = ProtocolTypeRouter({"websocket": app("ws"), "telegram": app("bot")})
    assert (await router({"type": "telegram"}, None, None))[0] == "bot"
    with pytest.raises(ValueError, match="No application configured for scope type 'mqtt'"):
        await router({"type": "mqtt"}, None, None)


async def test_an_unknown_path_is_404_over_http():
    router = ProtocolTypeRouter({"http": URLRouter([path("a/", app("a"))])})
    async with play(router, {"type": "http", "path": "/b/"}) as request:
        await request.expect("http.response.start", status=404)
        await request.expect("http.response.body", body=b"Not Found")
        await request.end()


async def test_an_unknown_path_refuses_a_websocket():
    router = ProtocolTypeRouter({"websocket": URLRouter([path("a/", app("a"))])})
    async with play(router, scope("/b/")) as client:
        await client.put("websocket.connect")
        await client.expect("websocket.close")
        await client.end()


async def test_an_unknown_path_is_404_for_a_websocket_whose_server_can_say_so():
    router = ProtocolTypeRouter({"websocket": URLRouter([path("a/", app("a"))])})
    able = scope("/b/", extensions={"websocket.http.response": {}})
    async with play(router, able) as client:
        await client.put("websocket.connect")
        await client.expect("websocket.http.response.start", status=404)
        await client.expect("websocket.http.response.body")
        await client.end()


async def test_a_lifespan_that_nobody_serves_is_acknowledged():
    async with play(ProtocolTypeRouter({}), {"type": "lifespan"}) as server:
        await server.put("lifespan.startup")
        await server.expect("lifespan.startup.complete")
        await server.put("lifespan.shutdown")
        await server.expect("lifespan.shutdown.complete")
        await server.end()


async def test_each_channel_has_its_application():
    router = ChannelNameRouter({"thumbnails": app("thumbnails")})
    assert (await router({"type": "channel", "channel": "thumbnails"}, None, None))[0]
    with pytest.raises(ValueError, match="No application configured for channel name 'mail'"):
        await router({"type": "channel", "channel": "mail"}, None, None)
    with pytest.raises(ValueError, match="without a 'channel' key"):
        await router({"type": "websocket"}, None, None)


async def test_observers_hear_the_whole_route_and_its_arguments():
    inner = URLRouter([path("<slug:room>/", app("room"))])
    router = ProtocolTypeRouter({"websocket": URLRouter([path("ws/<int:v>/", inner)])})
    with observed() as notebook:
        await route(router, "/ws/2/lobby/")
    _, pattern, url_route = notebook.of("route_matched")[-1]
    assert pattern == "ws/<int:v>/<slug:room>/"
    assert url_route["kwargs"] == {"v": 2, "room": "lobby"}


async def test_observers_hear_of_a_miss_once_with_all_patterns_tried():
    inner = URLRouter([path("<int:number>/", app("room"))])
    router = ProtocolTypeRouter(
        {"websocket": URLRouter([path("ws/", inner), path("x/", app("x"))])}
    )
    with observed() as notebook:
        async with play(router, scope("/ws/lobby/")) as client:
            await client.put("websocket.connect")
            await client.end()
    ((_, missed, tried),) = notebook.of("route_missed")
    assert (missed, list(tried)) == ("ws/lobby/", ["ws/<int:number>/", "x/"])


async def test_observers_hear_of_a_miss_behind_an_application_that_looks_like_no_router():
    inner = URLRouter([path("<int:number>/", app("room"))])

    async def wrapped(scope, receive, send):
        await inner(scope, receive, send)

    routes = [path("x/", app("x")), re_path(r"^ws/", wrapped), re_path(r"", app("late"))]
    router = ProtocolTypeRouter({"websocket": URLRouter(routes)})
    with observed() as notebook:
        async with play(router, scope("/ws/lobby/")) as client:
            await client.put("websocket.connect")
            await client.end()
    ((_, missed, tried),) = notebook.of("route_missed")
    assert (missed, list(tried)) == ("ws/lobby/", ["x/", "^ws/<int:number>/"])


async def test_observers_hear_of_a_path_outside_of_the_root_path():
    router = ProtocolTypeRouter({"websocket": URLRouter([path("chat/", app("chat"))])})
    with observed() as notebook:
        async with play(router, scope("/chat/", root_path="/mounted")) as client:
            await client.put("websocket.connect")
            await client.end()
    ((_, missed, tried),) = notebook.of("route_missed")
    assert (missed, list(tried)) == ("/chat/", ["/mounted/"])


def test_the_default_application_is_what_the_setting_names(settings):
    settings.ASGI_APPLICATION = "tests.runtime.test_routing.app"
    assert get_default_application() is app


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "set it to the dotted path"),
        ("tests.nowhere.application", "Cannot import ASGI_APPLICATION module 'tests.nowhere'"),
        ("tests.runtime.test_routing.nothing", "Cannot find 'nothing'"),
    ],
)
def test_a_wrong_setting_says_what_is_wrong(settings, value, problem):
    settings.ASGI_APPLICATION = value
    with pytest.raises(ImproperlyConfigured, match=problem):
        get_default_application()
