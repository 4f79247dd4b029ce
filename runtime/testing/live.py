"""A test case whose project is served by Daphne in a process of its own.

Owns the start and the end of that process, and what it must know of the tests: which
databases, which hosts. A browser or a client of the test's own then talks to a real
server. The process may be forked or spawned.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, ClassVar

import django
from daphne.testing import DaphneProcess
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX
from django.test import TransactionTestCase, modify_settings
from django.utils.functional import classproperty

import runtime
from runtime.routing import get_default_application
from runtime.typing import ASGIApplication

START_S = 60.0
"""How long a server may take to start. A spawned one imports the project first."""

STOP_S = 15.0
"""How long a server may take to end before it is killed."""

LOOK_S = 0.1
"""How often it is looked whether a server that does not answer still lives."""


class ChannelsLiveServerTestCase(TransactionTestCase):
    """Serves the project of ASGI_APPLICATION while the tests of a class run.

    The server sees what tests have committed, so the test database cannot be in memory.
    It knows nothing of what a test patches or overrides after it has started.

    Attributes:
        host: a name of this machine on which the server listens, at a free port.
        ProtocolServerProcess: what serves: a `multiprocessing.Process` that is made with a host
            and a function that returns the application, and that has `ready` and `port`.
        static_wrapper: around the application, to serve static files.
        serve_static: whether `static_wrapper` is used.
        live_server_url: the origin of the server for HTTP, without a slash at the end.
        live_server_ws_url: the origin of the server for WebSockets.
    """

    host: ClassVar[str] = "localhost"
    ProtocolServerProcess: ClassVar[Callable[..., Any]] = DaphneProcess
    static_wrapper: ClassVar[Callable[[Any], Any]] = ASGIStaticFilesHandler
    serve_static: ClassVar[bool] = True

    _server_process: ClassVar[Any]
    _port: ClassVar[int]

    @classproperty
    def live_server_url(cls) -> str:
        """The origin of the server for HTTP, without a slash at the end."""
        return f"http://{cls.host}:{cls._port}"

    @classproperty
    def live_server_ws_url(cls) -> str:
        """The origin of the server for WebSockets."""
        return f"ws://{cls.host}:{cls._port}"

    @classmethod
    def setUpClass(cls) -> None:
        """Start the server.

        Raises:
            ImproperlyConfigured: a test database is in memory.
            RuntimeError: the server does not start; the message has its error.
        """
        super().setUpClass()
        for alias in connections:
            _require_file(alias)
        cls.enterClassContext(modify_settings(ALLOWED_HOSTS={"append": cls.host}))
        # A forked server would share them, and break them for both by closing them.
        connections.close_all()
        cls._server_process = cls.ProtocolServerProcess(cls.host, cls._served_project())
        cls._server_process.start()
        cls.addClassCleanup(_stop, cls._server_process)
        _wait_until_ready(cls._server_process)
        cls._port = cls._server_process.port.value

    @classmethod
    def _served_project(cls) -> ServedProject:
        return ServedProject(cls.static_wrapper if cls.serve_static else None)


def make_application(*, static_wrapper: Callable[[Any], Any] | None) -> ASGIApplication:
    """Return the project's application.

    Args:
        static_wrapper: what is put around it, if anything.
    """
    application = get_default_application()
    if static_wrapper is not None:
        application = static_wrapper(application)
    return application


def set_database_connection(names: Mapping[str, Any] | None = None) -> None:
    """Let this process use the databases of the tests.

    Args:
        names: {alias: name of the database}; None for what each one's settings call it in tests.
    """
    for alias in connections:
        connection = connections[alias]
        name = _test_name(connection.settings_dict) if names is None else names[alias]
        connection.close()
        connection.settings_dict["NAME"] = settings.DATABASES[alias]["NAME"] = name


@dataclass(frozen=True)
class ServedProject:
    """What a server's process calls for its application, in that process.

    A spawned process begins with nothing, so what the tests have changed travels with this.

    Attributes:
        static_wrapper: what is put around the application, if anything.
        database_names: {alias: name of the database}.
        allowed_hosts: those of the tests.
        is_channels: whether the tests say `channels` to the runtime.
    """

    static_wrapper: Callable[[Any], Any] | None
    database_names: Mapping[str, Any] = field(default_factory=lambda: _database_names())
    allowed_hosts: list[str] = field(default_factory=lambda: list(settings.ALLOWED_HOSTS))
    is_channels: bool = field(default_factory=lambda: sys.modules.get("channels") is runtime)

    def __call__(self) -> ASGIApplication:
        """Set Django up, if it is not, and return the application."""
        if self.is_channels:
            runtime.install_as_channels()
        if not apps.ready:
            django.setup()
        settings.ALLOWED_HOSTS = self.allowed_hosts
        set_database_connection(self.database_names)
        return make_application(static_wrapper=self.static_wrapper)


def _database_names() -> dict[str, Any]:
    return {alias: connections[alias].settings_dict["NAME"] for alias in connections}


def _require_file(alias: str) -> None:
    connection: Any = connections[alias]
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        raise ImproperlyConfigured(
            f"ChannelsLiveServerTestCase can not be used with in memory databases: the server is"
            f" another process, which would not see what the tests write to {alias!r}. Give the"
            f" test database a file: DATABASES[{alias!r}]['TEST'] = {{'NAME': 'test.sqlite3'}}."
        )


def _test_name(database: Mapping[str, Any]) -> Any:
    name = database["TEST"]["NAME"] or database["NAME"]
    # A process that was forked in the midst of tests has the test's name already.
    is_of_test = database["TEST"]["NAME"] or name.startswith(TEST_DATABASE_PREFIX)
    return name if is_of_test else f"{TEST_DATABASE_PREFIX}{name}"


def _wait_until_ready(process: Any) -> None:
    deadline = monotonic() + START_S
    while not process.ready.wait(timeout=LOOK_S):
        if not process.is_alive():
            raise RuntimeError(f"The server ended before it listened. {_error_of(process)}")
        if monotonic() > deadline:
            raise RuntimeError(f"The server did not listen within {START_S:g} s.")


def _error_of(process: Any) -> str:
    errors = getattr(process, "errors", None)
    if errors is None or errors.empty():
        return "Its error is in the output above."
    _, traceback = errors.get()
    return str(traceback)


def _stop(process: Any) -> None:
    process.terminate()
    process.join(STOP_S)
    if process.is_alive():
        process.kill()
        process.join()
