"""Each test is a process of its own: what an import means is decided once in a process."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """
    SECRET_KEY = "for tests alone"
    INSTALLED_APPS = ["channels", "django.contrib.contenttypes", "django.contrib.auth"]
    ASGI_APPLICATION = "mysite_asgi.application"
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
"""

CONSUMERS = """
    from asgiref.sync import async_to_sync
    from channels.generic.websocket import JsonWebsocketConsumer
    from channels.layers import get_channel_layer

    class Room(JsonWebsocketConsumer):
        def connect(self):
            self.room = self.scope["url_route"]["kwargs"]["room"]
            async_to_sync(self.channel_layer.group_add)(self.room, self.channel_name)
            self.accept()

        def receive_json(self, content):
            event = {"type": "room.said", "text": content["text"]}
            async_to_sync(get_channel_layer().group_send)(self.room, event)

        def room_said(self, event):
            self.send_json({"said": event["text"]})
"""

ASGI = """
    import os

    import runtime
    runtime.install_as_channels()

    from channels.routing import ProtocolTypeRouter, URLRouter
    from channels.security.websocket import OriginValidator
    from django.core.asgi import get_asgi_application
    from django.urls import path

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite_settings")
    django_application = get_asgi_application()

    from mysite_consumers import Room

    websockets = OriginValidator(URLRouter([path("ws/<slug:room>/", Room.as_asgi())]), ["*"])
    application = ProtocolTypeRouter({"http": django_application, "websocket": websockets})
"""

MANAGE = """
    import os
    import sys

    import runtime
    runtime.install_as_channels()

    from django.core.management import execute_from_command_line

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite_settings")
    execute_from_command_line(sys.argv)
"""


@pytest.fixture
def project(tmp_path):
    """Return the folder of a project that was written for Channels."""
    for name, source in {
        "mysite_settings": SETTINGS,
        "mysite_consumers": CONSUMERS,
        "mysite_asgi": ASGI,
        "manage": MANAGE,
    }.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
    return tmp_path


def run(project, *arguments):
    environment = {key: value for key, value in os.environ.items() if key[:6] != "DJANGO"}
    environment["PYTHONPATH"] = os.pathsep.join([str(project), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def passes(project, code):
    done = run(project, "-c", "import runtime, sys\n" + textwrap.dedent(code))
    assert done.returncode == 0, done.stderr


def test_both_names_are_one_module_that_goes_by_its_own_name(tmp_path):
    passes(
        tmp_path,
        """
        runtime.install_as_channels()
        import channels, channels.layers, channels.generic.websocket, channels.testing.websocket
        import runtime.layers, runtime.generic.websocket
        assert channels is runtime and channels.__version__ == "4.3.2"
        assert channels.layers is runtime.layers is sys.modules["channels.layers"]
        assert channels.generic.websocket is runtime.generic.websocket
        assert sys.modules["channels.testing"] is runtime.testing
        for module in (channels, channels.layers, channels.generic.websocket):
            assert module.__name__ == module.__spec__.name
            assert module.__name__.startswith("runtime")
        """,
    )


def test_every_module_of_the_runtime_can_be_imported_under_the_other_name(tmp_path):
    passes(
        tmp_path,
        """
        from importlib import import_module
        from pkgutil import walk_packages
        from django.conf import settings
        settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"])
        import django
        django.setup()
        runtime.install_as_channels()
        import channels
        names = [one.name for one in walk_packages(channels.__path__, "channels.")]
        assert "channels.management.commands.runworker" in names
        for name in names:
            assert import_module(name) is import_module("runtime" + name[len("channels"):])
        """,
    )


def test_what_the_runtime_does_not_have_is_missing_under_the_other_name_too(tmp_path):
    passes(
        tmp_path,
        """
        from importlib.util import find_spec
        runtime.install_as_channels()
        assert find_spec("channels") and find_spec("channels.layers")
        assert find_spec("channels.binding") is None
        try:
            import channels.binding
        except ModuleNotFoundError as missing:
            assert missing.name == "channels.binding"
        else:
            raise AssertionError
        """,
    )


def test_installing_imports_no_django_and_twice_is_as_good_as_once(tmp_path):
    passes(
        tmp_path,
        """
        runtime.install_as_channels()
        finders = list(sys.meta_path)
        import channels.exceptions
        runtime.install_as_channels()
        assert sys.meta_path == finders
        """,
    )
    passes(tmp_path, "runtime.install_as_channels(); assert 'django' not in sys.modules")


@pytest.mark.parametrize("name", ["channels", "channels_redis"])
def test_it_refuses_beside_the_real_package(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("")
    done = run(tmp_path, "-c", f"import {name}, runtime; runtime.install_as_channels()")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"RuntimeError: {name!r} has been imported from {tmp_path}")


def test_the_redis_modules_are_those_of_the_layers(tmp_path):
    passes(
        tmp_path,
        """
        from types import ModuleType
        from runtime import aliases
        import runtime.layers.memory
        # Stand-ins with specs of their own, since a layer must exist to be found.
        for alias in aliases.REDIS_MODULES:
            aliases.REDIS_MODULES[alias] = "runtime.layers.memory"
        runtime.install_as_channels()
        import channels_redis.core, channels_redis.pubsub, channels_redis.serializers
        import channels_redis.utils
        assert channels_redis.core is channels_redis.pubsub is runtime.layers.memory
        assert channels_redis.__version__ == "4.3.0"
        assert not hasattr(runtime.layers, "core")
        """,
    )


@pytest.mark.parametrize("name", ["channels_redis", "channels_redis.core"])
def test_without_a_redis_layer_the_import_says_so(tmp_path, name):
    code = f"""
        from runtime import aliases
        for alias in aliases.REDIS_MODULES:
            aliases.REDIS_MODULES[alias] = "runtime.layers.nowhere"
        runtime.install_as_channels()
        import {name}
    """
    done = run(tmp_path, "-c", "import runtime\n" + textwrap.dedent(code))
    assert "ModuleNotFoundError: 'channels_redis" in done.stderr
    assert "this runtime has no Redis layer yet" in done.stderr


def test_a_project_written_for_channels_is_served(project):
    passes(
        project,
        """
        import asyncio
        from mysite_asgi import application
        from channels.testing import WebsocketCommunicator

        async def main():
            one = WebsocketCommunicator(application, "/ws/den/")
            other = WebsocketCommunicator(application, "/ws/den/")
            assert await one.connect() == await other.connect() == (True, None)
            await one.send_json_to({"text": "hello"})
            assert await other.receive_json_from() == {"said": "hello"}
            await one.disconnect()
            await other.disconnect()

        asyncio.run(main())

        from django.apps import apps
        assert apps.is_installed("channels")
        assert apps.get_app_config("channels").module is runtime
        """,
    )


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("runtime", "runtime"),
        ("runtime.apps.ChannelsConfig", "runtime"),
        ("channels", "channels"),
        ("channels.apps.ChannelsConfig", "channels"),
    ],
)
def test_the_application_has_the_name_that_the_project_installs_it_under(project, entry, name):
    passes(
        project,
        f"""
        runtime.install_as_channels()
        import django
        from django.apps import apps
        from django.conf import settings
        settings.configure(INSTALLED_APPS=[{entry!r}])
        django.setup()
        assert [config.name for config in apps.get_app_configs()] == [{name!r}]
        """,
    )


def test_manage_py_checks_the_project_and_knows_runworker(project):
    assert run(project, "manage.py", "check").returncode == 0
    done = run(project, "manage.py", "runworker", "--help")
    assert done.returncode == 0, done.stderr
    assert "--layer" in done.stdout
