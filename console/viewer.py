"""Who looks at a socket of the console now, rather than when it opened."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings

from runtime.auth import get_user
from runtime.typing import Scope


async def user_now(scope: Scope) -> Any:
    """Return who the session of a viewer's socket belongs to now."""
    engine = import_module(settings.SESSION_ENGINE)
    return await get_user({"session": engine.SessionStore(scope["session"].session_key)})
