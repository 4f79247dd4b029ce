"""A connection as a person may see it: redacted, plain data, and frozen.

Owns the formatting of a connection and of its scope. The only way out of the
state. Built when somebody reads. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from django.utils.functional import LazyObject, empty

from console.connection import ConnectionState
from console.redact import REDACTED, Redactor
from runtime.typing import Scope

ConnectionPhase: TypeAlias = Literal[
    "connecting", "open", "idle", "closing", "closed", "refused", "error"
]

BADGES = {
    "websocket": "ws",
    "http": "http",
    "sse": "sse",
    "channel": "chan",
    "telegram": "tg",
}

_PANE = re.compile(r"(?:^|;\s*)channelscope_pane=([0-9a-f]{16})(?:;|$)", re.ASCII)

_OURS = "runtime."
"""Keys that the runtime keeps in a scope for itself begin with this."""


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One connection.

    Attributes:
        protocol: the scope's type; `badge` is its short form.
        route: the pattern that took it, from the root.
        arguments: the route's arguments, by name.
        consumer: class of its consumer, or ""; `consumer_path` is the dotted name.
        user: who is signed in, "anonymous", or "" if nobody knows.
        client: "address:port", or "".
        groups: (name, members in this process) of each group that its channel is in.
        activity: messages in each of 18 buckets of the last 60 s, oldest first.
        state: how it stands; "idle" is open and silent for the time of the setting IDLE_S.
        close_code: its protocol's code: of a WebSocket the close code, of HTTP the status.
        closed_by: who ended it, or "".
        is_from_console: whether the console's own client opened it.
        revision: offset of the latest entry that changed it.
        epoch: of its process; what is read of a connection lies there.
        opened_by: who opened it through the console, such as "ada as grace"; "" if nobody knows.
        pane: what the console's client calls it, which has opened it; "" for all others.
    """

    id: str
    short_id: str
    protocol: str
    badge: str
    path: str
    query_string: str
    route: str
    arguments: Mapping[str, Any]
    consumer: str
    consumer_path: str
    user: str
    client: str
    user_agent: str
    process: str
    channel_name: str
    subprotocol: str
    opened_at: float
    closed_at: float | None
    in_count: int
    in_bytes: int
    out_count: int
    out_bytes: int
    layer_count: int
    error_count: int
    groups: tuple[tuple[str, int], ...]
    activity: tuple[int, ...]
    state: ConnectionPhase
    close_code: int | None
    close_reason: str
    closed_by: str
    is_from_console: bool
    last_error: str
    revision: int
    scope: Mapping[str, Any]
    epoch: str = ""
    opened_by: str = ""
    pane: str = ""

    def redacted_scope(self) -> Mapping[str, Any]:
        """Return the scope as JSON could say it; empty if it is no longer kept."""
        return self.scope

    def as_record(self) -> dict[str, object]:
        """Return the connection as a query sees it."""
        return {key: value_of(self) for key, value_of in RECORD.items()}


def _standing(seen: Any) -> tuple[str, ...]:
    said = {
        "open": seen.closed_at is None,
        "closed": seen.closed_at is not None,
        "idle": seen.state == "idle",
        "error": bool(seen.error_count) or seen.state == "error",
        "console": seen.is_from_console,
    }
    return tuple(name for name, is_so in said.items() if is_so)


def _words(seen: Any) -> str:
    groups = (name for name, _ in seen.groups)
    words = (seen.path, seen.query_string, seen.route, seen.consumer_path, seen.user)
    return " ".join((*words, seen.client, seen.id, seen.channel_name, seen.last_error, *groups))


RECORD: dict[str, Callable[[Any], object]] = {
    "type": lambda seen: seen.protocol,
    "proto": lambda seen: (seen.protocol, seen.badge),
    "user": lambda seen: seen.user,
    "path": lambda seen: seen.path,
    "process": lambda seen: seen.process,
    "group": lambda seen: tuple(name for name, _ in seen.groups),
    "channel": lambda seen: seen.channel_name,
    "state": lambda seen: seen.state,
    "is": _standing,
    "code": lambda seen: seen.close_code,
    "error": lambda seen: error_names(seen.last_error),
    "size": lambda seen: seen.in_bytes + seen.out_bytes,
    "consumer": lambda seen: (seen.consumer, seen.consumer_path),
    "id": lambda seen: (seen.id, seen.short_id, *([seen.pane] if seen.pane else ())),
    "text": _words,
}
"""What a query asks of a connection, by its key: of a `ConnectionView`, or of a `Glance`."""


class ConnectionReader:
    """Shows the connections of one process.

    Args:
        process: the name of the process.
        redactor: hides what is secret.
        epoch: of the process.
        idle_s: seconds of silence after which an open connection is idle.
    """

    def __init__(self, process: str, redactor: Redactor, idle_s: float, epoch: str = "") -> None:
        self.process = process
        self.epoch = epoch
        self.redactor = redactor
        self.idle_s = idle_s

    def view(
        self,
        known: ConnectionState,
        groups: tuple[tuple[str, int], ...],
        now: float,
        *,
        with_scope: bool = False,
    ) -> ConnectionView:
        """Return `known` as it stands at `now`.

        Args:
            groups: the groups that its channel is in, and their members.
            with_scope: also redact the whole scope, which lists do not show.
        """
        redactor, consumer = self.redactor, known.consumer_class
        path, query_string, client, user_agent = self.fixed(known)
        return ConnectionView(
            id=known.id,
            short_id=known.short_id,
            protocol=known.protocol,
            badge=badge_of(known.protocol),
            path=path,
            query_string=query_string,
            route=known.route,
            arguments=redactor.value(known.arguments),
            consumer=consumer.__name__ if consumer else "",
            consumer_path=f"{consumer.__module__}.{consumer.__qualname__}" if consumer else "",
            user=known.user_now(),
            client=client,
            user_agent=user_agent,
            process=self.process,
            channel_name=known.channel_name,
            subprotocol=self._subprotocol(known) if known.subprotocol else "",
            opened_at=known.opened_at,
            closed_at=known.closed_at,
            in_count=known.in_count,
            in_bytes=known.in_bytes,
            out_count=known.out_count,
            out_bytes=known.out_bytes,
            layer_count=known.layer_count,
            error_count=known.error_count,
            groups=groups,
            activity=known.activity(now),
            state=self.state(known, now),
            close_code=known.close_code,
            close_reason=redactor.text(known.close_reason),
            closed_by=known.closed_by,
            is_from_console=known.is_from_console,
            last_error=redactor.text(known.last_error),
            revision=known.revision,
            scope=scope_of(known, redactor) if with_scope else {},
            epoch=self.epoch,
            opened_by=known.opened_by,
            pane=pane_of(known),
        )

    def state(self, known: ConnectionState, now: float) -> ConnectionPhase:
        """Return how a connection stands at `now`."""
        is_idle = known.phase == "open" and now - known.last_at >= self.idle_s
        return "idle" if is_idle else known.phase

    def fixed(self, known: ConnectionState) -> tuple[str, str, str, str]:
        """Return path, query string, client and user agent: they stay once the route is known."""
        if known.shown is not None and known.shown[0] is known.arguments:
            return known.shown[1]
        scope: Mapping[str, Any] = known.scope or {}
        fixed = (
            self.redactor.path(known.path, known.arguments),
            self.redactor.query_string(scope.get("query_string") or b""),
            ":".join(map(str, scope.get("client") or ())),
            self.redactor.text(_header(scope, b"user-agent")),
        )
        known.shown = (known.arguments, fixed)
        return fixed

    def _subprotocol(self, known: ConnectionState) -> str:
        # Beside the others it may be clear that it is a value and not a name.
        chosen = known.subprotocol
        offered = list((known.scope or {}).get("subprotocols") or ())
        shown: dict[object, str] = dict(
            zip(offered, self.redactor.subprotocols(offered), strict=True)
        )
        return shown.get(chosen, self.redactor.subprotocol(chosen))


def badge_of(protocol: str) -> str:
    """Return the short form of a scope type, 6 characters at most."""
    return BADGES.get(protocol, protocol[:6])


def code_of(known: ConnectionState) -> int | None:
    """Return the close code of a connection; of HTTP the status, as soon as it is known."""
    return known.close_code if known.close_code is not None else known.status


def pane_of(known: ConnectionState) -> str:
    """Return what the console's client calls a connection that it has opened; "" for others.

    A browser tells its page nothing of a WebSocket that the server could know it by, so the page
    makes up a word and sends it as a cookie of the handshake.
    """
    if not known.is_from_console:
        return ""
    found = _PANE.search(_header(known.scope or {}, b"cookie"))
    return found[1] if found else ""


def error_names(sentence: str) -> tuple[str, ...]:
    """Return what a failure is searched by: its whole sentence, and its class."""
    name, colon, _ = sentence.partition(":")
    return (sentence, name) if colon else (sentence,) if sentence else ()


def scope_of(known: ConnectionState, redactor: Redactor) -> dict[str, Any]:
    """Return the scope as JSON could say it: nothing secret, nothing resolved or queried for."""
    scope: Scope = known.scope or {}
    shown = redactor.value(
        {
            key: value
            for key, value in scope.items()
            if key not in ("user", "session", "cookies") and not str(key).startswith(_OURS)
        }
    )
    for key in ("path", "raw_path", "path_remaining"):
        if isinstance(shown.get(key), str):
            shown[key] = redactor.path(shown[key], known.arguments)
    if "user" in scope:
        shown["user"] = _user(scope["user"])
    if "session" in scope:
        shown["session"] = _session(scope["session"], redactor)
    if "cookies" in scope:
        shown["cookies"] = dict.fromkeys(map(str, scope["cookies"]), REDACTED)
    return {str(key): shown[key] for key in scope if key in shown}


def _user(user: object) -> object:
    if isinstance(user, LazyObject):
        user = user._wrapped  # looked at, never resolved
        if user is empty:
            return "<not resolved>"
    loaded = getattr(user, "__dict__", {})
    field = getattr(type(user), "USERNAME_FIELD", "username")
    wanted = ("pk", field, "is_active", "is_staff", "is_superuser")
    facts = {"pk": loaded.get("id"), **{key: loaded[key] for key in wanted if key in loaded}}
    return {"__class__": f"{type(user).__module__}.{type(user).__qualname__}", **facts}


def _session(session: object, redactor: Redactor) -> object:
    if isinstance(session, LazyObject):
        session = session._wrapped  # looked at, never resolved
    # The contents, if somebody has loaded them: reading the session would query for them.
    contents = getattr(session, "__dict__", {}).get("_session_cache")
    if contents is None:
        contents = session if isinstance(session, dict) else None
    if contents is None:
        return "<not loaded>"
    return {
        str(key): REDACTED if str(key).startswith("_auth") else redactor.value({key: value})[key]
        for key, value in contents.items()
    }


def _header(scope: Mapping[str, Any], wanted: bytes) -> str:
    for name, value in scope.get("headers") or ():
        if name == wanted:
            return str(value, "latin-1")
    return ""
