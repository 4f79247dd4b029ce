"""What the layers on Redis share: options, checks, taps, and the way to the right node.

Owns nothing that lives on a loop: those are the nodes. May be used from any thread and any
loop. Subclassed by `runtime.layers.redis` and `runtime.layers.pubsub`.
"""

from __future__ import annotations

import difflib
import inspect
import logging
import re
import time
import weakref
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.exceptions import LayerUnavailable, NotALayerMessage, UnknownLayerOption
from runtime.layers.acknowledged import RetryPolicy
from runtime.layers.addresses import parse_hosts
from runtime.layers.base import Sink
from runtime.layers.codec import Codec, Format
from runtime.layers.entries import Author
from runtime.layers.history import Position, Replay, Retention
from runtime.layers.keys import Keys
from runtime.layers.networked_jobs import JobsOnServers
from runtime.layers.networked_presence import PresenceOnServers
from runtime.layers.node import Node, NodeOptions
from runtime.layers.patterns import ByName
from runtime.layers.pool import NodePool
from runtime.layers.portable import require_size
from runtime.layers.serializers import registry
from runtime.layers.served import ServedNode
from runtime.layers.timing import tell_finished
from runtime.taps import current_connection, is_muted, taps
from runtime.typing import Message

logger = logging.getLogger("runtime.layers.networked")


class NetworkedChannelLayer(PresenceOnServers, JobsOnServers):
    """A channel layer whose nodes speak through servers.

    Args:
        hosts: where the servers are; see `runtime.layers.addresses.parse_hosts`.
        prefix: what all keys begin with; layers with different ones do not meet.
        expiry: seconds after which a message that nobody took is dropped.
        group_expiry: seconds after which a member that is not attached leaves its group.
        capacity: messages that a channel holds before it is full.
        channel_capacity: capacities for some channels: {glob or compiled pattern: messages}.
        symmetric_encryption_keys: keys of any text; the first encrypts, all decrypt.
        random_prefix_length: accepted, and not needed: no two envelopes are mistaken here.
        serializer_format: the name of a registered format.
        cluster: whether `hosts` are servers of a Redis Cluster.
        lease: seconds after which a process that is not heard of is gone.
        timeout: seconds that a call waits for a server that is away.
        stream_length: messages that wait for a process that is away.
        allow_extended_types: let dates, times, UUID and Decimal through.
        max_message_bytes: the size of a message that is refused; None for any size.
        acknowledged_channels: names or globs of channels whose jobs are done when they are
            acknowledged; or {name or glob: the arguments of a `RetryPolicy`}.
        history: names or globs of groups that keep their messages; or {name or glob: the
            arguments of a `Retention`}.

    Attributes:
        extensions: the extensions that it has.
        fires_taps: that it tells observers itself.

    Raises:
        InvalidChannelLayerError: an option's value makes no sense.
        UnknownLayerOption: there is no such option.
    """

    extensions = ("groups", "flush", "introspection", "presence", "acknowledgement", "history")
    fires_taps = True

    _node_class: type[ServedNode]

    def __init__(
        self,
        hosts: object = None,
        prefix: str = "asgi",
        expiry: float = 60,
        group_expiry: float = 86_400,
        capacity: int = 100,
        channel_capacity: Mapping[str | re.Pattern[str], int] | None = None,
        symmetric_encryption_keys: Sequence[str | bytes] | None = None,
        random_prefix_length: int = 12,
        serializer_format: str = "msgpack",
        *,
        cluster: bool = False,
        lease: float = 30,
        timeout: float = 10,
        stream_length: int = 10_000,
        allow_extended_types: bool = False,
        max_message_bytes: int | None = None,
        acknowledged_channels: Sequence[str]
        | Mapping[str, RetryPolicy | Mapping[str, Any]]
        | None = None,
        history: Sequence[str] | Mapping[str, Retention | Mapping[str, Any]] | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(type(self), unknown)
        super().__init__(expiry, capacity, channel_capacity)
        self.prefix = prefix
        self.group_expiry = group_expiry
        self.max_message_bytes = max_message_bytes
        self._codec = Codec(
            symmetric_encryption_keys,
            _format(serializer_format),
            allow_extended_types=allow_extended_types,
        )
        self._init_jobs(acknowledged_channels)
        reference = weakref.ref(self)
        self._node_options = NodeOptions(
            hosts=parse_hosts(hosts, cluster=cluster),
            keys=Keys(prefix),
            codec=self._codec,
            expiry_s=expiry,
            group_expiry_s=group_expiry,
            timeout_s=timeout,
            lease_s=lease,
            stream_length=stream_length,
            capacity_of=lambda channel: _capacity(reference, channel),
            policy_of=self._policies.of,
            retention_of=ByName(history, Retention, "history").of,
            layer=reference,
            on_beat=lambda: _tell(reference, NetworkedChannelLayer._beat),
            on_forget=lambda: _tell(reference, NetworkedChannelLayer._forget),
            on_loss=lambda: _tell(reference, NetworkedChannelLayer._restore),
            on_change=self._make_on_change(),
        )
        # Nodes outlive a loop's tasks; they must not keep a layer alive that nobody has any more.
        self._nodes: NodePool[Any] = NodePool(lambda heir_of: _make_node(reference, heir_of))
        self._init_presence_on(self._nodes)
        weakref.finalize(self, self._nodes.abandon).atexit = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} prefix={self.prefix!r} hosts={self._node_options.hosts}>"

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put `message` on `channel`; returns when the server has it.

        Raises:
            ChannelFull: a named channel, or one of this loop, holds its capacity.
            LayerUnavailable: the server was away for longer than `timeout`.
            MessageNotPortable: the message holds a value that is not carried.
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
            payload = self._codec.encode(message, cause)
            node = self._nodes.here()
            if node is not None:
                await node.send(channel, message, payload)
            else:
                await self._nodes.run(self._node_class.send, channel, message, payload)
        finally:
            if began is not None:
                tell_finished(began, self, message, cause)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message of `channel`; several receivers take turns.

        Raises:
            RuntimeError: the channel is another process's, or a consumer's.
            TypeError: the name is not valid.
        """
        self.require_valid_channel_name(channel)
        if self._has_policies and "!" not in channel and self.retry_policy(channel) is not None:
            return await self._receive_job(channel)
        node = self._nodes.here()
        if node is None or ("!" in channel and node.id not in channel):
            return await self._nodes.run_at_owner(channel, _receive, channel)
        if channel in node.local.sinks:
            raise _attached(channel)
        return await node.receive(channel)  # type: ignore[no-any-return]  # of any class of node

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return the name of a new channel, unique across processes."""
        name: str = await self._nodes.run(self._node_class.new_channel, prefix)
        return name

    def attach(self, channel: str, sink: Sink) -> None:
        """Give the messages of `channel` to `sink`, those that wait first."""
        node = self._nodes.owner(channel) or self._nodes.here()
        assert node is not None, "attach() takes a channel that new_channel() has named"
        node.attach(channel, sink)

    async def release_channel(self, channel: str) -> None:
        """Forget `channel`, what waits for it, and its memberships."""
        await self._nodes.run_at_owner(channel, _release, channel)
        if channel in self._tracked:
            try:
                await self.end_presence(channel)
            except LayerUnavailable as error:
                # The consumer has ended; an outage must not make an error of that.
                logger.warning("The group was not told who left: %s", error)

    async def group_add(self, group: str, channel: str) -> None:
        """Make `channel` a member of `group`; a member that joins again counts as new.

        Raises:
            LayerUnavailable: the server was away for longer than `timeout`.
            TypeError: a name is not valid.
        """
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        await self._nodes.run_at_owner(channel, self._node_class.group_add, group, channel)

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove `channel` from `group`; one that is no member is no error."""
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        await self._nodes.run_at_owner(channel, self._node_class.group_discard, group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send `message` to every member of `group`; returns when the server has it.

        Raises:
            LayerUnavailable: the server was away for longer than `timeout`.
            MessageNotPortable: the message holds a value that is not carried.
            MessageTooLarge: it is larger than the layer was told to carry.
            TypeError: the name or the message is not valid.
        """
        await self._group_send(group, message, None)

    async def _group_send(self, group: str, message: dict[str, Any], author: Author | None) -> None:
        message = self._checked(message)
        self.require_valid_group_name(group)
        cause = None
        if (tap := taps.group_sent) is not None and not is_muted():
            # Those in this process; nobody counts the others before it is sent.
            receivers = sum(len(node.membership.members(group)) for node in self._nodes)
            cause = tap(current_connection.get(), self, group, message, receivers)
        began = time.perf_counter() if taps.send_finished is not None else None
        try:
            payload = self._codec.encode(message, cause)
            node = self._nodes.here()
            if node is not None:
                await node.group_send(group, message, payload, author)
            else:
                await self._nodes.run(self._node_class.group_send, group, message, payload, author)
        finally:
            if began is not None:
                tell_finished(began, self, message, cause)

    async def replay(self, group: str, since: Position | str | None = None) -> Replay:
        """Return what was sent to `group` after `since`; see `HistoryLayer`.

        Raises:
            LayerUnavailable: the server was away for longer than `timeout`.
            TypeError: the name is not valid.
            ValueError: the group has no history.
        """
        self.require_valid_group_name(group)
        return await self._nodes.run(_replay, group, since)

    async def groups(self) -> list[str]:
        """Return the groups that have members, in all processes."""
        groups: list[str] = await self._nodes.run(self._node_class.groups)
        return groups

    async def group_channels(self, group: str) -> list[str]:
        """Return the channels that are members of `group`, in all processes."""
        self.require_valid_group_name(group)
        channels: list[str] = await self._nodes.run(self._node_class.group_channels, group)
        return channels

    async def group_count(self, group: str) -> int:
        """Return how many channels are members of `group`, in all processes."""
        return len(await self.group_channels(group))

    async def channel_depths(self) -> dict[str, int]:
        """Return {channel: messages that wait on it}, in all processes and on the server."""
        depths: dict[str, int] = await self._nodes.run(self._node_class.channel_depths)
        return depths

    async def flush(self) -> None:
        """Forget every message and every membership, in all processes."""
        await self._nodes.run(self._node_class.flush)

    async def close(self) -> None:
        """Let go of the servers; the layer can be used again."""
        await self._nodes.close()

    async def close_pools(self) -> None:
        """Let go of the servers, and keep the channels of this process and their groups.

        By the name that channels_redis has for it; the layer goes on at the next call.
        """
        await self._nodes.rest()

    async def _group_send_as(self, author: Author, group: str, message: Message) -> None:
        """See `PresenceLayer`: members leave out what they have from the same author."""
        await self._group_send(group, message, author)

    @abstractmethod
    def _make_node(self, heir_of: Any) -> Node:
        """Return a node on the running loop."""

    def _make_on_change(self) -> Any:
        """Return who is told that a server has gone or is back."""
        return None

    def _checked(self, message: object) -> Message:
        if not isinstance(message, dict):
            raise NotALayerMessage(message, "it is a dict")
        if "__asgi_channel__" in message:
            raise NotALayerMessage(message, "the key '__asgi_channel__' is reserved")
        if self.max_message_bytes is not None:
            require_size(message, self.max_message_bytes)
        return message


def refuse_unknown(layer_class: type, unknown: Mapping[str, object]) -> None:
    """Refuse options that a layer does not have.

    Raises:
        UnknownLayerOption: there is one.
    """
    for option in unknown:
        # A layer hands what it does not know to the class that it is derived from.
        made = [vars(base)["__init__"] for base in layer_class.__mro__ if "__init__" in vars(base)]
        known = {name for init in made for name in inspect.signature(init).parameters}
        nearest = difflib.get_close_matches(option, known, n=1)
        raise UnknownLayerOption(option, layer_class.__name__, *nearest)


class _Serialized:
    """A format of a project's own that only has `serialize` and `deserialize`."""

    def __init__(self, serializer: Any) -> None:
        self.as_bytes = serializer.serialize
        self.from_bytes = serializer.deserialize


def _format(name: str) -> Format | None:
    if name == "msgpack":
        return None  # the codec's own
    serializer = registry.get_serializer(name)
    if hasattr(serializer, "as_bytes") and hasattr(serializer, "from_bytes"):
        return serializer  # type: ignore[no-any-return]
    return _Serialized(serializer)


def _tell(
    reference: weakref.ref[NetworkedChannelLayer], what: Callable[[NetworkedChannelLayer], None]
) -> None:
    if (layer := reference()) is not None:
        what(layer)


def _make_node(reference: weakref.ref[NetworkedChannelLayer], heir_of: Any) -> Node:
    layer = reference()
    assert layer is not None  # who asks for a node has the layer
    return layer._make_node(heir_of)


def _capacity(reference: weakref.ref[NetworkedChannelLayer], channel: str) -> int:
    layer = reference()
    return layer.get_capacity(channel) if layer is not None else 0


def _attached(channel: str) -> RuntimeError:
    return RuntimeError(
        f"Channel {channel!r} belongs to a running consumer, which gets its messages."
        " Receive from a channel of your own: `await layer.new_channel()`."
    )


async def _receive(node: Node, channel: str) -> Message:
    if channel in node.local.sinks:
        raise _attached(channel)
    return await node.receive(channel)


async def _release(node: Node, channel: str) -> None:
    node.release(channel)


async def _replay(node: ServedNode, group: str, since: Position | str | None) -> Replay:
    return await node.kept.replay(group, since)
