"""Groups with history: who comes back gets what it missed, or is told that it cannot.

Owns the positions, the log of one group, and the method that a layer has with the extension
`history`. The log is pure: its clock and its epoch are handed in. Called by the layers.

Source: docs/decisions/0013-history.md
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from runtime.layers.isolation import isolate
from runtime.layers.patterns import ByName
from runtime.typing import Message

POSITION_KEY: Final = "history_position"
"""Under which key a message of a group with history says its position, as text."""


class Position(NamedTuple):
    """A place in the history of a group.

    Attributes:
        epoch: which history; another one begins where the layer has lost what it had kept.
        offset: the number of a message, from 1; 0 is before the first.
    """

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"

    @classmethod
    def parse(cls, text: object) -> Position | None:
        """Return the position that a client has handed back; None if it is none."""
        if not isinstance(text, str):
            return None
        epoch, _, offset = text.rpartition(":")
        if not (epoch and offset.isascii() and offset.isdecimal() and len(offset) < 20):
            return None
        return cls(epoch, int(offset))


@dataclass(frozen=True, slots=True)
class Replay:
    """What a group has kept since a position.

    Attributes:
        messages: those after it, in order, each with its own position under `POSITION_KEY`.
        position: that of the last message of the group, to come back with.
        is_complete: whether nothing is missing between the position that was asked for and
            `position`. If not, the client has to fetch its state anew; `messages` are then all
            that there is.
    """

    messages: list[Message]
    position: Position
    is_complete: bool


class HistoryLayer(Protocol):
    """The extension `history`: groups that the option `history` names keep their messages.

    Each message of such a group gets its position under `POSITION_KEY`, where it is kept and where
    it is delivered. The layer keeps it before it delivers it.
    """

    async def replay(self, group: str, since: Position | str | None = None) -> Replay:
        """Return what was sent to `group` after `since`.

        Join the group first, then ask, and pass over messages whose offset is not above that
        of the replay: then nothing is missed and nothing comes twice.

        Args:
            since: the position of the last message that the client has had, as it was given
                (text from a client may be anything); None for all that is kept.

        Raises:
            ValueError: the group has no history.
        """


@dataclass(frozen=True, slots=True)
class Retention:
    """How much a group keeps.

    Attributes:
        messages: how many, at most.
        seconds: for how long, at most.
    """

    messages: int = 100
    seconds: float = 3_600.0


class HistoryLog:
    """The messages that one group has kept.

    Args:
        epoch: the name of this history, of no other one.
        now: when it begins, in seconds of a clock that the caller reads.
    """

    def __init__(self, epoch: str, retention: Retention, now: float) -> None:
        self.retention = retention
        self._used_at = now
        self.position = Position(epoch, 0)
        self._kept: deque[tuple[float, Message]] = deque(maxlen=retention.messages)

    def append(self, message: Message, now: float) -> Message:
        """Keep `message`; returns it with its position."""
        self.position = Position(self.position.epoch, self.position.offset + 1)
        kept = isolate({**message, POSITION_KEY: str(self.position)})
        self._kept.append((now, kept))
        self._used_at = now
        self._drop_old(now)
        return kept

    def since(self, position: Position | None, now: float) -> Replay:
        """Return what was kept after `position`; None for all."""
        self._drop_old(now)
        kept = [isolate(message) for _, message in self._kept]
        first = self.position.offset - len(kept)
        if position is None:
            return Replay(kept, self.position, first == 0)
        is_known = position.epoch == self.position.epoch
        if not (is_known and first <= position.offset <= self.position.offset):
            return Replay(kept, self.position, False)
        return Replay(kept[position.offset - first :], self.position, True)

    def is_old(self, now: float) -> bool:
        """Return whether all that it has kept may be forgotten, and it with that."""
        return self._used_at + self.retention.seconds <= now

    def _drop_old(self, now: float) -> None:
        while self._kept and self._kept[0][0] + self.retention.seconds <= now:
            self._kept.popleft()


class Histories:
    """The logs of the groups of one process.

    Args:
        retentions: which groups have a history, and how much they keep.
        make_epoch: returns a text that it has never returned before, in any process.
    """

    def __init__(self, retentions: ByName[Retention], make_epoch: Callable[[], str]) -> None:
        self._retentions = retentions
        self._make_epoch = make_epoch
        # In the order of their last messages, so that those which may be forgotten stand first.
        self._logs: dict[str, HistoryLog] = {}

    def has(self, group: str) -> bool:
        """Return whether `group` keeps its messages."""
        return self._retentions.of(group) is not None

    def keep(self, group: str, message: Message, now: float) -> Message:
        """Keep `message`; returns it with its position."""
        log = self._logs.pop(group, None)
        if log is None:
            log = self._new_log(group, now)
        self._logs[group] = log
        kept = log.append(message, now)
        self._forget_old(now)
        return kept

    def replay(self, group: str, since: Position | str | None, now: float) -> Replay:
        """Return what was kept after `since`; see `HistoryLayer`."""
        log = self._logs.get(group)
        if log is None:
            log = self._logs[group] = self._new_log(group, now)
        if since is None:
            return log.since(None, now)
        position = since if isinstance(since, Position) else Position.parse(since)
        return log.since(position or Position("", 0), now)

    def clear(self) -> None:
        """Forget all; what is kept from now on is another history."""
        self._logs.clear()

    def _new_log(self, group: str, now: float) -> HistoryLog:
        retention = self._retentions.of(group)
        if retention is None:
            raise no_history(group)
        return HistoryLog(self._make_epoch(), retention, now)

    def _forget_old(self, now: float) -> None:
        while self._logs:
            group, log = next(iter(self._logs.items()))
            if not log.is_old(now):
                return
            del self._logs[group]


def offset_of(message: Message) -> int | None:
    """Return the offset of a message of a group with history; None for any other message."""
    position = Position.parse(message.get(POSITION_KEY))
    return None if position is None else position.offset


def no_history(group: str) -> ValueError:
    """Return the error of who asks for what a group has not kept."""
    return ValueError(
        f"Group {group!r} has no history. Name it in the layer's option `history`, such as"
        ' {"room.*": {"messages": 100, "seconds": 3600}}.'
    )
