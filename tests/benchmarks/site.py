"""The application that a server is measured with: `echo/` and `room/`, in one flavour.

Loaded by Daphne or Uvicorn in a process of its own; the variable names the flavour.
"""

from __future__ import annotations

import os
from typing import Any

from tests.benchmarks.flavours import VARIABLE, flavour_of


def make_application(name: str) -> Any:
    flavour = flavour_of(name)
    sites = {"/echo/": flavour.echo("async"), "/room/": flavour.member("room")}
    root = {path: flavour.root(application) for path, application in sites.items()}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await root[scope["path"]](scope, receive, send)

    return application


application = make_application(os.environ[VARIABLE])
