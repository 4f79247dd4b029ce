"""The Django application of the console: puts its parts together.

Owns the wiring and nothing else: the recorder begins to listen, the relay to
read, and to speak with the other processes once an event loop serves. Parts to the left
are handed what they need from parts to the right, so that imports go one way.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.module_loading import import_string

from runtime.typing import ASGIApplication, Scope

if TYPE_CHECKING:
    from console.reader import Reader
    from console.relay_joining import Joining


class ConsoleConfig(AppConfig):
    """Registers the console with Django: `"console"` in INSTALLED_APPS, after "runtime"."""

    name = "console"
    label = "channelscope_console"
    verbose_name = "Channelscope"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks and begin to record this process; a second call changes nothing."""
        from console import (
            checks,  # noqa: F401 - importing it registers the checks
            vitals,
        )
        from console.conf import settings
        from console.process import ProcessView
        from console.reader import Reader
        from console.recorder import Recorder
        from console.relay import relay
        from console.relay_joining import Joining
        from runtime import last_words
        from runtime.taps import taps

        if any(isinstance(observer, Recorder) for observer in taps.observers):
            return
        server = vitals.server()
        process = ProcessView(
            name=settings.PROCESS_NAME or f"{vitals.kind(server)}-{os.getpid()}",
            pid=os.getpid(),
            host=socket.gethostname(),
            started_at=time.time(),
            epoch=secrets.token_hex(6),
            server=server,
            versions=vitals.versions(),
        )
        recorder = Recorder(
            process,
            settings,
            live=_live,
            is_marked=_is_marked,
            opened_by=_opened_by,
            application_as=_application_as,
        )
        reader = Reader(recorder)
        joining = Joining(reader, batch_s=settings.BATCH_MS / 1_000)
        relay.bind(recorder, joining)
        recorder.on_serving = _begin_both(joining, reader) if settings.OTEL else joining.begin
        taps.attach(recorder)
        _begin_with_daphne(joining)
        last_words.add(joining.say_goodbye)


def _begin_both(joining: Joining, reader: Reader) -> Callable[[], None]:
    """Return what joins the other processes, and exports spans as well."""
    from console.span_export import SpanExport

    export = SpanExport(reader, interval_s=reader.recorder.settings.BATCH_MS / 1_000)

    def begin() -> None:
        joining.begin()
        export.begin()

    return begin


def _begin_with_daphne(joining: Joining) -> None:
    """Join when Daphne's loop begins to run: it has no lifespan, and may long have no visitor."""
    server = sys.modules.get("daphne.server")
    loop = getattr(server, "twisted_loop", None)
    if loop is not None and not loop.is_closed() and not loop.is_running():
        loop.call_soon(joining.begin)


def _live() -> ASGIApplication:
    application: ASGIApplication = import_string("console.live.application")
    return application


def _opened_by() -> str:
    return str(import_string("console.marks.made_by").get())


def _application_as(scope: Scope) -> ASGIApplication | None:
    application: ASGIApplication | None = import_string("console.impersonating.application_for")(
        scope
    )
    return application


def _is_marked(scope: Scope) -> bool:
    return bool(import_string("console.marks.is_marked")(scope))
