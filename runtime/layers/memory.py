"""The channel layer of one process: no server, nothing to install.

Owns the buffers of channels that nobody is attached to, the sinks of those that
somebody is, and the groups. A broadcast costs its members and nothing else.
Messages are ordered, isolated, expire when nobody takes them, and may be sent
from any thread.

Chosen by `"BACKEND": "runtime.layers.InMemoryChannelLayer"`.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from runtime.drops import drops
from runtime.environment import is_development
from runtime.exceptions import ChannelFull, NotALayerMessage
from runtime.layers.acknowledged import RetryPolicy
from runtime.layers.base import Sink
from runtime.layers.buffer import ChannelBuffer
from runtime.layers.history import Histories, Position, Replay, Retention
from runtime.layers.isolation import copier, isolate
from runtime.layers.memory_jobs import JobsInMemory
from runtime.layers.patterns import ByName
from runtime.layers.portable import portable, require_size
from runtime.layers.presence import PresenceLayer, Roster
from runtime.layers.timer import SweepTimer
from runtime.layers.timing import tell_finished
from runtime.taps import Cause, current_connection, is_muted, taps
from runtime.typing import Message

_NOTHING = ChannelBuffer()
"""What waits on the channel of a consumer: its mailbox has it."""

SWEEP_AT = 64
"""Channels on which something waits before a sender looks for what has expired on others."""

SWEEP_LATE = 0.5
"""How much later than at its expiry a message goes away that nobody looks for, as a part of it.

Nobody is given it meanwhile. Suites look at `channels` when the time of a message has just passed.
"""


class Groups(dict[str, dict[str, float]]):
    """{group: {channel: when it joined}}, which answers as `layer.groups()` when it is called.

    The method is the extension `introspection`; the dict is what libraries have read for long.
    """

    async def __call__(self) -> list[str]:
        """Return the groups that have members."""
        return list(self)


class InMemoryChannelLayer(PresenceLayer, JobsInMemory):
    """A channel layer within this process.

    Args:
        expiry: seconds after which a message that nobody took is dropped.
        group_expiry: seconds after which a member that is not attached leaves its group.
        capacity: messages that a channel holds before it is full.
        channel_capacity: capacities for some channels: {glob or compiled pattern: messages}.
        strict: refuse what a layer between processes would refuse; None for doing so under
            DEBUG and in tests.
        allow_extended_types: let dates, times, UUID and Decimal through all the same.
        max_message_bytes: the size of a message that is refused; None for any size.
        acknowledged_channels: names or globs of channels whose jobs are done when they are
            acknowledged; or {name or glob: the arguments of a `RetryPolicy`}.
        history: names or globs of groups that keep their messages; or {name or glob: the
            arguments of a `Retention`}.

    Attributes:
        extensions: the extensions that it has.
        fires_taps: that it tells observers itself.
        channels: {channel: its buffer}, for channels that are received from, or on which
            something waits.
        groups: {group: {channel: when it joined, in seconds of the monotonic clock}}; and, called
            as `await layer.groups()`, the extension `introspection`.
    """

    extensions = ("groups", "flush", "introspection", "presence", "acknowledgement", "history")
    fires_taps = True

    def __init__(
        self,
        expiry: float = 60,
        group_expiry: float = 86_400,
        capacity: int = 100,
        channel_capacity: Mapping[str | re.Pattern[str], int] | None = None,
        *,
        strict: bool | None = None,
        allow_extended_types: bool = False,
        max_message_bytes: int | None = None,
        acknowledged_channels: Sequence[str]
        | Mapping[str, RetryPolicy | Mapping[str, Any]]
        | None = None,
        history: Sequence[str] | Mapping[str, Retention | Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(expiry, capacity, channel_capacity)
        self.strict = is_development() if strict is None else strict
        self.allow_extended_types = allow_extended_types
        self.max_message_bytes = max_message_bytes
        self.group_expiry = group_expiry
        self.channels: dict[str, ChannelBuffer] = {}
        self.groups = Groups()
        self._sinks: dict[str, Sink] = {}
        self._groups_of: dict[str, set[str]] = {}
        # When the oldest message of each buffer expires. All messages live equally long, so the
        # order of insertion is that of expiry: a sweep looks at the front and stops.
        self._expiries: dict[str, float] = {}
        # Senders may be on any thread; what is attached is looked up without the lock.
        self._lock = threading.RLock()
        self._timer = SweepTimer(self._sweep, self._lock)
        self._init_presence(Roster())
        self._init_jobs(acknowledged_channels)
        retentions = ByName(history, Retention, "history")
        self._histories = Histories(retentions, partial(secrets.token_urlsafe, 9))
        self._has_history = bool(retentions)

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put `message` on `channel`; see `BaseChannelLayer.send`.

        Raises:
            ChannelFull: the channel holds its capacity.
            MessageNotPortable: the layer is strict, and another would refuse the message.
            MessageTooLarge: it is larger than the layer was told to carry.
            TypeError: the name or the message is not valid.
        """
        message = self._checked(message)
        self.require_valid_channel_name(channel)
        cause = None
        if (tap := taps.message_sent) is not None and not is_muted():
            cause = tap(current_connection.get(), self, channel, message)
        began = time.perf_counter() if taps.send_finished is not None else None
        try:
            if not self._deliver(channel, isolate(message), cause):
                raise ChannelFull(channel, self.get_capacity(channel))
        finally:
            if began is not None:
                tell_finished(began, self, message, cause)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message of `channel`; several receivers take turns.

        Raises:
            RuntimeError: a consumer is attached to the channel and gets its messages.
            TypeError: the name is not valid.
        """
        self.require_valid_channel_name(channel)
        if channel in self._sinks:
            raise RuntimeError(
                f"Channel {channel!r} belongs to a running consumer, which gets its messages."
                " Receive from a channel of your own: `await layer.new_channel()`."
            )
        if self._has_policies and self.retry_policy(channel) is not None:
            return await self._receive_job(channel)
        try:
            while True:
                buffer, taken = self._take(channel)
                if taken is not None:
                    break
                await buffer.wait()
        finally:
            self._forget_if_idle(channel)
        message, cause = taken
        if (tap := taps.message_delivered) is not None and not is_muted():
            tap(current_connection.get(), channel, message, cause)
        return message

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return the name of a new channel, unique across processes."""
        return f"{prefix}.inmemory!{secrets.token_hex(12)}"

    def attach(self, channel: str, sink: Sink) -> None:
        """Give the messages of `channel` to `sink`, those that wait first."""
        with self._lock:
            self._sinks[channel] = sink
            waiting = self.channels.pop(channel, None)
            self.channels[channel] = _NOTHING
            self._expiries.pop(channel, None)
        while waiting is not None and (taken := waiting.take()) is not None:
            sink(*taken)

    async def release_channel(self, channel: str) -> None:
        """Forget `channel`, what waits for it, which is lost, and its memberships."""
        with self._lock:
            self._sinks.pop(channel, None)
            self._expiries.pop(channel, None)
            waiting = self.channels.pop(channel, _NOTHING)
            while (lost := waiting.take()) is not None:
                drops.report(None, channel, lost[0], "undelivered", cause=lost[1])
            for group in self._groups_of.pop(channel, ()):
                self._leave(group, channel)
        if channel in self._tracked:
            await self.end_presence(channel)

    async def group_add(self, group: str, channel: str) -> None:
        """Make `channel` a member of `group`; a member that joins again counts as new."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            members = self.groups.setdefault(group, {})
            is_new = members.pop(channel, None) is None
            members[channel] = time.monotonic()
            self._groups_of.setdefault(channel, set()).add(group)
        if is_new and (tap := taps.group_joined) is not None and not is_muted():
            tap(self, group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove `channel` from `group`; one that is no member is no error."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            self._leave(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send `message` to every member of `group`; a member that is full misses it.

        Raises:
            MessageNotPortable: the layer is strict, and another would refuse the message.
            MessageTooLarge: it is larger than the layer was told to carry.
            TypeError: the name or the message is not valid.
        """
        message = self._checked(message)
        self.require_valid_group_name(group)
        if self._has_history and self._histories.has(group):
            with self._lock:  # what is kept first is delivered first
                self._broadcast(group, self._histories.keep(group, message, time.monotonic()))
        else:
            self._broadcast(group, message)

    async def replay(self, group: str, since: Position | str | None = None) -> Replay:
        """Return what was sent to `group` after `since`; see `HistoryLayer`.

        Raises:
            TypeError: the name is not valid.
            ValueError: the group has no history.
        """
        self.require_valid_group_name(group)
        with self._lock:
            return self._histories.replay(group, since, time.monotonic())

    async def flush(self) -> None:
        """Forget every message and every membership; attached consumers stay attached."""
        with self._lock:
            for channel, buffer in list(self.channels.items()):
                buffer.clear()
                self._forget_if_idle(channel)
            self.groups.clear()
            self._groups_of.clear()
            self._expiries.clear()
            self._shelves.clear()
            self._histories.clear()
        self._tracked.clear()
        await self._roster.clear()

    async def group_channels(self, group: str) -> list[str]:
        """Return the members of `group`, in the order of joining."""
        self.require_valid_group_name(group)
        return self._live_members(group)

    async def group_count(self, group: str) -> int:
        """Return how many members `group` has."""
        return len(await self.group_channels(group))

    async def channel_depths(self) -> dict[str, int]:
        """Return {channel: messages that wait on it}, for the channels on which some do."""
        with self._lock:
            self._drop_expired(time.monotonic())
            depths = {channel: len(buffer) for channel, buffer in self.channels.items() if buffer}
        return depths | self._job_depths()

    async def close(self) -> None:
        """Let go of everything; the layer can be used again."""
        await self.flush()
        self._timer.stop()
        for channel in self._sinks:
            self.channels.pop(channel, None)
        self._sinks.clear()

    def _broadcast(self, group: str, message: Message) -> None:
        members = self._live_members(group)
        cause = None
        if (tap := taps.group_sent) is not None and not is_muted():
            cause = tap(current_connection.get(), self, group, message, len(members))
        began = time.perf_counter() if taps.send_finished is not None else None
        copy, sinks = copier(message), self._sinks
        for channel in members:
            sink = sinks.get(channel)
            if sink is not None:
                sink(copy(), cause)
            else:
                self._keep(channel, copy(), cause)
        if began is not None:
            tell_finished(began, self, message, cause)

    def _checked(self, message: object) -> Message:
        checked = _require_message(message)
        if self.strict:
            checked = portable(checked, allow_extended_types=self.allow_extended_types)
        if self.max_message_bytes is not None:
            require_size(checked, self.max_message_bytes)
        return checked

    def _deliver(self, channel: str, message: Message, cause: Cause | None) -> bool:
        sink = self._sinks.get(channel)
        return self._keep(channel, message, cause) if sink is None else sink(message, cause)

    def _keep(self, channel: str, message: Message, cause: Cause | None) -> bool:
        if self._has_policies and self.retry_policy(channel) is not None:
            return self._add_job(channel, message, cause)
        now = time.monotonic()
        with self._lock:
            if len(self._expiries) > SWEEP_AT:
                self._drop_expired(now)
            buffer = self.channels.setdefault(channel, ChannelBuffer())
            self._drop_expired_of(channel, buffer, now)
            has_room = len(buffer) < self.get_capacity(channel)
            if has_room:
                if not buffer:
                    self._expiries.pop(channel, None)  # of one that was taken from the buffer
                    self._expiries[channel] = now + self.expiry
                if not self._timer.is_set:
                    self._timer.start(self.expiry * (1 + SWEEP_LATE))
                buffer.put(now + self.expiry, message, cause)
        if not has_room:
            drops.report(None, channel, message, "capacity", cause=cause)
        return has_room

    def _take(self, channel: str) -> tuple[ChannelBuffer, tuple[Message, Cause | None] | None]:
        with self._lock:
            self._drop_expired(time.monotonic())
            buffer = self.channels.setdefault(channel, ChannelBuffer())
            taken = buffer.take()
            if not buffer:
                self._expiries.pop(channel, None)
            return buffer, taken

    def _forget_if_idle(self, channel: str) -> None:
        with self._lock:
            buffer = self.channels.get(channel)
            if buffer is not None and buffer.is_idle and channel not in self._sinks:
                del self.channels[channel]

    def _live_members(self, group: str) -> list[str]:
        # Members stand in the order of joining: the first that is young ends the search.
        oldest_allowed = time.monotonic() - self.group_expiry
        with self._lock:
            members = self.groups.get(group, {})
            old = [*takewhile(lambda member: members[member] <= oldest_allowed, members)]
            for channel in old:
                if channel not in self._sinks:
                    self._leave(group, channel)
            return list(members)

    def _leave(self, group: str, channel: str) -> None:
        joined = self._groups_of.get(channel)
        if joined is not None:
            joined.discard(group)
            if not joined:
                del self._groups_of[channel]
        members = self.groups.get(group)
        if members is None or members.pop(channel, None) is None:
            return
        if not members:
            del self.groups[group]
        if (tap := taps.group_left) is not None and not is_muted():
            tap(self, group, channel)

    def _sweep(self) -> float | None:
        """Drop what has expired; returns in how many seconds the next message will."""
        now = time.monotonic()
        self._drop_expired(now)
        if not self._expiries:
            return None
        return next(iter(self._expiries.values())) - now + self.expiry * SWEEP_LATE

    def _drop_expired(self, now: float) -> None:
        while self._expiries:
            channel, expires_at = next(iter(self._expiries.items()))
            if expires_at > now:
                return
            del self._expiries[channel]
            buffer = self.channels[channel]
            self._drop_expired_of(channel, buffer, now)
            if buffer:
                self._expiries[channel] = buffer.oldest_expires_at
            self._forget_if_idle(channel)

    def _drop_expired_of(self, channel: str, buffer: ChannelBuffer, now: float) -> None:
        for message, cause in buffer.drop_expired(now):
            drops.report(None, channel, message, "expired", cause=cause)


def _require_message(message: object) -> Message:
    if not isinstance(message, dict):
        raise NotALayerMessage(message, "it is a dict")
    if "__asgi_channel__" in message:
        raise NotALayerMessage(message, "the key '__asgi_channel__' is reserved")
    return message
