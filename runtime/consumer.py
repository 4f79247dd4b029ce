"""Consumers: one instance for each scope, one method for each type of event.

Owns the life of an instance: its channel, its mailbox, the choice of the handler,
and the end. Does not know protocols; those are in `runtime.generic`. Called by an
ASGI server, through routers and middleware.

Handlers run one at a time, in the task that called the application, so that a
context variable that `connect()` sets is there in later handlers.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from sys import intern
from typing import Any, ClassVar, Protocol, TypeVar, cast

from asgiref.sync import markcoroutinefunction

from runtime import DEFAULT_CHANNEL_LAYER
from runtime.boundary import CONNECTION_KEY
from runtime.concurrency import handle_concurrently, may_overlap
from runtime.db import aclose_connections_if_due, has_opened_connections
from runtime.drain import current_drain
from runtime.drops import drops
from runtime.exceptions import ConnectionEnding, StopConsumer
from runtime.layers import get_channel_layer
from runtime.layers.base import can_push
from runtime.mailbox import Item, Mailbox, capacity_of
from runtime.refusals import serve_unavailable
from runtime.revalidation import GuardedMailbox, current_watch
from runtime.taps import Connection, current_cause, taps
from runtime.threads import HandlerThread
from runtime.typing import Event, Receive, Scope, Send

logger = logging.getLogger("runtime.consumer")

C = TypeVar("C", bound="AsyncConsumer")

PROTOCOL_HANDLERS = frozenset(
    {
        "websocket_connect",
        "websocket_receive",
        "websocket_disconnect",
        "http_request",
        "http_disconnect",
    }
)
"""Methods of our own classes that a message may call; all others are refused."""


BATCH = 16
"""Messages that a synchronous consumer handles in one visit to a thread, if they wait already."""


class ConsumerApplication(Protocol):
    """What `as_asgi()` returns: an ASGI application that knows its consumer.

    Typed as returning Any, because `django.urls.path()` asks for a view.
    """

    consumer_class: type[AsyncConsumer]
    """The class of which each scope gets an instance."""

    consumer_initkwargs: dict[str, Any]
    """What its `__init__` is called with."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve the scope by a new instance of the consumer."""


def get_handler_name(message: Event) -> str:
    """Return the name of the method that handles `message`: its type, with `.` as `_`.

    Raises:
        ValueError: the message has no type, or its type begins with an underscore.
    """
    if "type" not in message:
        raise ValueError(
            "Message has no type: it needs a 'type' that names a handler, and has the keys"
            f" {list(message)!r:.200}"
        )
    name = str(message["type"]).replace(".", "_")
    if name.startswith("_"):
        raise ValueError(
            f"Malformed type in message (leading underscore): {message['type']!r}. Handlers that a"
            " message may call have public names."
        )
    return name


class AsyncConsumer:
    """A consumer whose handlers are coroutines.

    A message of the type `chat.message` is handled by the method `chat_message`. A type
    for which there is no handler goes to `default_handler`. Methods of the framework
    cannot be called by a message.

    Attributes:
        scope: the details of the connection.
        channel_layer_alias: which of CHANNEL_LAYERS the consumer speaks through.
        channel_layer: the project's layer of the alias `channel_layer_alias`, or None.
        channel_name: the name of this instance's own channel, if there is a layer.
        base_send: what `send()` hands an event to: the server, or what stands before it.
        max_concurrency: how many handlers of one connection run at once. With more than 1,
            `connect()` still ends before any other starts, and `disconnect()` starts when all
            have ended; a handler sees the context variables of `connect()`, and its own alone.
            The jobs of an acknowledged channel are handled one at a time all the same.
        revalidate_user_every: seconds after which session and user are read again: before the
            next message, or about then if none comes. A user who has logged out, has a new
            password or may not log in any more is disconnected: with the close code 4401,
            or 401. None for never.

    Raises:
        ValueError: a subclass wants less than one handler at once, or several although its
            handlers are plain functions.
    """

    _sync: ClassVar[bool] = False
    _handler_names: ClassVar[dict[str, str]] = {}

    channel_layer_alias: str = DEFAULT_CHANNEL_LAYER
    max_concurrency: ClassVar[int] = 1
    revalidate_user_every: ClassVar[float | None] = None

    scope: Scope
    channel_layer: Any
    channel_name: str
    base_send: Callable[[Event], Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._handler_names = {}
        if cls.max_concurrency < 1 or (cls._sync and cls.max_concurrency > 1):
            raise ValueError(
                f"{cls.__name__}.max_concurrency is {cls.max_concurrency}: expected 1, or more for"
                " a consumer whose handlers are coroutines."
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope to its end; a new one is refused while the server goes down."""
        # Jobs are the worker's to end: what it has taken is done, the rest stays in the layer.
        drain = current_drain() if scope["type"] != "channel" else None
        if drain is not None and drain.is_begun:
            return await serve_unavailable(scope, receive, send)
        self.scope = scope
        self._begin()
        self._connection: Connection | None = scope.get(CONNECTION_KEY)
        self.base_send = self._make_base_send(send)
        self._mailbox = self._make_mailbox()
        error: BaseException | None = None
        if drain is not None:
            drain.enter(self._mailbox)
        try:
            await self._open_channel()
            self._announce_start()
            # A channel has no client that could leave, but jobs that must outlive a failure.
            kind = scope["type"]
            last = intern(f"{kind}.disconnect")  # one string for all connections, not one each
            self._mailbox.read_events(receive, last=last, ahead=kind != "channel")
            await self._handle_all()
        except StopConsumer:
            pass
        except BaseException as raised:
            error = raised
            raise
        finally:
            try:
                await self._end(error)
            finally:
                if drain is not None:
                    drain.leave(self._mailbox)

    @classmethod
    def as_asgi(cls: type[C], **initkwargs: Any) -> ConsumerApplication:
        """Return an ASGI application that makes an instance for each scope.

        Args:
            initkwargs: passed to the constructor of each instance.
        """

        def app(scope: Scope, receive: Receive, send: Send) -> Any:
            return cls(**initkwargs)(scope, receive, send)

        # A plain function marked as a coroutine function: no frame of ours for as long as
        # the connection lives.
        functools.update_wrapper(app, cls, updated=())
        application = cast("ConsumerApplication", markcoroutinefunction(app))
        application.consumer_class = cls
        application.consumer_initkwargs = initkwargs
        return application

    @property
    def disconnected(self) -> bool:
        """Whether the client has gone, even if `disconnect()` has yet to run.

        A handler that works for long asks here whether anybody still waits for it. An instance
        that serves nothing yet has nobody to lose: tools that list what it has read this too.
        """
        mailbox = getattr(self, "_mailbox", None)
        return mailbox is not None and mailbox.is_disconnected

    async def channel_receive(self) -> Any:
        """Return the next message of the consumer's own channel, for a layer that cannot push."""
        return await self.channel_layer.receive(self.channel_name)

    async def dispatch(self, message: Event) -> None:
        """Call the handler of `message`.

        Raises:
            ValueError: the message has no type, or one that begins with an underscore.
        """
        if has_opened_connections():  # asked first: a coroutine for each message is not free
            await aclose_connections_if_due()
        self._before_handler(message)
        await self._handler_of(message)(message)

    async def send(self, message: Event) -> None:
        """Send `message` to the client, as an event of the protocol."""
        await self.base_send(message)

    async def default_handler(self, message: Event) -> None:
        """Handle a message that has no handler: it is logged and counted as dropped.

        Raises:
            StopConsumer: it says that the client has gone.
        """
        self._report_unhandled(message)

    def _make_base_send(self, send: Send) -> Callable[[Event], Any]:
        return send

    def _ending_after(self, error: BaseException | None) -> ConnectionEnding | None:
        """Return why the runtime ends the connection, unless `error` does: servers answer that."""
        is_ours = error is None or isinstance(error, asyncio.CancelledError)
        ending = self._mailbox.ending if is_ours else None
        if self._connection is not None and ending is not None and ending.cause is not None:
            self._connection.cause = ending.cause
        return ending

    async def _send_last(self, *events: Event) -> None:
        """Send what the runtime has to say when it ends the connection, if that is possible."""
        try:
            for event in events:
                await self._send_from_loop(event)
        except Exception:
            # The client may have gone meanwhile, and the server may say so.
            logger.debug("%s could not say goodbye.", type(self).__name__, exc_info=True)

    async def _send_from_loop(self, event: Event) -> None:
        await self.base_send(event)

    def _make_mailbox(self) -> Mailbox:
        every_s = self.revalidate_user_every
        if every_s is None:
            return Mailbox(self._connection)
        return GuardedMailbox(self._connection, self.scope, every_s, current_watch())

    def _begin(self) -> None:
        """Forget what an earlier scope has left on this instance."""

    def _before_handler(self, message: Event) -> None:
        """Take note of `message`; subclasses follow the life of their protocol here."""

    async def _open_channel(self) -> None:
        self.channel_layer = get_channel_layer(self.channel_layer_alias)
        layer = self.channel_layer
        if layer is None:
            return
        self.channel_name = await layer.new_channel()
        self._mailbox.set_channel(
            self.channel_name,
            capacity=capacity_of(layer, self.channel_name),
            expiry_s=getattr(layer, "expiry", 60),
        )
        if can_push(layer):
            layer.attach(self.channel_name, self._mailbox.offer)
        else:
            self._mailbox.read_layer(self.channel_receive)

    def _announce_start(self) -> None:
        if self._connection is None:
            return
        self._connection.consumer = self
        self._connection.mailbox = self._mailbox
        self._connection.channel_name = getattr(self, "channel_name", None)
        if (tap := taps.consumer_started) is not None:
            tap(self._connection, self)

    def _handle_all(self) -> Awaitable[None]:
        # A plain function: through a coroutine around the one that it chooses each message
        # would have to pass.
        if self.max_concurrency > 1 and may_overlap(self.scope, type(self)):
            mailbox, most = self._mailbox, self.max_concurrency
            return handle_concurrently(mailbox, self._dispatch_in_task, most)
        if self._connection is not None:
            return self._handle_all_observed(self._connection)
        return self._handle_all_unobserved()

    async def _handle_all_unobserved(self) -> None:
        mailbox = self._mailbox
        while True:
            message, _, _, _ = mailbox.take_now() or await mailbox.get()
            await self.dispatch(message)

    async def _handle_all_observed(self, connection: Connection) -> None:
        mailbox = self._mailbox
        while True:
            message, put_at, cause, _ = mailbox.take_now() or await mailbox.get()
            if (tap := taps.handler_started) is not None:
                tap(connection, message, cause, put_at)
            try:
                await self.dispatch(message)
            except BaseException as raised:
                _tap_finished(connection, message, raised)
                raise
            if (tap_finished := taps.handler_finished) is not None:
                tap_finished(connection, message, None)

    async def _dispatch_in_task(self, item: Item) -> None:
        message, put_at, cause, _ = item
        connection = self._connection
        if connection is None:
            await self.dispatch(message)
            return
        if (tap := taps.handler_started) is not None:
            tap(connection, message, cause, put_at)
        # The connection's cause is that of the handler that began last; others run beside it.
        current_cause.set(connection.cause)
        try:
            await self.dispatch(message)
        except BaseException as raised:
            _tap_finished(connection, message, raised)
            raise
        _tap_finished(connection, message, None)

    async def _end(self, error: BaseException | None) -> None:
        """Let go of the channel and the readers; subclasses say their goodbyes first."""
        channel_name = getattr(self, "channel_name", None)
        try:
            if channel_name is not None and can_push(self.channel_layer):
                await self.channel_layer.release_channel(channel_name)
        finally:
            await self._mailbox.close()

    def _handler_of(self, message: Event) -> Callable[[Event], Any]:
        try:
            name = self._handler_names[message["type"]]
        except (KeyError, TypeError):
            name = self._remember_handler(message)
        handler: Callable[[Event], Any] = getattr(self, name)
        return handler

    def _remember_handler(self, message: Event) -> str:
        name = get_handler_name(message)
        if not _may_be_called(type(self), name):
            return "default_handler"
        # Only names that exist are kept, so that a client cannot fill the table.
        if len(self._handler_names) < 1_000:
            self._handler_names[message["type"]] = name
        return name

    def _report_unhandled(self, message: Event) -> None:
        if message["type"] == f"{self.scope['type']}.disconnect":
            raise StopConsumer  # nobody would end it otherwise: no server has to cancel
        drops.warnings.warn(
            (type(self), str(message["type"])),
            "%s has no handler for a message of type %r: expected a method %s(). The message is"
            " dropped; define the method, or default_handler().",
            type(self).__name__,
            message["type"],
            get_handler_name(message),
        )
        channel = getattr(self, "channel_name", "")
        drops.report(self._connection, channel, message, "no handler", is_warned=False)


class SyncConsumer(AsyncConsumer):
    """A consumer whose handlers are plain functions, so that they may block.

    Each connection keeps its order; different connections run at once, on a bounded
    pool of threads.
    """

    _sync: ClassVar[bool] = True

    async def dispatch(self, message: Event) -> None:
        """Call the handler of `message` in a thread.

        Raises:
            ValueError: the message has no type, or one that begins with an underscore.
        """
        await self._thread.run(functools.partial(self._handle, message))

    def send(self, message: Event) -> None:  # type: ignore[override]  # the same call, blocking
        """Send `message` to the client, as an event of the protocol."""
        self.base_send(message)

    def default_handler(self, message: Event) -> None:  # type: ignore[override]
        """Handle a message that has no handler: it is logged and counted as dropped.

        Raises:
            StopConsumer: it says that the client has gone.
        """
        self._report_unhandled(message)

    async def _send_from_loop(self, event: Event) -> None:
        await self._thread.run(functools.partial(self.base_send, event))

    def _make_base_send(self, send: Send) -> Callable[[Event], Any]:
        self._thread = HandlerThread(send, self._connection)
        return self._thread.send

    def _handle_all(self) -> Awaitable[None]:
        if type(self).dispatch is not SyncConsumer.dispatch:
            return super()._handle_all()
        return self._handle_batches()

    async def _handle_batches(self) -> None:
        while True:
            item = await self._mailbox.get()
            batch = (item, *self._mailbox.take_waiting(BATCH - 1))
            await self._thread.run(functools.partial(self._handle_batch, batch))

    def _handle_batch(self, batch: Sequence[Item]) -> None:
        """Handle what has come, in one visit to a thread."""
        for item in batch:
            if self._thread.is_cancelled:
                return
            if self._connection is None:
                self._handle(item[0])
            else:
                self._handle_observed(self._connection, item)

    def _handle_observed(self, connection: Connection, item: Item) -> None:
        message, put_at, cause, _ = item
        if (tap := taps.handler_started) is not None:
            tap(connection, message, cause, put_at)
        try:
            self._handle(message)
        except BaseException as raised:
            _tap_finished(connection, message, raised)
            raise
        _tap_finished(connection, message, None)

    def _handle(self, message: Event) -> None:
        self._before_handler(message)
        self._handler_of(message)(message)


def _tap_finished(connection: Connection, message: Event, raised: BaseException | None) -> None:
    if (tap := taps.handler_finished) is not None:
        tap(connection, message, None if isinstance(raised, StopConsumer) else raised)


def _may_be_called(consumer_class: type[AsyncConsumer], name: str) -> bool:
    if not callable(getattr(consumer_class, name, None)):
        return False
    return name in PROTOCOL_HANDLERS or not any(
        name in vars(base) for base in consumer_class.__mro__ if _is_framework(base)
    )


def _is_framework(base: type) -> bool:
    return base is object or base.__module__.split(".", 1)[0] == "runtime"
