"""The console's settings: what CHANNELSCOPE says, checked, with the defaults filled in.

Owns the names, types and defaults. `checks` turns the faults found here into
system check messages; everything else reads `settings`.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.functional import SimpleLazyObject, empty

logger = logging.getLogger("console")


@dataclass(frozen=True, slots=True)
class Settings:
    """One resolved CHANNELSCOPE setting.

    Attributes:
        RING_ENTRIES: entries that a process keeps.
        RING_BYTES: bytes that a process keeps; whichever bound comes first holds.
        PAYLOAD_BYTES: bytes kept of one payload; its true size is kept beside it.
        PREVIEW_CHARS: characters of a one-line preview.
        CLOSED_KEPT: closed connections that stay visible, for each protocol.
        REDACT: further key names whose values are never shown.
        PROCESS_NAME: what this process is called; None means "web-<pid>", or
            "worker-<pid>" under `runworker`, "mqtt-<pid>" under `runmqtt`, and so on.
        IDLE_S: seconds of silence after which an open connection is called idle.
        BATCH_MS: least time between two updates of one viewer.
        EDITOR_URL: where a link to the source leads, with `{path}` and `{line}` in it.
        OTEL: whether what happens is exported as OpenTelemetry spans, as it happens.
        METRICS_TOKEN: what Prometheus says to be let in; None for no address for it.
        READ_ONLY: whether nobody may act through the console, whatever their permissions.
        STAFF_MAY_STEER: whether every member of staff may act through it; if not, they need
            the permissions. None means "under DEBUG".
    """

    RING_ENTRIES: int = 5_000
    RING_BYTES: int = 50_000_000
    PAYLOAD_BYTES: int = 65_536
    PREVIEW_CHARS: int = 160
    CLOSED_KEPT: int = 100
    REDACT: tuple[str, ...] = ()
    PROCESS_NAME: str | None = None
    IDLE_S: float = 60
    BATCH_MS: int = 250
    EDITOR_URL: str = "vscode://file{path}:{line}"
    OTEL: bool = False
    METRICS_TOKEN: str | None = None
    READ_ONLY: bool = False
    STAFF_MAY_STEER: bool | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of CHANNELSCOPE that cannot be used: which, why, and what to do about it."""

    kind: str
    message: str
    remedy: str


TOKEN_CHARS = 16
"""Fewer can be guessed."""

SECRET_NAMES = ("METRICS_TOKEN",)
"""Settings whose value no message repeats."""

SWITCHES = ("OTEL", "READ_ONLY", "STAFF_MAY_STEER")

NAMES = tuple(field.name for field in fields(Settings))


def resolve(raw: object) -> Settings:
    """Return the settings that `raw` asks for; a faulty part falls back to its default.

    A console with a mistyped setting still watches: the fault is logged here, since
    a bare ASGI server runs no system checks, and is an error of the system checks.
    """
    for fault in faults(raw):
        logger.warning("%s %s", fault.message, fault.remedy)
    given = raw if isinstance(raw, Mapping) else {}
    usable = {name: given[name] for name in NAMES if name in given and not _fault(name, given)}
    if "REDACT" in usable:
        usable["REDACT"] = tuple(usable["REDACT"])
    return Settings(**usable)


def faults(raw: object) -> list[Fault]:
    """Return what is wrong with `raw`, the value of CHANNELSCOPE; in order of its keys."""
    if not isinstance(raw, Mapping):
        return [
            Fault(
                "type",
                f"CHANNELSCOPE must be a dict, not {type(raw).__name__}.",
                "Write CHANNELSCOPE = {} and put the settings inside.",
            )
        ]
    found = (_fault(name, raw) for name in raw)
    return [fault for fault in found if fault is not None]


def _fault(name: Any, given: Mapping[Any, Any]) -> Fault | None:
    if name not in NAMES:
        near = difflib.get_close_matches(str(name).upper(), NAMES, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(NAMES)}."
        return Fault("key", f"CHANNELSCOPE has no key {name!r}.", remedy)
    wanted = _wanted(name, given[name])
    if wanted is None:
        return None
    came = "" if name in SECRET_NAMES else f", not {given[name]!r}"
    return Fault(
        "type",
        f"CHANNELSCOPE[{name!r}] must be {wanted}{came}.",
        f"Its default is {getattr(Settings(), name)!r}.",
    )


def _wanted(name: str, value: object) -> str | None:
    """Return what `name` must be, or None if `value` is that."""
    if name == "REDACT":
        is_names = isinstance(value, list | tuple | set | frozenset) and all(
            isinstance(key, str) for key in value
        )
        return None if is_names else "a list of key names"
    if name == "PROCESS_NAME":
        return None if value is None or (isinstance(value, str) and value) else "a name or None"
    if name == "EDITOR_URL":
        return None if isinstance(value, str) else "an address, or an empty text for no links"
    if name == "METRICS_TOKEN":
        is_token = value is None or (isinstance(value, str) and len(value) >= TOKEN_CHARS)
        return None if is_token else f"a text of at least {TOKEN_CHARS} characters, or None"
    if name in SWITCHES:
        is_switch = isinstance(value, bool) or (name == "STAFF_MAY_STEER" and value is None)
        return None if is_switch else "True or False"
    numbers = (int, float) if name == "IDLE_S" else (int,)
    is_positive = isinstance(value, numbers) and not isinstance(value, bool) and value > 0
    return None if is_positive else "a number above 0"


def _current() -> Settings:
    return resolve(getattr(django_settings, "CHANNELSCOPE", {}))


_lazy = SimpleLazyObject(_current)
settings = cast("Settings", _lazy)
"""The settings of this process, resolved when first read."""


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CHANNELSCOPE":
        _lazy._wrapped = empty


setting_changed.connect(_forget)
