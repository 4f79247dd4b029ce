"""System checks of the runtime: what is missing or unsafe in the settings, each with its remedy.

Owns the messages. Run by `manage.py check` and by most management commands; those of a
deployment by `manage.py check --deploy`. They read settings and find modules; they make no layer
and import no application.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.management import get_commands
from django.utils.module_loading import import_string

from runtime import DEFAULT_CHANNEL_LAYER
from runtime.layers import InMemoryChannelLayer

TAG = "runtime"

PROCESSES = "WEB_CONCURRENCY"
"""The variable by which Uvicorn, Gunicorn and many hosts are told how many processes to run."""

SETTING = """Set CHANNEL_LAYERS = {"default": {"BACKEND":"""


@register(TAG)
def check_layers(**_: Any) -> list[CheckMessage]:
    """Check the channel layers: W001 for none, E002 for one that cannot be used, W003 for one
    in memory beside other processes.
    """
    configured = getattr(settings, "CHANNEL_LAYERS", None)
    if configured is None or (configured and DEFAULT_CHANNEL_LAYER not in configured):
        return [_no_layer()]
    return list(_unusable(configured)) or list(_alone())


@register(TAG, deploy=True)
def check_deployed_layers(**_: Any) -> list[CheckMessage]:
    """Check for a deployment that the layer joins processes: W004."""
    if not _is_in_memory():
        return []
    return [
        Warning(
            "The channel layer is the memory of one process: a second one, a worker or a restart"
            " beside it shares nothing with the first.",
            hint=f'{SETTING} "runtime.layers.redis.RedisChannelLayer", ...}}}}; or silence this'
            " check if the site is one process for good.",
            id="runtime.W004",
        )
    ]


@register(TAG)
def check_application(**_: Any) -> list[CheckMessage]:
    """Check ASGI_APPLICATION: W005 if it is absent, E006 if it names no module."""
    dotted = getattr(settings, "ASGI_APPLICATION", None)
    if not dotted:
        return [
            Warning(
                "ASGI_APPLICATION is not set: `runserver` and `runworker` have nothing to serve.",
                hint='Set ASGI_APPLICATION = "<project>.asgi.application", a ProtocolTypeRouter.',
                id="runtime.W005",
            )
        ]
    module = str(dotted).rpartition(".")[0]
    if module and _is_found(module):
        return []
    return [
        Error(
            f"ASGI_APPLICATION is {dotted!r}, and there is no module {module!r}.",
            hint="Name a module that can be imported and, after a dot, the application in it.",
            id="runtime.E006",
        )
    ]


@register(TAG)
def check_runserver(**_: Any) -> list[CheckMessage]:
    """Check that `runserver` is one that speaks ASGI, when it is what runs: W007."""
    if not _is_run("runserver"):
        return []
    provider = get_commands().get("runserver")
    if provider not in ("django.core", "django.contrib.staticfiles"):
        return []
    why = "comes after" if apps.is_installed("daphne") else "is not in INSTALLED_APPS before"
    return [
        Warning(
            f"`runserver` is Django's own, which serves no WebSockets: daphne {why}"
            " django.contrib.staticfiles.",
            hint='Put "daphne" first in INSTALLED_APPS; or serve with another ASGI server.',
            id="runtime.W007",
        )
    ]


@register(TAG)
def check_hosts(**_: Any) -> list[CheckMessage]:
    """Check that pages of this site may open WebSockets, without DEBUG: W008."""
    if settings.DEBUG or settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            "ALLOWED_HOSTS is empty and DEBUG is off: every request gets 400, and every WebSocket"
            " behind AllowedHostsOriginValidator is refused.",
            hint="List the names by which the site is reached in ALLOWED_HOSTS.",
            id="runtime.W008",
        )
    ]


@register(TAG, deploy=True)
def check_deployed_hosts(**_: Any) -> list[CheckMessage]:
    """Check for a deployment that not every site's pages may open WebSockets: W009."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            'ALLOWED_HOSTS has "*": AllowedHostsOriginValidator lets pages of every site open'
            " WebSockets with the cookies of their visitors.",
            hint="List the names by which the site is reached; or wrap the WebSockets in"
            " OriginValidator with the origins that may.",
            id="runtime.W009",
        )
    ]


def _no_layer() -> Warning:
    return Warning(
        f"CHANNEL_LAYERS has no {DEFAULT_CHANNEL_LAYER!r}: consumers have no channel layer, and"
        " no groups.",
        hint=f'{SETTING} "runtime.layers.InMemoryChannelLayer"}}}}, or that of Redis; or to {{}} if'
        " you want none.",
        id="runtime.W001",
    )


def _unusable(configured: Any) -> Iterator[CheckMessage]:
    """Yield what keeps a layer from being made, without making it."""
    for alias, config in configured.items():
        try:
            import_string(config["BACKEND"])
        except (ImportError, KeyError, TypeError, AttributeError) as error:
            yield Error(
                f"CHANNEL_LAYERS[{alias!r}] cannot be used: {type(error).__name__}: {error}.",
                hint='It is a dict with "BACKEND", the dotted path of a class, and maybe "CONFIG".',
                id="runtime.E002",
            )


def _alone() -> Iterator[CheckMessage]:
    """Yield a warning if this layer is one process's and there are several, as far as is known."""
    if not _is_in_memory():
        return
    count = os.environ.get(PROCESSES, "")
    if count.isdecimal() and int(count) > 1:
        who = f"{PROCESSES} is {count}"
    elif _is_run("runworker"):
        who = "`runworker` is a process of its own"
    else:
        return
    yield Warning(
        f"The channel layer is the memory of one process, and {who}: what one process sends, no"
        " other receives.",
        hint=f'{SETTING} "runtime.layers.redis.RedisChannelLayer", ...}}}}; or run the worker'
        " within the server: runtime.embedded_worker.WithWorker.",
        id="runtime.W003",
    )


def _is_in_memory() -> bool:
    configured = getattr(settings, "CHANNEL_LAYERS", None) or {}
    try:
        backend = import_string(configured[DEFAULT_CHANNEL_LAYER]["BACKEND"])
    except (ImportError, KeyError, TypeError):
        return False
    return isinstance(backend, type) and issubclass(backend, InMemoryChannelLayer)


def _is_run(command: str) -> bool:
    return sys.argv[1:2] == [command]


def _is_found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package that it is in
        return False
