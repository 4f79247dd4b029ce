"""The demo's ASGI application: for Daphne, Uvicorn, or any other server.

Serves its static files itself, because nothing stands before it; outside of the router, so that
the console lists what the application does and not each style sheet.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.demo.settings")

# Before the imports below: they reach models, which must not be touched until Django is ready.
# (Any, because the stubs know views alone as what a route or a handler leads to.)
django_application: Any = get_asgi_application()

from console.demo import routing  # noqa: E402
from runtime.auth import AuthMiddlewareStack  # noqa: E402
from runtime.embedded_worker import WithWorker  # noqa: E402
from runtime.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from runtime.security.websocket import AllowedHostsOriginValidator  # noqa: E402

websockets: Any = AllowedHostsOriginValidator(AuthMiddlewareStack(routing.websockets))
if not getattr(settings, "REDIS_URL", None):
    websockets = WithWorker(websockets, routing.channels)

router: Any = ProtocolTypeRouter(
    {
        "http": URLRouter([*routing.http_routes, re_path(r"", django_application)]),
        "websocket": websockets,
        "channel": routing.channels,
        **routing.other_protocols,
    }
)

application: Any = ASGIStaticFilesHandler(router)
