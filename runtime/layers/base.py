"""What every channel layer is: names, capacities, and the contract in types.

Owns the rules for names and the capacity of a channel. Knows no transport.
Subclassed by the layers beside this module, and by third-party layers that were
written on `BaseChannelLayer`.

Source: API of channel layers, "Channel layer contract"
"""

from __future__ import annotations

import fnmatch
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from runtime.exceptions import ChannelFull
from runtime.taps import Cause
from runtime.typing import Message

__all__ = ["BaseChannelLayer", "ChannelFull", "Introspection", "PushLayer", "Sink", "can_push"]

Sink = Callable[[Message, Cause | None], bool]
"""Takes one message for a channel, at once; False when there is no room for it."""


class PushLayer(Protocol):
    """A layer that hands messages straight to their receiver, with a plain call.

    Consumers attach their mailbox to such a layer; others they read in a task.
    """

    def attach(self, channel: str, sink: Sink) -> None:
        """Give every message for `channel` to `sink` from now on, those that wait first."""

    async def release_channel(self, channel: str) -> None:
        """Forget `channel`: its sink, what waits for it, and its memberships in groups."""


class Introspection(Protocol):
    """The extension `introspection`: what is in a layer, across all processes that share it.

    For people and their tools, not for each message: an answer costs what it holds.
    """

    async def groups(self) -> list[str]:
        """Return the groups that have members."""

    async def group_channels(self, group: str) -> list[str]:
        """Return the channels that are members of `group`."""

    async def group_count(self, group: str) -> int:
        """Return how many channels are members of `group`."""

    async def channel_depths(self) -> dict[str, int]:
        """Return {channel: messages that wait on it}, for the channels on which some do.

        What a consumer's own mailbox holds has left the layer, and is not counted.
        """


def can_push(layer: object) -> bool:
    """Return whether `layer` is a `PushLayer`."""
    layer_class = type(layer)
    return hasattr(layer_class, "attach") and hasattr(layer_class, "release_channel")


class BaseChannelLayer:
    """The base of channel layers.

    Args:
        expiry: seconds after which a message that nobody took is dropped.
        capacity: messages that a channel holds before it is full.
        channel_capacity: capacities for some channels: {glob or compiled pattern: messages}.

    Attributes:
        channel_name_regex: what a channel's name looks like.
        group_name_regex: what a group's name looks like.
        invalid_name_error: the sentence about a name that does not, with a place for its kind.
    """

    MAX_NAME_LENGTH = 100
    """How many characters a name has fewer than."""

    channel_name_regex = re.compile(r"[a-zA-Z\d\-_.]+(![\d\w\-_.]*)?\Z", re.ASCII)
    group_name_regex = re.compile(r"[a-zA-Z\d\-_.]+\Z", re.ASCII)
    invalid_name_error = (
        "{} name must be a str of fewer than 100 characters, of ASCII letters, digits, hyphens,"
        " underscores and periods only"
    )

    def __init__(
        self,
        expiry: float = 60,
        capacity: int = 100,
        channel_capacity: Mapping[str | re.Pattern[str], int] | None = None,
    ) -> None:
        self.expiry = expiry
        self.capacity = capacity
        self.channel_capacity = self.compile_capacities(channel_capacity or {})

    def compile_capacities(
        self, channel_capacity: Mapping[str | re.Pattern[str], int]
    ) -> list[tuple[re.Pattern[str], int]]:
        """Return `channel_capacity` as pairs of a compiled pattern and a capacity, in order."""
        return [
            (
                re.compile(fnmatch.translate(name)) if isinstance(name, str) else name,
                capacity,
            )
            for name, capacity in channel_capacity.items()
        ]

    def get_capacity(self, channel: str) -> int:
        """Return how many messages `channel` holds: the first pattern that matches decides."""
        for pattern, capacity in self.channel_capacity:
            if pattern.match(channel):
                return capacity
        return self.capacity

    def match_type_and_length(self, name: object) -> bool:
        """Return whether `name` is a str that is short enough for a name."""
        return isinstance(name, str) and len(name) < self.MAX_NAME_LENGTH

    def require_valid_channel_name(self, name: str, receive: bool = False) -> bool:
        """Return True for a valid channel name.

        Args:
            receive: also require that a process-local name ends at its `!`.

        Raises:
            TypeError: the name is not valid; the message says why.
        """
        if not (self.match_type_and_length(name) and self.channel_name_regex.match(name)):
            raise TypeError(self._name_error("Channel", name))
        if receive and "!" in name and not name.endswith("!"):
            raise TypeError(
                f"receive() takes a process-local channel by the part up to its '!', not {name!r}"
            )
        return True

    def require_valid_group_name(self, name: str) -> bool:
        """Return True for a valid group name.

        Raises:
            TypeError: the name is not valid; the message says why.
        """
        if not (self.match_type_and_length(name) and self.group_name_regex.match(name)):
            raise TypeError(self._name_error("Group", name))
        return True

    def valid_channel_names(self, names: Iterable[str], receive: bool = False) -> bool:
        """Return True if each of `names` is a valid channel name.

        Raises:
            TypeError: one is not.
        """
        return all(self.require_valid_channel_name(name, receive) for name in names)

    def valid_channel_name(self, channel_name: str, receive: bool = False) -> bool:
        """Deprecated: `require_valid_channel_name`."""
        _warn_deprecated("valid_channel_name", "require_valid_channel_name")
        return self.require_valid_channel_name(channel_name, receive)

    def valid_group_name(self, group_name: str) -> bool:
        """Deprecated: `require_valid_group_name`."""
        _warn_deprecated("valid_group_name", "require_valid_group_name")
        return self.require_valid_group_name(group_name)

    def non_local_name(self, name: str) -> str:
        """Return the part of a channel name that says which process it belongs to, `!` included."""
        return name[: name.index("!") + 1] if "!" in name else name

    def _name_error(self, kind: str, name: object) -> str:
        return f"{self.invalid_name_error.format(kind)}, not {name!r}"

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Put `message` on `channel`, at most once delivered.

        Raises:
            ChannelFull: the channel holds its capacity.
            TypeError: the name or the message is not valid.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement send()")

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message of `channel`, waiting for it."""
        raise NotImplementedError(f"{type(self).__name__} must implement receive()")

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return the name of a new channel that only this process receives from."""
        raise NotImplementedError(f"{type(self).__name__} must implement new_channel()")

    async def flush(self) -> None:
        """Forget every message and every membership: the extension `flush`."""
        raise NotImplementedError(f"{type(self).__name__} must implement flush()")

    async def group_add(self, group: str, channel: str) -> None:
        """Make `channel` a member of `group`: the extension `groups`, as the next two."""
        raise NotImplementedError(f"{type(self).__name__} must implement group_add()")

    async def group_discard(self, group: str, channel: str) -> None:
        """Remove `channel` from `group`; one that is no member is no error."""
        raise NotImplementedError(f"{type(self).__name__} must implement group_discard()")

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send `message` to every member of `group`; a member that is full misses it."""
        raise NotImplementedError(f"{type(self).__name__} must implement group_send()")


def _warn_deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated; use {new}.", DeprecationWarning, stacklevel=3)
