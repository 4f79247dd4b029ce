"""Where the project has mounted the console, and which connections are therefore its own.

Owns the answer to "is this ours?" for a scope that has met no middleware yet. The
URL configuration is asked once for each ROOT_URLCONF.
"""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, reverse

from runtime.typing import Scope

INDEX = "channelscope:index"
LIVE = "live/"
VIRTUAL = "live/virtual/"


def root() -> str | None:
    """Return the console's root below the script prefix, such as "/console/", or None."""
    urlconf = getattr(settings, "ROOT_URLCONF", None)  # without pages a project may have none
    return _root(urlconf) if urlconf else None


def is_own(scope: Scope) -> bool:
    """Return whether the console itself answers here: its pages, its files, its socket.

    Of a console at the site's root only the socket and the files are its own;
    everything else would be, too.
    """
    path = _path(scope)
    if path is None:
        return False
    mounted = root()
    if mounted is not None and mounted != "/" and path.startswith(mounted):
        return True
    return path.startswith(_files()) or is_live(scope)


def is_live(scope: Scope) -> bool:
    """Return whether this is one of the console's own WebSockets."""
    return _is_socket(scope, LIVE) or is_virtual(scope)


def is_virtual(scope: Scope) -> bool:
    """Return whether this is the WebSocket that carries a virtual scope."""
    return _is_socket(scope, VIRTUAL)


def _is_socket(scope: Scope, place: str) -> bool:
    mounted = root()
    if mounted is None or scope["type"] != "websocket":
        return False
    return _path(scope) == f"{mounted}{place}"


def _path(scope: Scope) -> str | None:
    """Return the path below the script prefix, as Django's own handler finds it."""
    path = scope.get("path")
    if not isinstance(path, str):
        return None
    prefix = settings.FORCE_SCRIPT_NAME or scope.get("root_path") or ""
    return path.removeprefix(prefix.rstrip("/"))


def _files() -> str:
    """Return where the console's static files are, below the script prefix."""
    return f"{(settings.STATIC_URL or '').removeprefix(get_script_prefix().rstrip('/'))}console/"


@lru_cache(maxsize=8)
def _root(urlconf: str) -> str | None:
    try:
        path = reverse(INDEX, urlconf=urlconf)
    except NoReverseMatch:
        return None
    return "/" + path.removeprefix(get_script_prefix())
