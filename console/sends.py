"""What one piece of code sends through the channel layers, while somebody collects it.

Owns the collecting: what was sent in the context of the code that asked, how long its layer
took, and what has become of it in this process until then. Listens only while somebody
collects, and costs nothing otherwise. Knows no request and no toolbar. Used by `panel`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal

from console.capture import keep_message
from console.entry import Entry
from runtime.taps import Cause, Connection, DropReason, Observer, taps
from runtime.typing import Message

MOST_SENDS = 200
"""Messages of one collection that are kept; those beyond it are counted."""

MOST_CAUSES = 10_000
"""Messages, of all that are sent meanwhile, whose deliveries are counted."""


class Sent:
    """One message.

    Attributes:
        entry: the message as a ring would keep it, which `EntryReader` shows.
        message: the object that was sent, which tells one call from another until its end.
        receivers: members of the group in this process; None if nobody knows.
        took_s: how long the layer took; None while it still does.
        cause: what its deliveries say that they are an effect of; None if they carry nothing.
    """

    __slots__ = ("cause", "entry", "message", "receivers", "took_s")

    def __init__(self, entry: Entry, message: Message, receivers: int | None) -> None:
        self.entry = entry
        self.message: Message | None = message
        self.receivers = receivers
        self.took_s: float | None = None
        self.cause: Cause | None = None

    def __repr__(self) -> str:
        return f"<Sent {self.entry.kind} {self.entry.type}>"


class Collection:
    """What one piece of code has sent.

    Args:
        payload_bytes: bytes kept of one message.

    Attributes:
        sent: the first messages, in the order of sending.
        count: how many were sent; `took_s` is how long the layers took for all of them.
        trace: id of the trace that they belong to; "" if nobody knows.
    """

    def __init__(self, payload_bytes: int) -> None:
        self.sent: list[Sent] = []
        self.count = 0
        self.took_s = 0.0
        self.trace = ""
        self._payload_bytes = payload_bytes
        self._delivered: Counter[Cause] = Counter()
        self._dropped: Counter[Cause] = Counter()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Collection sent={self.count}>"

    def begin(self) -> None:
        """Collect what the running code sends from now on, and what it awaits or calls."""
        _collecting.set(self)
        _listen(self)

    def end(self) -> None:
        """Collect no more; twice is once."""
        _collecting.set(None)
        _stop_listening(self)

    def delivered(self, sent: Sent) -> int:
        """Return how many receivers in this process it has reached until now."""
        return self._delivered[sent.cause] if sent.cause is not None else 0

    def dropped(self, sent: Sent) -> int:
        """Return how many receivers, or channels, in this process had no room for it."""
        return self._dropped[sent.cause] if sent.cause is not None else 0

    def add(
        self,
        kind: Literal["send", "group_send"],
        target: str,
        message: Message,
        receivers: int | None = None,
    ) -> None:
        """Take note of a message as it is sent."""
        with self._lock:
            self.count += 1
            if len(self.sent) >= MOST_SENDS:
                return
            entry = Entry(time.time(), kind, str(message.get("type", "")), None)
            kept = keep_message(message, self._payload_bytes)
            entry.payload, entry.size_bytes, entry.kept_bytes, entry.is_cut = kept
            self.sent.append(Sent(entry, message, receivers))
            if kind == "send":
                entry.channel = target
            else:
                entry.group = target

    def finish(self, message: Message, cause: Cause | None, took_s: float) -> None:
        """Take note that the layer is done with a message."""
        with self._lock:
            self.took_s += took_s
            for sent in reversed(self.sent):
                if sent.message is message:
                    sent.message, sent.took_s, sent.cause = None, took_s, cause
                    break
            if cause is not None and not self.trace:
                self.trace = cause[0]

    def count_delivery(self, cause: Cause) -> None:
        """A message, perhaps one of these, reached a receiver."""
        self._count(self._delivered, cause)

    def count_drop(self, cause: Cause) -> None:
        """A message, perhaps one of these, was lost."""
        self._count(self._dropped, cause)

    def _count(self, counts: Counter[Cause], cause: Cause) -> None:
        with self._lock:
            if len(counts) < MOST_CAUSES or cause in counts:
                counts[cause] += 1


class _Listener(Observer):
    """Hands what it hears to the collection of the code that runs."""

    def message_sent(
        self, sender: Connection | None, layer: Any, channel: str, message: Message
    ) -> None:
        """Note a message to a channel."""
        if (collection := _collecting.get()) is not None:
            collection.add("send", channel, message)

    def group_sent(
        self, sender: Connection | None, layer: Any, group: str, message: Message, receivers: int
    ) -> None:
        """Note a message to a group."""
        if (collection := _collecting.get()) is not None:
            collection.add("group_send", group, message, receivers if receivers >= 0 else None)

    def send_finished(
        self,
        sender: Connection | None,
        layer: Any,
        message: Message,
        cause: Cause | None,
        took_s: float,
    ) -> None:
        """Note how long the layer took."""
        if (collection := _collecting.get()) is not None:
            collection.finish(message, cause, took_s)

    def message_delivered(
        self, connection: Connection | None, channel: str, message: Message, cause: Cause | None
    ) -> None:
        """Count it for whoever has sent it: a layer may deliver in a task of its own."""
        _tell(Collection.count_delivery, cause)

    def message_dropped(
        self,
        connection: Connection | None,
        channel: str,
        message: Message,
        reason: DropReason,
        cause: Cause | None,
    ) -> None:
        """Count it for whoever has sent it."""
        _tell(Collection.count_drop, cause)


def _tell(count: Callable[[Collection, Cause], None], cause: Cause | None) -> None:
    if cause is not None:
        for collection in _active:
            count(collection, cause)


def _listen(collection: Collection) -> None:
    global _active
    with _lock:
        if collection not in _active:
            _active = (*_active, collection)
        taps.attach(_listener)


def _stop_listening(collection: Collection) -> None:
    global _active
    with _lock:
        _active = tuple(one for one in _active if one is not collection)
        if not _active:
            taps.detach(_listener)


_collecting: ContextVar[Collection | None] = ContextVar("collecting_sends", default=None)
_listener = _Listener()
_active: tuple[Collection, ...] = ()
_lock = threading.Lock()
