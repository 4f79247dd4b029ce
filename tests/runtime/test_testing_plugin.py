"""The pytest plugin, in a pytest of its own; the examples of its documentation are the tests."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "runtime.testing.plugin"

INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
addopts = -p pytest_asyncio.plugin -p pytest_django.plugin
DJANGO_SETTINGS_MODULE = mysite.settings
filterwarnings = error
"""

PROJECT = {
    "mysite/__init__.py": "",
    "mysite/settings.py": """
        SECRET_KEY = "for tests alone"
        INSTALLED_APPS = ["django.contrib.staticfiles", "runtime"]
        STATIC_URL = "static/"
        ROOT_URLCONF = "mysite.urls"
        ASGI_APPLICATION = "mysite.asgi.application"
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    """,
    "mysite/urls.py": """
        from django.http import HttpResponse
        from django.urls import path

        urlpatterns = [path("", lambda request: HttpResponse("a view"))]
    """,
    "mysite/asgi.py": """
        from django.core.asgi import get_asgi_application
        from django.urls import path

        django_application = get_asgi_application()

        from chat.consumers import Bot, ChatConsumer
        from runtime.routing import ProtocolTypeRouter, URLRouter

        application = ProtocolTypeRouter(
            {
                "http": django_application,
                "websocket": URLRouter([path("ws/chat/<slug:room>/", ChatConsumer.as_asgi())]),
                "telegram": Bot.as_asgi(),
            }
        )
    """,
    "chat/__init__.py": "",
    "chat/consumers.py": """
        from runtime.consumer import SyncConsumer
        from runtime.generic.websocket import AsyncJsonWebsocketConsumer

        goodbyes = []


        class ChatConsumer(AsyncJsonWebsocketConsumer):
            async def connect(self):
                self.room = self.scope["url_route"]["kwargs"]["room"]
                if self.room == "locked":
                    return await self.close(code=4003)
                await self.channel_layer.group_add(self.room, self.channel_name)
                await self.accept()

            async def receive_json(self, content):
                if content["text"] == "fail":
                    raise RuntimeError("the consumer failed")
                message = {"type": "chat.said", "text": content["text"]}
                await self.channel_layer.group_send(self.room, message)

            async def chat_said(self, event):
                await self.send_json({"text": event["text"]})

            async def disconnect(self, code):
                goodbyes.append(code)


        class Bot(SyncConsumer):
            def telegram_message(self, message):
                self.send({"type": "telegram.message", "text": "You said: " + message["text"]})
    """,
}


@pytest.fixture
def project(pytester, monkeypatch):
    """A small project with pytest-asyncio, pytest-django and this plugin."""
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{pytester.path}")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makeini(INI)
    write(pytester.path, PROJECT)
    return pytester


def write(folder, files):
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(dedent(source).lstrip("\n"), encoding="utf-8")


def run(project, source=None, **outcomes):
    """Run pytest on `source` in a process of its own."""
    if source is not None:
        write(project.path, {"test_it.py": source})
    result = project.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider")
    result.assert_outcomes(**outcomes)
    return result


def test_the_plugin_is_an_entry_point_of_the_distribution():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["entry-points"]["pytest11"] == {"channelscope": PLUGIN}


def test_the_examples_of_the_documentation_pass(project):
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n# (\S+)\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)
    write(project.path, dict(examples))
    tests = sum(source.count("async def test_") for _, source in examples)
    assert tests >= 6
    run(project, passed=tests)


def test_every_fixture_is_documented_and_nothing_else(project):
    listed = project.runpytest_subprocess("-p", PLUGIN, "--fixtures", "-q").stdout.str()
    fixtures = set(re.findall(r"^(\w+)(?: \[.+?\])? -- .*runtime/testing/plugin\.py", listed, re.M))
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    table = page.partition("| fixture | gives |")[2].partition("\n\n")[0]
    assert fixtures - {"opened_communicators"} == set(re.findall(r"^\| `(\w+)` \|", table, re.M))


def test_a_project_without_django_does_not_notice_it(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makeini("[pytest]\nfilterwarnings = error")
    source = """
        import sys

        def test_nothing_is_loaded(request):
            for name in ("django", "daphne", "twisted", "runtime.layers"):
                assert name not in sys.modules
            assert not request.fixturenames[1:]
    """
    run(pytester, source, passed=1)


def test_the_layer_is_new_for_each_test_and_put_back(project):
    source = """
        from runtime.layers import channel_layers, get_channel_layer

        seen = []

        async def test_one(channel_layer):
            assert get_channel_layer() is channel_layer
            await channel_layer.group_add("den", "a")
            await channel_layer.send("a", {"type": "x"})
            seen.append(channel_layer)

        async def test_two(channel_layer):
            assert channel_layer not in seen
            assert (channel_layer.groups, channel_layer.channels) == ({}, {})

        def test_three():
            assert channel_layers.backends == {}

        def test_the_projects_own_layer_comes_back(request):
            own = object()
            channel_layers.set("default", own)
            request.getfixturevalue("channel_layer")
            request.addfinalizer(lambda: seen.append(get_channel_layer()))
    """
    run(project, source, passed=4)


def test_a_websocket_disconnects_when_the_test_ends(project):
    source = """
        from chat.consumers import goodbyes

        async def test_one(channel_layer, websocket_communicator):
            await websocket_communicator("/ws/chat/den/").connect()
            await websocket_communicator("/ws/chat/den/").send_json_to({"text": "hello"})
            websocket_communicator("/ws/chat/never-used/")

        def test_two():
            assert goodbyes == [1000, 1000]
    """
    run(project, source, passed=2)


def test_a_refused_websocket_says_so_at_first_use(project):
    source = """
        import pytest

        async def test_it(channel_layer, websocket_communicator):
            with pytest.raises(AssertionError, match="refused the WebSocket .* with code 4003"):
                await websocket_communicator("/ws/chat/locked/").receive_from()
    """
    run(project, source, passed=1)


def test_what_the_application_raises_and_nobody_sees_is_an_error_of_the_test(project):
    source = """
        async def test_it(channel_layer, websocket_communicator):
            await websocket_communicator("/ws/chat/den/").send_json_to({"text": "fail"})
    """
    result = run(project, source, passed=1, errors=1)
    result.stdout.fnmatch_lines(["E *RuntimeError: the consumer failed"])


def test_another_application_can_be_named(project):
    source = """
        from runtime.generic.websocket import AsyncWebsocketConsumer

        class Other(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept(self.scope["subprotocols"][0])

        async def test_it(websocket_communicator):
            other = websocket_communicator("/", application=Other.as_asgi(), subprotocols=["v2"])
            assert await other.connect() == (True, "v2")
    """
    run(project, source, passed=1)


def test_the_live_server_serves_one_test_after_the_other(project):
    source = """
        import json
        import urllib.request

        import pytest
        from websockets.sync.client import connect

        @pytest.mark.parametrize("n", [1, 2])
        def test_it(channel_layer, live_server_ws, n):
            with urllib.request.urlopen(live_server_ws.url) as response:
                assert response.read() == b"a view"
            with connect(f"{live_server_ws.ws_url}/ws/chat/den/") as socket:
                socket.send(json.dumps({"text": "hello"}))
                assert json.loads(socket.recv()) == {"text": "hello"}
    """
    run(project, source, passed=2)


def test_what_is_open_when_a_test_ends_is_cut_and_the_consumers_say_goodbye(project):
    source = """
        import asyncio

        import pytest
        from chat.consumers import ChatConsumer, goodbyes
        from runtime.testing import threaded
        from websockets.exceptions import ConnectionClosed
        from websockets.sync.client import connect

        @pytest.fixture
        def client():
            opened = []
            yield opened
            for connecting in opened:
                with connecting as socket, pytest.raises(ConnectionClosed):
                    socket.recv()
            goodbyes.append("the client has seen it")

        def test_one(client, channel_layer, live_server_ws):
            client.append(connect(f"{live_server_ws.ws_url}/ws/chat/den/"))

        @pytest.mark.django_db(transaction=True)
        def test_two():
            assert goodbyes == [1006, "the client has seen it"]

        @pytest.fixture
        def stubborn(monkeypatch):
            async def disconnect(self, code):
                await asyncio.Event().wait()

            monkeypatch.setattr(threaded, "GOODBYE_S", 0)
            monkeypatch.setattr(ChatConsumer, "disconnect", disconnect)

        def test_three(client, channel_layer, stubborn, live_server_ws):
            client.append(connect(f"{live_server_ws.ws_url}/ws/chat/den/"))
    """
    run(project, source, passed=3)


def test_the_live_server_sees_the_database_and_the_static_files_of_the_test(project):
    write(
        project.path,
        {
            "chat/models.py": """
                from django.db import models


                class Line(models.Model):
                    text = models.TextField()
            """,
            "chat/static/chat.css": "body { color: red }",
            "mysite/urls.py": """
                from chat.models import Line
                from django.http import HttpResponse
                from django.urls import path

                def lines(request):
                    return HttpResponse(Line.objects.create(text="view") and Line.objects.count())

                urlpatterns = [path("", lines)]
            """,
        },
    )
    settings = project.path / "mysite" / "settings.py"
    settings.write_text(settings.read_text() + 'INSTALLED_APPS.append("chat")\n')
    source = """
        import urllib.request

        import pytest
        from chat.models import Line

        @pytest.mark.parametrize("n", [1, 2])
        def test_it(live_server_ws, n):
            Line.objects.create(text="test")
            with urllib.request.urlopen(live_server_ws.url) as response:
                assert response.read() == b"2"
            assert {line.text for line in Line.objects.all()} == {"test", "view"}
            with urllib.request.urlopen(f"{live_server_ws.url}/static/chat.css") as response:
                assert response.read().startswith(b"body")
    """
    run(project, source, passed=2)


def test_a_live_server_in_a_process_can_follow_the_one_in_a_thread(project):
    settings = project.path / "mysite" / "settings.py"
    settings.write_text(
        settings.read_text() + 'DATABASES["default"]["TEST"] = {"NAME": "test.sqlite3"}\n'
    )
    source = """
        import urllib.request

        from runtime.testing.live import ChannelsLiveServerTestCase

        def read(url):
            with urllib.request.urlopen(url) as response:
                return response.read()

        def test_a_thread(live_server_ws):
            assert read(live_server_ws.url) == b"a view"

        class TestProcess(ChannelsLiveServerTestCase):
            def test_a_process(self):
                assert read(self.live_server_url) == b"a view"
    """
    run(project, source, passed=2)
