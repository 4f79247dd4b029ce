"""The bounded inbox of one connection: client events and layer messages, in order of arrival.

Owns the order, the bounds, and the long-lived reader that moves client events in.
A layer that can push puts messages in with a plain call, from any thread; one that
cannot is read by a second long-lived task. No task and no thread hop for each message.

The consumer takes from it, one item at a time, in the task that called the application.

Source: DESIGN decision 2, docs/decisions/0001-one-mailbox.md
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from threading import get_ident
from time import perf_counter
from typing import Any, TypeAlias

from runtime.boundary import untapped
from runtime.drops import drops
from runtime.exceptions import ConnectionEnding, MalformedEvent
from runtime.taps import Cause, Connection, is_muted, taps
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import Event, Message, Receive

EVENT_WATERMARK = 64
"""Client events that wait before the reader stops taking more from the server."""

EVENT_READER = "mailbox.events"
"""The name of the task that moves client events in."""

Item: TypeAlias = tuple[Event, float, Cause | None, bool]
"""What a mailbox gives out; a plain tuple, because one is made and taken apart for each message.

- the message: a client event or a layer message;
- when it was put in, in seconds of `time.perf_counter()`;
- what the envelope of a layer message said about its origin;
- whether it came from the client.
"""


class Mailbox:
    """The inbox of one connection.

    Args:
        connection: the observed connection it belongs to, for the taps.
    """

    __slots__ = (
        "_capacity",
        "_events",
        "_expiry_s",
        "_failure",
        "_items",
        "_layer_messages",
        "_loop",
        "_readers",
        "_taker",
        "_thread_id",
        "_waiting_for_room",
        "channel",
        "connection",
        "ending",
        "is_disconnected",
    )

    def __init__(self, connection: Connection | None = None) -> None:
        self.connection = connection
        self.channel = ""
        self.is_disconnected = False
        """Whether the client's disconnect event has arrived, handled or not."""
        self.ending: ConnectionEnding | None = None
        """Why the runtime ends the connection, once it does."""
        self._capacity = 0
        self._expiry_s = 60.0
        # Made when something has to wait: an idle connection has none.
        self._items: deque[Item] | None = None
        self._events = 0
        self._layer_messages = 0
        self._failure: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._thread_id = get_ident()
        self._taker: asyncio.Future[Item] | None = None
        # Tuples: an empty one takes no memory, and most connections have one reader.
        self._waiting_for_room: tuple[asyncio.Future[None], ...] = ()
        self._readers: tuple[asyncio.Task[None], ...] = ()

    def __len__(self) -> int:
        return len(self._items or ())

    def __repr__(self) -> str:
        return f"<Mailbox {self.channel or 'without a channel'} items={len(self)}>"

    def set_channel(self, channel: str, *, capacity: int, expiry_s: float) -> None:
        """Say which channel's messages this inbox takes, and how many.

        Args:
            channel: the channel's name, for the taps.
            capacity: layer messages that wait before the next one is refused.
            expiry_s: seconds after which a layer message that waits is dropped.
        """
        self.channel = channel
        self._capacity = capacity
        self._expiry_s = expiry_s

    def offer(self, message: Message, cause: Cause | None = None) -> bool:
        """Put in a layer message, from any thread. Returns False if there is no room."""
        if self._layer_messages >= self._capacity:
            drops.report(self.connection, self.channel, message, "capacity", cause=cause)
            return False
        if (tap_delivered := taps.message_delivered) is not None and not is_muted():
            tap_delivered(self.connection, self.channel, message, cause)
        item = (message, perf_counter(), cause, False)
        if get_ident() == self._thread_id:
            self._put(item)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, item)
        return True

    def take_now(self) -> Item | None:
        """Remove and return the next item if one waits already; asked before `get()`.

        With many messages on their way this saves a coroutine for each.
        """
        while self._items:
            item = self._take(self._items)
            if item is not None:
                return item
        return None

    def get(self) -> Awaitable[Item]:
        """Remove and return the next item, waiting for it: `await mailbox.get()`.

        Raises:
            ConnectionEnding: the runtime ends the connection here.
            Exception: what a reader failed with, after the items before it.
        """
        # A future, not a coroutine: that would be one for each message, and its frame would
        # stay for as long as nothing comes.
        taker = self._loop.create_future()
        # By name: a subclass may refuse in take_now() what it gives out here.
        if self._items and (item := Mailbox.take_now(self)) is not None:
            taker.set_result(item)
            return taker
        if self._failure is not None:
            raise self._failure
        self._items = None
        self._taker = taker
        if self._waiting_for_room:
            self._announce_room()
        return taker

    def take_waiting(self, most: int) -> list[Item]:
        """Remove and return at most `most` items that wait already."""
        taken: list[Item] = []
        while len(taken) < most and (item := self.take_now()) is not None:
            taken.append(item)
        return taken

    def read_events(
        self, receive: Receive, *, last: str = "websocket.disconnect", ahead: bool = True
    ) -> None:
        """Start to move client events in, until the client's disconnect event.

        Args:
            last: the type of that event. Others may have a name that ends alike.
            ahead: take events from the server while others wait here, so that a disconnect is
                known early. Without it an event is taken when the consumer asks for one, and
                none is lost with a consumer that fails.
        """
        watermark = EVENT_WATERMARK if ahead else 0
        self._start(self._read_events(receive, last, watermark), EVENT_READER)

    def read_layer(self, receive: Callable[[], Awaitable[Message]]) -> None:
        """Start to move layer messages in, from a layer that cannot push."""
        self._start(self._read_layer(receive), "mailbox.layer")

    def end(self, ending: ConnectionEnding, *, at_once: bool = False) -> None:
        """Let `get()` raise `ending` when what waits has been taken; the first call counts.

        Args:
            at_once: leave what waits, instead.
        """
        if self.ending is not None:
            return
        self.ending = ending
        if at_once:
            self._items = None
        self._fail(ending)

    def put_last(self, event: Event, cause: Cause | None = None) -> None:
        """Put in the client's disconnect event for a client that does not say it.

        Args:
            event: handled after what waits.
            cause: what the end is an effect of.
        """
        self.is_disconnected = True
        self._put((event, perf_counter(), cause, True))

    async def wait_until_disconnected(self, timeout_s: float) -> None:
        """Wait for the client's disconnect event, passing over what else it says.

        Args:
            timeout_s: after which it is not waited for any longer.
        """
        self._items, self._events = None, 0
        self._announce_room()
        reading = [task for task in self._readers if task.get_name() == EVENT_READER]
        if reading:
            await asyncio.wait(reading, timeout=timeout_s)

    async def close(self) -> None:
        """End the readers and forget what waits."""
        await cancel_and_wait(*self._readers)
        self._readers = ()
        self._items = None

    async def _read_events(self, receive: Receive, last: str, watermark: int) -> None:
        receive, connection = untapped(receive)
        while not self.is_disconnected:
            if watermark == 0:
                await self._wait_for_room(self._is_asked)
            elif self._events >= watermark:
                await self._wait_for_room(lambda: self._events < watermark // 2)
            event = await receive()
            now = perf_counter()
            try:
                kind = event.get("type")
            except AttributeError:
                raise MalformedEvent(event, "a dict with a 'type'") from None
            if connection is not None and (tap := taps.event_received) is not None:
                tap(connection, event, now)
            self.is_disconnected = kind == last
            self._put((event, now, None, True))

    async def _read_layer(self, receive: Callable[[], Awaitable[Message]]) -> None:
        while True:
            self.offer(await receive())
            # What the mailbox has no room for waits in the layer, which has bounds of its own.
            if self._layer_messages >= self._capacity:
                await self._wait_for_room(lambda: self._layer_messages < self._capacity)

    def _is_asked(self) -> bool:
        """Whether the consumer waits in `get()`: one that was cancelled there does not."""
        return self._taker is not None and not self._taker.done()

    def _start(self, reading: Coroutine[Any, Any, None], name: str) -> None:
        self._readers += (spawn(reading, name=name, on_error=self._fail),)

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        if self._taker is not None and not self._taker.done():
            self._taker.set_exception(failure)

    def _put(self, item: Item) -> None:
        if self.ending is not None:
            return  # it comes too late: nobody takes it any more
        taker, self._taker = self._taker, None
        if taker is not None and not taker.done():
            taker.set_result(item)
            return
        if self._items is None:
            self._items = deque()
        self._items.append(item)
        _, _, _, is_event = item
        if is_event:
            self._events += 1
        else:
            self._layer_messages += 1

    def _take(self, items: deque[Item]) -> Item | None:
        """Remove and return the next item, or None if its time has passed."""
        item = items.popleft()
        if self._waiting_for_room:
            self._announce_room()
        message, put_at, cause, is_event = item
        if is_event:
            self._events -= 1
            return item
        self._layer_messages -= 1
        if put_at + self._expiry_s > perf_counter():
            return item
        drops.report(self.connection, self.channel, message, "expired", cause=cause)
        return None

    async def _wait_for_room(self, has_room: Callable[[], bool]) -> None:
        while not has_room():
            room = self._loop.create_future()
            self._waiting_for_room += (room,)
            await room

    def _announce_room(self) -> None:
        waiting, self._waiting_for_room = self._waiting_for_room, ()
        for room in waiting:
            if not room.done():
                room.set_result(None)


def capacity_of(layer: Any, channel: str) -> int:
    """Return how many messages `channel` holds on `layer`, if the layer says."""
    get_capacity = getattr(layer, "get_capacity", None)
    return int(get_capacity(channel)) if get_capacity is not None else 100
