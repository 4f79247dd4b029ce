"""The questions that a console has asked, and what has come back so far.

Owns the putting together of answers that come in parts, and how long is waited for whom.
Sends nothing itself. Used by the node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from console.relay_protocol import Answer
from console.relay_replies import Replies
from console.relay_watching import Watching

DISCOVERY_S = 0.35
"""How long a console that has just been opened waits for processes it does not know."""

LEAST_PAUSE_S = 0.01


@dataclass(slots=True)
class Waiting:
    """One question, as long as somebody waits for its answers."""

    parts: dict[str, dict[int, Answer]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Questions:
    """The questions of one console.

    Args:
        watching: knows which processes may be expected to answer.
        clock: seconds that only grow.
    """

    def __init__(self, watching: Watching, clock: Callable[[], float]) -> None:
        self._watching = watching
        self._clock = clock
        self._asked: dict[str, Waiting] = {}

    @contextmanager
    def open(self, ask_id: str) -> Iterator[Waiting]:
        """Take answers to a question as long as the context lasts."""
        waiting = self._asked[ask_id] = Waiting()
        try:
            yield waiting
        finally:
            del self._asked[ask_id]

    def take(self, answer: Answer) -> None:
        """Take a part of an answer; one that nobody waits for is passed over."""
        waiting = self._asked.get(answer.ask)
        if waiting is None:
            return
        parts = waiting.parts.setdefault(answer.epoch, {})
        parts[answer.part] = answer
        if len(parts) == answer.parts:
            waiting.texts[answer.epoch] = "".join(parts[n].text for n in sorted(parts))
            waiting.changed.set()

    async def replies(self, waiting: Waiting, only: str, timeout_s: float) -> Replies:
        """Return what has come when those who are known have answered, or the time is over.

        A process that is stale is not waited for, and is among the silent ones all the same:
        what it has is missing.

        Args:
            only: the epoch of the one process that was asked; "" for all.
        """
        until = self._clock() + timeout_s
        while (pause_s := self._pause(waiting, only, until)) > 0:
            waiting.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(pause_s, LEAST_PAUSE_S)):
                    await waiting.changed.wait()
        known = [only] if only else list(self._watching.processes)
        return Replies(waiting.texts, [epoch for epoch in known if epoch not in waiting.texts])

    def _pause(self, waiting: Waiting, only: str, until: float) -> float:
        """Return how long there is still something to wait for; 0 or less for no longer."""
        now = self._clock()
        if any(epoch not in waiting.texts for epoch in self._expected(only)):
            return until - now
        discovers_until = (self._watching.opened_at or 0.0) + DISCOVERY_S
        return 0.0 if only else min(until, discovers_until) - now

    def _expected(self, only: str) -> list[str]:
        return [only] if only else self._watching.live(self._clock())
