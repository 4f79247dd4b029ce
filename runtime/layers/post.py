"""A node's stream on one server: held by its lease, read without end.

Owns the position up to which the stream has been read, the lease, and what follows when
the server has lost the stream. The entries themselves are the node's business. Made by
the stream node, one for each server on which it can be written to.

There is no task: each answer asks the next question. It waits on a connection of its own, where
the server answers when something has come. What this process appends to its own stream it need
not wait for: there the question goes with it, behind it and over the same connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from runtime.exceptions import LayerUnavailable, ServerRefusal
from runtime.layers.connection import Argument, Link
from runtime.layers.entries import Seen
from runtime.layers.scripts import HOLD
from runtime.layers.shards import Shards
from runtime.throttle import ThrottledWarnings

logger = logging.getLogger("runtime.layers.post")
warnings = ThrottledWarnings(logger)

MOST_ENTRIES: Final = 100
"""Entries that one read takes; no more than a channel holds by default, so that a reader that
keeps up loses nothing to the size of a batch."""

BEHIND_MS: Final = 100.0
"""How old the newest entry of a read is if this node may be so late that older ones are gone."""

SLICE_S: Final = 0.005
"""How long entries are handed out before other work of the loop has its turn."""

AGAIN_S: Final = 0.2
"""After which a read that failed is tried again."""

Entry: TypeAlias = tuple[bytes, list[bytes]]


class Post:
    """One node's stream on one server.

    Args:
        key: of the stream.
        servers: for commands.
        reader: to that server, for reading only.
        lease_s: after which the stream goes, unless it is held again.
        take: given each entry: when it was written, in ms of the server's clock, its head and
            its payload.
        on_loss: told that the server had lost the stream, and that it is there again.
        on_pause: told that for a moment it cannot be read.

    Attributes:
        gaps: how often entries were gone before they were read.
    """

    def __init__(
        self,
        key: str,
        servers: Shards,
        reader: Link,
        lease_s: float,
        take: Callable[[Post, int, bytes, bytes], None],
        on_loss: Callable[[Post], None],
        *,
        on_pause: Callable[[], None],
    ) -> None:
        self.key = key
        self._servers = servers
        self._offset_ms = 0.0
        self.reader = reader
        self.last_id = self._birth = b""
        self.is_wanted = False
        self.is_closed = False
        self.gaps = 0
        self.seen = Seen()
        self._lease_ms = int(lease_s * 1000)
        self._block_ms = max(1, self._lease_ms // 3)
        self._take = take
        self._on_loss = on_loss
        self._on_pause = on_pause
        self._loop = asyncio.get_running_loop()
        self._entries: deque[Entry] = deque()
        self._appending: Link | None = None  # over which this process has appended here
        self._is_free = False  # to ask, over whichever connection
        self._free_since = 0.0
        self._is_behind = True  # until an answer says otherwise
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the stream has been there once."""

    def __repr__(self) -> str:
        return f"<Post {self.key} last_id={self.last_id.decode() or None}>"

    @property
    def now_ms(self) -> float:
        """The server's time, as near as its last answer to a lease told."""
        return self._loop.time() * 1000 + self._offset_ms

    def follow(self, other: Post) -> None:
        """Go on where `other` has ended, with the same stream."""
        self.last_id, self._birth, self.seen = other.last_id, other._birth, other.seen

    def hold(self) -> None:
        """Ask the server to keep the stream for another lease."""
        self.is_wanted = True
        self._servers.tell(self.key, self._held, *self.hold_command())

    def hold_command(self) -> tuple[Argument, ...]:
        """Return the command that does so."""
        return HOLD.command([self.key], self._lease_ms, self.last_id)

    def held(self, answer: Any) -> bool:
        """Take the answer to it; returns whether the server had lost the stream."""
        birth, last_id, now_ms = answer
        self._offset_ms = now_ms - self._loop.time() * 1000
        is_known = bool(self.last_id)
        # A server that has lost entries may count from before our position.
        if not is_known or _position(last_id) < _position(self.last_id):
            self.last_id = last_id
        if not self.ready.done():
            self.ready.set_result(None)
            self._ask()
        return self._note_birth(birth, is_known=is_known)

    def expect(self, link: Link) -> None:
        """Read behind what is asked for next over `link`, which appends to this stream.

        If a question is under way, it will be answered with that entry. The one after it is held
        back until those who have been woken had their turn: they may append again.
        """
        self._appending = link
        if self._is_free and link.is_up and not self._has_stood_still():
            self._is_free = False
            link.tell_behind(self._answered_behind, *self._question())

    async def close(self) -> None:
        """Stop reading."""
        self.is_closed, self._is_free = True, False
        await self.reader.close()

    def _held(self, answer: Any) -> None:
        if isinstance(answer, LayerUnavailable):
            return  # the link has said so, and holds it when it is back
        if isinstance(answer, Exception):
            warnings.warn("hold", "A lease could not be renewed: %s", answer)
        elif self.held(answer):
            self._on_loss(self)

    def _ask(self) -> None:
        if self.is_closed:
            return
        if self._is_behind:
            oldest = partial(self._told_oldest, self.last_id)
            self.reader.tell(oldest, *("XRANGE", self.key, "-", "+", "COUNT", 1), is_kept=False)
        question = self._question("BLOCK", self._block_ms)
        self.reader.tell(self._answered, *question, is_kept=False)

    def _question(self, *waiting: Argument) -> tuple[Argument, ...]:
        position = ("STREAMS", self.key, self.last_id)
        return ("XREAD", "COUNT", MOST_ENTRIES, *waiting, *position)

    def _ask_next(self) -> None:
        link, self._appending = self._appending, None
        if link is None or self._is_behind or self.is_closed:
            self._ask()
        else:
            self._is_free, self._free_since = True, self._loop.time()
            link.call_when_heard(self._ask_if_free)

    def _ask_if_free(self) -> None:
        if self._is_free:
            self._is_free = False
            self._is_behind = self._has_stood_still()
            self._ask()

    def _has_stood_still(self) -> bool:
        """Return whether nothing has been asked for so long that older entries may be gone."""
        return (self._loop.time() - self._free_since) * 1000 > BEHIND_MS

    def _answered_behind(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            self._ask()  # over the connection for it, which may be well, or says what is wrong
        else:
            self._answered(answer)

    def _answered(self, answer: Any) -> None:
        if isinstance(answer, Exception):
            self._is_behind = True
            self._on_pause()
            if isinstance(answer, ServerRefusal) and answer.code == "MOVED":
                self.reader.reopen(answer)
            elif not isinstance(answer, LayerUnavailable):
                warnings.warn("read", "A stream could not be read: %s", answer)
            if not self.is_closed:
                self._loop.call_later(AGAIN_S if self.reader.is_up else 0, self._ask)
        elif answer is None:
            self._ask()
        else:
            self._entries.extend(answer[0][1])
            is_old = self.now_ms - _written_ms(self._entries[-1][0]) > BEHIND_MS
            self._is_behind = is_old or len(self._entries) == MOST_ENTRIES
            self._hand_out()

    def _told_oldest(self, last_id: bytes, answer: Any) -> None:
        """Notice that what stood behind the last entry has been cut off the stream."""
        if not isinstance(answer, list) or not answer:
            return
        (entry_id, fields), *_ = answer
        # The lease cuts off what has been read, but for the last: only the length takes that. An
        # entry without a head is the first of a stream that was made anew, which its reader tells.
        if fields[0] and _position(entry_id) > _position(last_id):
            self._tell_gap("more waited for it than `stream_length`")

    def _note_birth(self, birth: bytes, *, is_known: bool = True) -> bool:
        """Take note of the entry that made the stream; returns whether another was known."""
        if not birth or birth == self._birth:
            return False
        self._birth = birth
        if is_known:
            self._tell_gap("the server lost its stream, or it stood still beyond its lease")
        return is_known

    def _tell_gap(self, why: str) -> None:
        self.gaps += 1
        warnings.warn("gap", "Messages for this process are lost, before it read them: %s.", why)

    def _hand_out(self) -> None:
        entries, until = self._entries, self._loop.time() + SLICE_S
        while entries:
            entry_id, fields = entries.popleft()
            self.last_id = entry_id
            head = fields[0]
            if not head:
                if self._note_birth(entry_id):
                    self._on_loss(self)
            else:
                try:
                    self._take(self, _written_ms(entry_id), head, fields[1])
                except Exception:  # a receiver's fault must not end the reading for the others
                    logger.exception("An entry of %s could not be handed over.", self.key)
            if entries and self._loop.time() > until:
                self._loop.call_soon(self._hand_out)
                return
        self._ask_next()


def _written_ms(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _position(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number or 0)
