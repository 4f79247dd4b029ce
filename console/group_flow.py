"""How much passes through one group: what was sent to it, and to how many channels, by step.

Owns the steps of the last five minutes and how those of several processes are added. The counts
are made where groups are read. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STEP_S: Final = 10.0
STEPS: Final = 30


@dataclass(frozen=True, slots=True)
class GroupFlow:
    """One group in one process, or in all of them.

    Attributes:
        newest: the number of the last step, counted from the Unix epoch; 0 if nothing is known.
        sent: messages in each step, oldest first.
        addressed: channels that these messages were for, as far as the senders' layer said.
    """

    newest: int = 0
    sent: tuple[int, ...] = ()
    addressed: tuple[int, ...] = ()

    def __add__(self, other: GroupFlow) -> GroupFlow:
        """Return what both say, each by its own clock."""
        newest = max(self.newest, other.newest)
        return GroupFlow(
            newest,
            _sum(
                _moved(self.sent, newest - self.newest), _moved(other.sent, newest - other.newest)
            ),
            _sum(
                _moved(self.addressed, newest - self.newest),
                _moved(other.addressed, newest - other.newest),
            ),
        )

    @property
    def sent_per_s(self) -> list[float]:
        """Messages a second in each step."""
        return [count / STEP_S for count in _moved(self.sent, 0)]

    @property
    def addressed_lately(self) -> int:
        """Channels that the messages of all steps were for."""
        return sum(self.addressed)


def flow_of(sends: Iterable[tuple[float, int]], now: float) -> GroupFlow:
    """Return the flow of messages, each the time it was sent and how many channels it was for."""
    newest = int(now / STEP_S)
    sent, addressed = [0] * STEPS, [0] * STEPS
    for at, receivers in sends:
        place = int(at / STEP_S) - newest + STEPS - 1
        if 0 <= place < STEPS:
            sent[place] += 1
            addressed[place] += receivers
    return GroupFlow(newest, tuple(sent), tuple(addressed))


def _moved(counts: tuple[int, ...], by: int) -> tuple[int, ...]:
    """Return counts as they are `by` steps later, as many as there are steps."""
    filled = (*((0,) * STEPS), *counts[-STEPS:], *((0,) * min(by, STEPS)))
    return filled[-STEPS:]


def _sum(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(first + second for first, second in zip(one, other, strict=True))
