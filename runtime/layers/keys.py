"""The names of what the Redis layers keep on a server, and of the channels that belong to a node.

Owns the form of keys and of channel names. Pure. A key that a script touches together with
another has the same part in braces, so that a Cluster keeps both in one place.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final, NamedTuple

NODE_ID_LENGTH = 12
RANDOM_BYTES = 8

NUMBERS_TOGETHER: Final = 1_024
"""Numbers of one sender that are noted under one key, a bit for each."""


class Mark(NamedTuple):
    """Where a server notes that it has taken what a sender has given a number.

    A bit for each number, and not the last number alone: one that was refused for a moment comes
    again behind others. All the bits under a key go when none of them has been set for a while.

    Attributes:
        key: of the bits.
        bit: which of them.
    """

    key: str
    bit: int


class JobKeys(NamedTuple):
    """The keys of one acknowledged channel, in the order in which its scripts take them.

    Attributes:
        stream: all its jobs, the dead among them.
        again: those that wait after they have been taken before.
        delayed: those that failed, by when they wait again.
        dead: the dead letters, by when they died.
        errors: what each of them died of.
        tries: of each job that was taken before: how many attempts have failed, and how often it
            was taken.
        bell: whether there may be something to take.
    """

    stream: str
    again: str
    delayed: str
    dead: str
    errors: str
    tries: str
    bell: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one layer.

    Attributes:
        prefix: what all of them begin with.
    """

    prefix: str

    @property
    def node_prefix(self) -> str:
        """What the keys of node streams begin with."""
        return f"{self.prefix}:node:"

    def node(self, node_id: str) -> str:
        """Return the key of a node's stream; it lives as long as the node's lease."""
        return f"{self.prefix}:node:{node_id}"

    @property
    def everybody(self) -> str:
        """The channel of pub/sub that every node listens to."""
        return f"{self.prefix}:everybody"

    def group(self, group: str) -> str:
        """Return the key of the set of the nodes in a group."""
        return f"{self.prefix}:group:{group}"

    def history(self, group: str) -> tuple[str, str]:
        """Return the keys of a group's log and of what is known about it; they are where it is."""
        history = f"{self.prefix}:history:{{{self.group(group)}}}"
        return f"{history}:log", f"{history}:about"

    def kept(self, group: str, sender: str, number: int) -> Mark:
        """Return where it is noted that a group's log has a message."""
        return _mark(f"{self.prefix}:history:{{{self.group(group)}}}", sender, number)

    @property
    def present(self) -> str:
        """The key of the set of the nodes that have put somebody on a roster."""
        return f"{self.prefix}:present"

    def present_of(self, node_id: str) -> str:
        """Return the key of the set of what a node has put on rosters: groups and channels."""
        return f"{self.prefix}:present:{node_id}"

    def roster(self, group: str) -> tuple[str, str]:
        """Return the keys of a group's roster, and of the counts beside it."""
        roster = f"{self.prefix}:roster:{{{group}}}"
        return roster, f"{roster}:counts"

    def channel(self, channel: str) -> str:
        """Return the key of a named channel's stream."""
        return f"{self.prefix}:channel:{{{channel}}}"

    def sent(self, channel: str, sender: str, number: int) -> Mark:
        """Return where it is noted that a named channel, or its jobs, have had a message."""
        return _mark(self.channel(channel), sender, number)

    def swept(self, channel: str, node_id: str) -> str:
        """Return the key of what a node was told last of messages that expired on a channel."""
        return f"{self.prefix}:channel:{{{channel}}}:swept:{node_id}"

    @property
    def unread(self) -> str:
        """The key of the named channels on which something may expire, by when to look."""
        return f"{self.prefix}:unread"

    def jobs(self, channel: str) -> JobKeys:
        """Return the keys of an acknowledged channel."""
        stream = f"{self.prefix}:jobs:{{{channel}}}"
        return JobKeys(stream, *(f"{stream}:{part}" for part in JobKeys._fields[1:]))

    def took(self, channel: str, node_id: str) -> str:
        """Return the key of the job that a node has taken last from an acknowledged channel."""
        return f"{self.prefix}:jobs:{{{channel}}}:took:{node_id}"

    def ended(self, channel: str, node_id: str) -> str:
        """Return the key of the calls by which a node has ended jobs of a channel last."""
        return f"{self.prefix}:jobs:{{{channel}}}:ended:{node_id}"

    def told(self, channel: str, ticket: str) -> str:
        """Return the key of what one call about the dead letters of a channel was told."""
        return f"{self.prefix}:jobs:{{{channel}}}:told:{ticket}"


def _mark(place: str, sender: str, number: int) -> Mark:
    block, bit = divmod(number, NUMBERS_TOGETHER)
    return Mark(f"{place}:sent:{sender}:{block}", bit)


def new_node_id() -> str:
    """Return an id that no other node has."""
    return secrets.token_hex(NODE_ID_LENGTH // 2)


def new_channel_name(prefix: str, node_id: str) -> str:
    """Return the name of a new channel of a node."""
    return f"{prefix}.{node_id}!{secrets.token_hex(RANDOM_BYTES)}"


def node_of(channel: str) -> str | None:
    """Return the id of the node that a channel belongs to.

    None for a named one, and for a process-local one that no node has named: what is sent to it
    expires on the server, for nobody receives it.
    """
    mark = channel.find("!")
    if mark > NODE_ID_LENGTH and channel[mark - NODE_ID_LENGTH - 1] == ".":
        return channel[mark - NODE_ID_LENGTH : mark]
    return None
