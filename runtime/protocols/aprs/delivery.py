"""Messages until they are acknowledged, and those that came until they are forgotten.

Owns their numbers, when one is sent again, and which is a repetition. Pure: the clock is
handed in, and the server sends.

Source: APRS Protocol Reference 1.0.1, chapter 14, "Message Acknowledgement"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from runtime.protocols.aprs.message import Message

REMEMBERED_S = 1_800.0
"""How long a message that came is known, so that its repetition is not given out again."""

NUMBERS = 100_000


@dataclass(slots=True)
class Pending:
    """A message that is not acknowledged yet.

    Attributes:
        receipt: what its sender wants to hear of it by; None for nothing.
        tries: how often it was sent.
        due_at: when it is sent again, or given up.
    """

    message: Message
    receipt: object
    tries: int = 0
    due_at: float = 0.0


@dataclass(slots=True)
class Due:
    """What is to be done now: messages to send, and those that are given up."""

    to_send: list[Message] = field(default_factory=list)
    given_up: list[Pending] = field(default_factory=list)


class Deliveries:
    """The messages of one station.

    Args:
        first_s: seconds before the first repetition; each takes twice as long as the one before.
        tries: how often a message is sent at most.
        clock: seconds of a clock that is not set back.
    """

    def __init__(self, first_s: float, tries: int, clock: Callable[[], float]) -> None:
        self._first_s = first_s
        self._tries = tries
        self._clock = clock
        self._numbers = count(1)
        self._pending: dict[tuple[str, str], Pending] = {}
        self._heard: dict[tuple[str, str, str], float] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def next_at(self) -> float | None:
        """When something is due; None if nothing is pending."""
        return min((pending.due_at for pending in self._pending.values()), default=None)

    def add(self, to: str, text: str, receipt: object = None) -> None:
        """Take a message, which is due at once."""
        number = str(next(self._numbers) % NUMBERS)
        message = Message(to, text, number)
        self._pending[to, number] = Pending(message, receipt, due_at=self._clock())

    def take_due(self) -> Due:
        """Return what is to be done now, and note that it was."""
        due, now = Due(), self._clock()
        for key, pending in [*self._pending.items()]:
            if pending.due_at > now:
                continue
            if pending.tries >= self._tries:
                due.given_up.append(self._pending.pop(key))
                continue
            pending.due_at = now + self._first_s * 2.0**pending.tries
            pending.tries += 1
            due.to_send.append(pending.message)
        return due

    def settle(self, station: str, number: str) -> Pending | None:
        """Return the message that `station` has answered, and forget it; None for no such one."""
        return self._pending.pop((station, number), None)

    def is_new(self, source: str, message: Message) -> bool:
        """Return whether a message has not come before."""
        now = self._clock()
        self._heard = {key: at for key, at in self._heard.items() if at > now}
        return (source, message.number, message.text) not in self._heard

    def remember(self, source: str, message: Message) -> None:
        """Know a message that was given out, if it has a number to be known by."""
        if message.number:
            key = (source, message.number, message.text)
            self._heard[key] = self._clock() + REMEMBERED_S
