"""The ASGI application, for Daphne, Uvicorn or any other server."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Before the imports below: they reach models, which must not be touched until Django is ready.
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402

from chat import routing  # noqa: E402
from runtime.auth import AuthMiddlewareStack  # noqa: E402
from runtime.embedded_worker import WithWorker  # noqa: E402
from runtime.routing import ProtocolTypeRouter  # noqa: E402
from runtime.security.websocket import AllowedHostsOriginValidator  # noqa: E402

websockets = AllowedHostsOriginValidator(AuthMiddlewareStack(routing.websockets))
if not settings.REDIS_URL:
    # No other process can see this layer; with Redis, `manage.py runworker archive` is one.
    websockets = WithWorker(websockets, routing.channels)

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": websockets,
        "channel": routing.channels,
    }
)
