"""The Django application of the console: puts its parts together.

Owns the wiring and nothing else: the recorder begins to listen, the relay to
read. Parts to the left are handed what they need from parts to the right, so
that imports go one way.
"""

from __future__ import annotations

import os
import secrets
import socket
import time

from django.apps import AppConfig
from django.utils.module_loading import import_string

from runtime.typing import ASGIApplication, Scope


class ConsoleConfig(AppConfig):
    """Registers the console with Django: `"console"` in INSTALLED_APPS, after "runtime"."""

    name = "console"
    label = "channelscope_console"
    verbose_name = "Channelscope"

    def ready(self) -> None:
        """Register the checks and begin to record this process; a second call changes nothing."""
        from console import checks  # noqa: F401 - importing it registers the checks
        from console.conf import settings
        from console.process import ProcessView
        from console.recorder import Recorder
        from console.relay import relay
        from runtime.taps import taps

        if any(isinstance(observer, Recorder) for observer in taps.observers):
            return
        process = ProcessView(
            name=settings.PROCESS_NAME or f"web-{os.getpid()}",
            pid=os.getpid(),
            host=socket.gethostname(),
            started_at=time.time(),
            epoch=secrets.token_hex(6),
        )
        recorder = Recorder(process, settings, live=_live, is_marked=_is_marked)
        relay.bind(recorder)
        taps.attach(recorder)


def _live() -> ASGIApplication:
    application: ASGIApplication = import_string("console.live.application")
    return application


def _is_marked(scope: Scope) -> bool:
    return bool(import_string("console.marks.is_marked")(scope))
