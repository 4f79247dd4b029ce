"""The pytest plugin: fixtures for a channel layer, communicators and a live server.

Owns the fixtures alone; what they hand out is in the modules beside this one. Pytest loads
it in every project where this package is installed: it imports neither Django nor a
server before a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from runtime import DEFAULT_CHANNEL_LAYER

if TYPE_CHECKING:
    from runtime.layers import InMemoryChannelLayer
    from runtime.testing.application import ApplicationCommunicator
    from runtime.testing.opened import ConnectingCommunicator, OpenedCommunicators
    from runtime.testing.threaded import LiveServer

try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:
    # Another plugin runs asynchronous tests; anyio's takes asynchronous fixtures as they are.
    async_fixture = pytest.fixture  # type: ignore[assignment]


@pytest.fixture
def channel_layer() -> Iterator[InMemoryChannelLayer]:
    """A channel layer in memory, empty and of this test alone, as the project's default."""
    from runtime.layers import InMemoryChannelLayer, channel_layers

    layer = InMemoryChannelLayer()
    before = channel_layers.set(DEFAULT_CHANNEL_LAYER, layer)
    yield layer
    if before is None:
        channel_layers.backends.pop(DEFAULT_CHANNEL_LAYER, None)
    else:
        channel_layers.set(DEFAULT_CHANNEL_LAYER, before)


@async_fixture
async def opened_communicators() -> AsyncIterator[OpenedCommunicators]:
    """What this test has open; the fixtures below put it there."""
    from runtime.testing.opened import OpenedCommunicators

    opened = OpenedCommunicators()
    yield opened
    await opened.close()


@pytest.fixture
def websocket_communicator(
    opened_communicators: OpenedCommunicators,
) -> Callable[..., ConnectingCommunicator]:
    """A function of a path that opens a WebSocket to the project's ASGI application.

    It connects when it is first used, and disconnects when the test ends.
    """
    return opened_communicators.websocket


@pytest.fixture
def application_communicator(
    opened_communicators: OpenedCommunicators,
) -> Callable[..., ApplicationCommunicator]:
    """A function of a scope that runs the project's ASGI application, until the test ends."""
    return opened_communicators.application


@pytest.fixture
def live_server_ws() -> Iterator[LiveServer]:
    """The project behind a real Daphne on a free port, with its static files."""
    from django.conf import settings

    from runtime.routing import get_default_application
    from runtime.testing import threaded

    with _host_allowed(threaded.HOST):
        application: Any = get_default_application()
        if "django.contrib.staticfiles" in settings.INSTALLED_APPS:
            from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

            application = ASGIStaticFilesHandler(application)
        with threaded.serving(application) as server:
            yield server


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the live server see what a test writes: pytest-django's transactional database."""
    has_plugin = config.pluginmanager.has_plugin
    if not (has_plugin("django") or has_plugin("pytest_django.plugin")):
        return
    for item in items:
        is_live = "live_server_ws" in getattr(item, "fixturenames", ())
        if is_live and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.django_db(transaction=True))


@contextmanager
def _host_allowed(host: str) -> Iterator[None]:
    """Let the project serve requests to `host`, and WebSockets from its pages."""
    from django.conf import settings

    # Changed in place where it is a list: origin validators that were made before hold it.
    before: Any = settings.ALLOWED_HOSTS
    allowed = before if isinstance(before, list) else list(before)
    settings.ALLOWED_HOSTS = allowed
    allowed.append(host)
    try:
        yield
    finally:
        allowed.remove(host)
        settings.ALLOWED_HOSTS = before
