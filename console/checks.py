"""System checks: what would keep the console from working, each with its remedy.

Owns the messages. Run by `manage.py check` and by every management command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.utils.module_loading import import_string

from console import audit, conf, mount
from console.exports import otel

TAG = "channelscope"

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"


@register(TAG)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Check CHANNELSCOPE: E001 for a key that does not exist, E002 for a value of another type."""
    ids = {"key": "channelscope.E001", "type": "channelscope.E002"}
    raw = getattr(settings, "CHANNELSCOPE", {})
    return [
        Error(fault.message, hint=fault.remedy, id=ids[fault.kind]) for fault in conf.faults(raw)
    ]


@register(TAG)
def check_runtime(**_: Any) -> list[CheckMessage]:
    """Check that there is something to watch, and a way for the console's socket: E003, W004."""
    return list(_runtime_messages())


@register(TAG)
def check_middleware(**_: Any) -> list[CheckMessage]:
    """Check that the console can tell who asks: E005 without sessions, E006 without users."""
    if mount.root() is None:
        return []
    missing = ((SESSIONS, "channelscope.E005"), (AUTH, "channelscope.E006"))
    return [
        Error(
            f"The console cannot tell who is signed in: {name} is not in MIDDLEWARE.",
            hint=f'Add "{name}" to MIDDLEWARE.',
            id=check_id,
        )
        for name, check_id in missing
        if not _has_middleware(name)
    ]


@register(TAG)
def check_audit(**_: Any) -> list[CheckMessage]:
    """Check that what is done through the console is kept: W008 without Django's admin."""
    if mount.root() is None or audit.is_kept():
        return []
    return [
        Warning(
            "What is done through the console is not kept: without Django's admin it only goes"
            " to the log console.audit.",
            hint='Add "django.contrib.admin" to INSTALLED_APPS, or set'
            ' CHANNELSCOPE["READ_ONLY"] = True and silence this check.',
            id="channelscope.W008",
        )
    ]


@register(TAG)
def check_middleware_order(**_: Any) -> list[CheckMessage]:
    """Check that users are looked for after their session is: E011."""
    sessions, users = _place_of(SESSIONS), _place_of(AUTH)
    if mount.root() is None or sessions is None or users is None or sessions < users:
        return []
    return [
        Error(
            "The console cannot tell who is signed in: AuthenticationMiddleware comes before"
            " SessionMiddleware.",
            hint=f'Put "{SESSIONS}" before "{AUTH}" in MIDDLEWARE.',
            id="channelscope.E011",
        )
    ]


@register(TAG, deploy=True)
def check_open_console(**_: Any) -> list[CheckMessage]:
    """Check for a deployment who may do what in the console: W012 watch, W013 steer."""
    mounted = mount.root()
    if mounted is None or settings.DEBUG:
        return []
    found: list[CheckMessage] = [
        Warning(
            f"The console is mounted at {mounted} and DEBUG is off: every active member of staff"
            " may watch the site's traffic, with what redaction does not hide.",
            hint="Silence channelscope.W012 if that is meant; else mount the console under DEBUG"
            " alone.",
            id="channelscope.W012",
        )
    ]
    if conf.settings.STAFF_MAY_STEER and not conf.settings.READ_ONLY:
        found.append(
            Warning(
                "Every active member of staff may send, close and broadcast through the console,"
                " and DEBUG is off.",
                hint='Take STAFF_MAY_STEER out of CHANNELSCOPE, and give the permission "steer" to'
                " those who need it.",
                id="channelscope.W013",
            )
        )
    return found


@register(TAG)
def check_spans(**_: Any) -> list[CheckMessage]:
    """Check that spans can be made where they are asked for: E014 without opentelemetry-sdk."""
    if not conf.settings.OTEL or otel.is_available():
        return []
    return [
        Error(
            'CHANNELSCOPE["OTEL"] is on, and the package opentelemetry-sdk is not installed.',
            hint='Install it, or "channelscope[otel]".',
            id="channelscope.E014",
        )
    ]


def _runtime_messages() -> Iterator[CheckMessage]:
    if not (apps.is_installed("runtime") or apps.is_installed("channels")):
        yield Error(
            "The console watches the runtime, which is not installed.",
            hint='Add "runtime" to INSTALLED_APPS.',
            id="channelscope.E003",
        )
    mounted = mount.root()
    if mounted is not None and not getattr(settings, "ASGI_APPLICATION", None):
        yield Warning(
            "The console is mounted, but ASGI_APPLICATION is not set: the runtime has no"
            " application to serve, and the console's pages cannot be live.",
            hint='Set ASGI_APPLICATION = "<project>.asgi.application", a ProtocolTypeRouter.',
            id="channelscope.W004",
        )
    if mounted == "/":
        yield Warning(
            "The console is mounted at the root of the site, so that its own pages cannot be told"
            " from the project's and are recorded.",
            hint='Mount it below a path: path("console/", include("console.urls")).',
            id="channelscope.W007",
        )


def _has_middleware(wanted: str) -> bool:
    return _place_of(wanted) is not None


def _place_of(wanted: str) -> int | None:
    """Return where MIDDLEWARE has `wanted` or a class that descends from it."""
    base = import_string(wanted)
    for place, name in enumerate(settings.MIDDLEWARE):
        found = import_string(name)
        if found is base or (isinstance(found, type) and issubclass(found, base)):
            return place
    return None
