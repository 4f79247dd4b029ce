"""The application that a server is measured with for the price of observation.

Loaded by Daphne or Uvicorn in a process of its own. BENCH_OBSERVED says whether the console is
installed, and BENCH_CONSOLES how many pages of it are open: each is fed by the console's own
consumer, in the server's process, up to the text that a socket would carry.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import django
from django.conf import settings

OBSERVED = "BENCH_OBSERVED"
CONSOLES = "BENCH_CONSOLES"

PAGES = ("traffic", "connections", "overview")


def set_up() -> None:
    is_observed = os.environ[OBSERVED] == "1"
    settings.configure(
        SECRET_KEY="for benchmarks alone",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        ROOT_URLCONF="console.demo.urls" if is_observed else "django.conf.urls.i18n",
        ASGI_APPLICATION="tests.benchmarks.watched_site.application",
        STATIC_URL="static/",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "runtime",
            *(["console", "console.demo"] if is_observed else []),
        ],
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        CHANNEL_LAYERS={"default": {"BACKEND": "runtime.layers.InMemoryChannelLayer"}},
    )
    django.setup()


class Viewer:
    """One open page: says what it is, and that it has shown each batch."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def look(self) -> None:
        """Look until the process ends."""
        from django.contrib.auth.models import User

        from console.live import LiveConsumer

        scope = {"type": "websocket", "path": "/console/live/", "headers": [], "cookies": {}}
        scope["user"] = User(id=1, username="ada", is_staff=True, is_superuser=True)
        self._said.put_nowait({"type": "websocket.connect"})
        await LiveConsumer.as_asgi(recheck_s=3_600)(scope, self._said.get, self._hear)

    async def _hear(self, event: dict[str, Any]) -> None:
        if event["type"] == "websocket.accept":
            self._say(f'{{"page": "{self._page}", "query": ""}}')
        elif event["type"] == "websocket.send":
            self._say('{"seen": true}')

    def _say(self, text: str) -> None:
        self._said.put_nowait({"type": "websocket.receive", "text": text})


def make_application() -> Any:
    set_up()
    from runtime.routing import ProtocolTypeRouter
    from tests.benchmarks.packaged import Package

    root = ProtocolTypeRouter({"websocket": Package("runtime").echo("async")})
    looking: list[asyncio.Task[None]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if not looking:
            count = int(os.environ.get(CONSOLES, "0"))
            looking.extend(
                asyncio.ensure_future(Viewer(PAGES[number % len(PAGES)]).look())
                for number in range(count)
            )
        await root(scope, receive, send)

    return application


application = make_application()
