"""What travels between the nodes of the Redis layers: who wrote it, and whom it is for.

Owns the head of an entry and the refusal of one that has been read before. Pure. In a
stream, an entry is one field: its name is the head, its value the payload; on a channel of
pub/sub the two stand in one text. A sender numbers all that it sends, so that what is sent
again after a lost answer is known.
"""

from __future__ import annotations

from typing import Final, NamedTuple

TO_GROUP: Final = "g"
TO_KEPT: Final = "h"
TO_CHANNEL: Final = "c"
JOIN: Final = "j"
LEAVE: Final = "l"
FLUSH: Final = "f"
QUESTION: Final = "q"
ANSWER: Final = "a"

MOST_SENDERS: Final = 10_000
"""Senders whose last number is kept; the one that was silent longest is forgotten first."""


class Head(NamedTuple):
    """The head of an entry.

    Attributes:
        sender: the node that wrote it.
        number: how many entries it had written by then.
        kind: one of the letters above.
        is_muted: whether the sender asked that nobody observes it.
        target: the channel, the group, a group and a channel, what is asked, or a group with
            history and, once it is kept, the message's position.
    """

    sender: bytes
    number: int
    kind: str
    is_muted: bool
    target: str


def write_head(sender: str, number: int, kind: str, is_muted: bool, target: str) -> str:
    """Return the head of an entry as text."""
    return f"{sender} {number} {kind}{'-' if is_muted else '+'}{target}"


def read_head(head: bytes) -> Head:
    """Return what `write_head()` wrote."""
    sender, number, rest = head.split(b" ", 2)
    text = rest.decode()
    return Head(sender, int(number), text[0], text[1] == "-", text[2:])


class Seen:
    """The number of the last entry from each sender."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}

    def is_new(self, head: Head) -> bool:
        """Return whether this entry has not been read before, and take note of it."""
        last = self._last.pop(head.sender, 0)
        self._last[head.sender] = max(last, head.number)
        if len(self._last) > MOST_SENDERS:
            del self._last[next(iter(self._last))]
        return head.number > last
