"""The one seam for observers: the runtime says "this happened", to whoever listens.

Owns the list of observers and what they may hear. Does not know what they do
with it. Fired by the boundary, the routers, the mailbox, the consumers and the
channel layers; nothing else in `runtime` knows that observers exist.

A tap never awaits, blocks or raises. Each hook of `taps` is None while nobody
listens, so that an unobserved happening costs one attribute test::

    if (tap := taps.event_received) is not None:
        tap(connection, event)

An observer that raises is detached and logged once: the application does not notice.

Source: docs/decisions/0002-taps.md
"""

from __future__ import annotations

import inspect
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from runtime.guards import guarded

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from runtime.typing import ASGIApplication, Event, Message, Scope, Send

logger = logging.getLogger("runtime.taps")

Cause: TypeAlias = tuple[str, str]
"""(trace id, id of the entry that caused it): rides in a message's envelope, never in its dict."""

DropReason: TypeAlias = Literal[
    "capacity", "expired", "malformed", "no handler", "slow client", "undelivered"
]
"""Why a layer message was lost."""


class Connection:
    """One open scope, as observers know it.

    Attributes:
        id: 12 hex digits, unique across processes and restarts.
        scope: the scope that the server handed over, before any middleware.
        opened_at: seconds since the Unix epoch.
        consumer: the consumer instance that serves it, once one has started.
        channel_name: its own channel on the consumer's layer, if it has one.
        cause: what the running handler is an effect of; an observer's own, in its own form.
        loop: the event loop that serves it.
        send: sends an event as its application does; None once it has ended.
        mailbox: the inbox of its consumer, once one has started.
    """

    __slots__ = (
        "__weakref__",
        "cause",
        "channel_name",
        "consumer",
        "id",
        "loop",
        "mailbox",
        "opened_at",
        "scope",
        "send",
    )

    def __init__(self, scope: Scope) -> None:
        self.id = secrets.token_hex(6)
        self.scope = scope
        self.opened_at = time.time()
        self.consumer: Any = None
        self.channel_name: str | None = None
        self.cause: Any = None
        self.loop: AbstractEventLoop | None = None
        self.send: Send | None = None
        self.mailbox: Any = None

    def __repr__(self) -> str:
        return f"<Connection {self.id} {self.scope.get('type', '?')}>"


current_connection: ContextVar[Connection | None] = ContextVar("current_connection", default=None)
"""The observed connection whose application this code runs in, if there is one."""

current_cause: ContextVar[Any] = ContextVar("current_cause", default=None)
"""What an event that is sent now is an effect of, where that is not `Connection.cause`."""

_muted: ContextVar[bool] = ContextVar("taps_muted", default=False)


class muted:
    """Keep what runs inside from every layer tap, for an observer's own traffic.

    A class, as it stands around every message that comes in: a generator costs three times that.

    Args:
        is_muted: False to be observed after all, whoever began the task that runs.
    """

    __slots__ = ("_is_muted", "_token")

    def __init__(self, is_muted: bool = True) -> None:
        self._is_muted = is_muted

    def __enter__(self) -> None:
        self._token = _muted.set(self._is_muted)

    def __exit__(self, *exc_info: object) -> None:
        _muted.reset(self._token)


is_muted: Callable[[], bool] = _muted.get
"""Return whether the running code asked not to be observed; each delivery asks."""


class Observer:
    """Override what you want to hear of; a hook that you leave alone costs nothing.

    Hooks are called on the event loop or on a handler's thread, in the order in
    which things happen, with the live objects: copy what you keep and could change.

    Attributes:
        never_raise: names of hooks that handle their own faults, with `Taps.give_up()`, and any
            event: all others hear only of events with a type. They are called without a guard,
            which costs as much as all that a fast hook does.
    """

    never_raise: ClassVar[frozenset[str]] = frozenset()

    def is_muted(self, scope: Scope) -> bool:
        """Return True for a connection that no observer shall see."""
        return False

    def application_for(self, scope: Scope) -> ASGIApplication | None:
        """Return an application of the observer's own that serves this scope, or None."""
        return None

    def serving_began(self) -> None:
        """A worker, or a server that says so, begins to serve on the event loop that runs.

        A server says so by its lifespan, which Daphne has not: there the first scope says it.
        """

    def scope_opened(self, connection: Connection) -> None:
        """The server opened a connection; its application is about to be called."""

    def scope_closed(self, connection: Connection, error: BaseException | None) -> None:
        """The application returned, or ended with `error`."""

    def event_received(self, connection: Connection, event: Event, at: float) -> None:
        """An event came in from the client.

        `at` is when, in seconds of `time.perf_counter()`.
        """

    def event_sent(self, connection: Connection, event: Event) -> None:
        """The application sent an event out to the client."""

    def route_matched(
        self, connection: Connection, route: str, arguments: Mapping[str, Any]
    ) -> None:
        """A router chose an application.

        `route` is the pattern from the root, `arguments` the scope's `url_route`: {args, kwargs}.
        """

    def route_missed(self, connection: Connection, path: str, tried: Sequence[str]) -> None:
        """No pattern of a router took `path`; `tried` are the patterns in order."""

    def consumer_started(self, connection: Connection, consumer: Any) -> None:
        """A consumer took the connection: its scope is populated, its channel exists."""

    def handler_started(
        self,
        connection: Connection,
        message: Event,
        cause: Cause | None,
        put_at: float,
    ) -> None:
        """A handler begins.

        `put_at` is when its message came into the mailbox, in seconds of `time.perf_counter()`.
        """

    def handler_finished(
        self, connection: Connection, message: Event, error: BaseException | None
    ) -> None:
        """The handler that began last on this connection ended, or failed with `error`."""

    def message_sent(
        self, sender: Connection | None, layer: Any, channel: str, message: Message
    ) -> Cause | None:
        """A layer message goes to a channel. Returns the cause that its envelope carries."""
        return None

    def group_sent(
        self,
        sender: Connection | None,
        layer: Any,
        group: str,
        message: Message,
        receivers: int,
    ) -> Cause | None:
        """A layer message goes to a group. Returns the cause that its envelope carries.

        `receivers` is below 0 on a layer that does not say.
        """
        return None

    def send_finished(
        self,
        sender: Connection | None,
        layer: Any,
        message: Message,
        cause: Cause | None,
        took_s: float,
    ) -> None:
        """The call that sent `message`, to a channel or a group, returned or failed.

        `message` is the object that the tap of its sending had, and `cause` what that returned.
        A layer that knows no taps carries none.
        """

    def message_delivered(
        self,
        connection: Connection | None,
        channel: str,
        message: Message,
        cause: Cause | None,
    ) -> None:
        """A layer message reached a receiver's mailbox, or was taken by `receive()`."""

    def message_dropped(
        self,
        connection: Connection | None,
        channel: str,
        message: Message,
        reason: DropReason,
        cause: Cause | None,
    ) -> None:
        """A layer message did not reach its receiver, or reached one without a handler for it.

        `cause` is what its envelope says; None if it carries nothing, or waits no more.
        """

    def group_joined(self, layer: Any, group: str, channel: str) -> None:
        """A channel became a member of a group."""

    def group_left(self, layer: Any, group: str, channel: str) -> None:
        """A channel is no longer a member of a group."""

    def presence_joined(self, layer: Any, group: str, key: str, metadata: Message) -> None:
        """Somebody is present in a group: the process that they came to says so."""

    def presence_left(self, layer: Any, group: str, key: str, metadata: Message) -> None:
        """Somebody is no longer present in a group: one process says so."""


HOOKS = (
    "serving_began",
    "scope_opened",
    "scope_closed",
    "event_received",
    "event_sent",
    "route_matched",
    "route_missed",
    "consumer_started",
    "handler_started",
    "handler_finished",
    "message_sent",
    "group_sent",
    "send_finished",
    "message_delivered",
    "message_dropped",
    "group_joined",
    "group_left",
    "presence_joined",
    "presence_left",
)
"""The names of the taps: the methods that an `Observer` may have."""


class Taps:
    """The hooks as the runtime fires them.

    Each of `HOOKS` is an attribute: a callable with the arguments of the `Observer`'s method, or
    None while nobody listens.

    Attributes:
        observers: those that are attached, in the order in which they hear of a thing.
    """

    __slots__ = (*HOOKS, "_muting", "_serving", "observers")

    if TYPE_CHECKING:
        serving_began: Callable[[], None] | None
        scope_opened: Callable[[Connection], None] | None
        scope_closed: Callable[[Connection, BaseException | None], None] | None
        event_received: Callable[[Connection, Event, float], None] | None
        event_sent: Callable[[Connection, Event], None] | None
        route_matched: Callable[[Connection, str, Mapping[str, Any]], None] | None
        route_missed: Callable[[Connection, str, Sequence[str]], None] | None
        consumer_started: Callable[[Connection, Any], None] | None
        handler_started: Callable[[Connection, Event, Cause | None, float], None] | None
        handler_finished: Callable[[Connection, Event, BaseException | None], None] | None
        message_sent: Callable[[Connection | None, Any, str, Message], Cause | None] | None
        group_sent: Callable[[Connection | None, Any, str, Message, int], Cause | None] | None
        send_finished: Callable[[Connection | None, Any, Message, Cause | None, float], None] | None
        message_delivered: Callable[[Connection | None, str, Message, Cause | None], None] | None
        message_dropped: (
            Callable[[Connection | None, str, Message, DropReason, Cause | None], None] | None
        )
        group_joined: Callable[[Any, str, str], None] | None
        group_left: Callable[[Any, str, str], None] | None
        presence_joined: Callable[[Any, str, str, Message], None] | None
        presence_left: Callable[[Any, str, str, Message], None] | None

    def __init__(self) -> None:
        self.observers: tuple[Observer, ...] = ()
        self._rewire()

    def attach(self, observer: Observer) -> None:
        """Let `observer` hear what happens from now on; twice is once."""
        if observer not in self.observers:
            self.observers = (*self.observers, observer)
            self._rewire()

    def detach(self, observer: Observer) -> None:
        """Let `observer` hear nothing more; one that is not attached is no error."""
        self.observers = tuple(one for one in self.observers if one is not observer)
        self._rewire()

    def give_up(self, observer: Observer, hook: str) -> None:
        """Detach an observer whose hook failed with the exception that is being handled."""
        self.detach(observer)
        logger.exception("Observer %r failed in %s() and was detached.", observer, hook)

    def is_muted(self, scope: Scope) -> bool:
        """Return whether some observer asks that this connection is not observed."""
        return any(asks(scope) for asks in self._muting)

    def application_for(self, scope: Scope) -> ASGIApplication | None:
        """Return the application with which an observer serves this scope itself, or None."""
        for answer in self._serving:
            application: ASGIApplication | None = answer(scope)
            if application is not None:
                return application
        return None

    def _rewire(self) -> None:
        for hook in HOOKS:
            setattr(self, hook, self._wire(hook))
        self._muting = self._calls("is_muted")
        self._serving = self._calls("application_for")

    def _wire(self, hook: str) -> Callable[..., Any] | None:
        calls = self._calls(hook)
        if len(calls) < 2:
            return calls[0] if calls else None

        def call_each(*args: Any) -> Any:
            answers = [call(*args) for call in calls]
            return next((answer for answer in answers if answer is not None), None)

        return call_each

    def _calls(self, hook: str) -> tuple[Callable[..., Any], ...]:
        hooks = [(one, getattr(one, hook)) for one in self.observers if _listens(one, hook)]
        return tuple(
            method if hook in one.never_raise else self._guarded(one, hook) for one, method in hooks
        )

    def _guarded(self, observer: Observer, hook: str) -> Callable[..., Any]:
        """Return the observer's method as a call that does not raise."""
        method, count = getattr(observer, hook), _count_arguments(hook)
        return guarded(method, hook, count, lambda: self.give_up(observer, hook))


def _count_arguments(hook: str) -> int:
    return len(inspect.signature(getattr(Observer, hook)).parameters) - 1  # without `self`


def _listens(observer: Observer, hook: str) -> bool:
    return getattr(type(observer), hook) is not getattr(Observer, hook)


taps = Taps()
"""The process's taps: the runtime fires them, observers attach to them."""
