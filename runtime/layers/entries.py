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
"""Senders whose numbers are kept; the one that was silent longest is forgotten first."""

NUMBERS_KEPT: Final = 1_024
"""How far below its sender's highest number an entry is still known to have come or not."""

_ALL_KEPT: Final = (1 << NUMBERS_KEPT) - 1


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


class Author(NamedTuple):
    """Under whose name and number an entry is written that may have been written before.

    By default an entry is its node's next one. What somebody sends again by himself, because he
    was told that no server could be reached, has to be known by what it was the first time.
    """

    sender: str
    number: int


def write_head(sender: str, number: int, kind: str, is_muted: bool, target: str) -> str:
    """Return the head of an entry as text."""
    return f"{sender} {number} {kind}{'-' if is_muted else '+'}{target}"


def read_head(head: bytes) -> Head:
    """Return what `write_head()` wrote."""
    sender, number, rest = head.split(b" ", 2)
    text = rest.decode()
    return Head(sender, int(number), text[0], text[1] == "-", text[2:])


class Seen:
    """The numbers of the last entries from each sender.

    They come in their order, but for one whose way was longer: it waited for a server that refused
    it for a moment, or for the place that it takes in a history. Such a one is no repetition.
    """

    __slots__ = ("_senders",)

    def __init__(self) -> None:
        self._senders: dict[bytes, tuple[int, int]] = {}
        """The highest number, and which of those below it were there: a bit for each."""

    def is_new(self, head: Head) -> bool:
        """Return whether this entry has not been read before, and take note of it."""
        highest, were_there = self._senders.pop(head.sender, (0, 0))
        ahead = head.number - highest
        if ahead > 0:
            is_new = True
            # One bit to the left for each number between: more than are kept would be slow.
            were_there = (were_there << min(ahead, NUMBERS_KEPT) | 1) & _ALL_KEPT
        else:
            bit = 1 << -ahead if -ahead < NUMBERS_KEPT else 0
            is_new = bool(bit & ~were_there)
            were_there |= bit
        self._senders[head.sender] = (max(highest, head.number), were_there)
        if len(self._senders) > MOST_SENDERS:
            del self._senders[next(iter(self._senders))]
        return is_new

    def is_forgotten(self, head: Head) -> bool:
        """Return whether nobody can tell any more if this entry was read before."""
        highest, _ = self._senders.get(head.sender, (0, 0))
        return highest - head.number >= NUMBERS_KEPT
