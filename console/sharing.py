"""One asking of all processes for all viewers of one: what one of them was told, the others take.

Owns which answers are at hand, and for how long. Knows no question: whoever asks says what its
question is called, and how old an answer may be. Used by pages that look several times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from runtime.tasks import spawn

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    at: float
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Task[Any]

    def is_good(self, now: float, age_s: float) -> bool:
        """Return whether who asks now may wait for it, or take what came."""
        if self.loop is not asyncio.get_running_loop() or not 0 <= now - self.at < age_s:
            return False
        answer = self.answer
        return not (answer.done() and (answer.cancelled() or answer.exception() is not None))


class Shared:
    """What was asked lately."""

    def __init__(self) -> None:
        self._asked: dict[Hashable, _Asked] = {}

    async def get(
        self,
        question: Hashable,
        ask: Callable[[], Coroutine[Any, Any, T]],
        *,
        now: float,
        age_s: float,
    ) -> T:
        """Return what `ask` returns, or what it returned to another who asked the same.

        Args:
            question: what is asked; equal questions share an answer.
            now: by a clock that is the same for all who ask.
            age_s: how long ago the answer may have been asked for.
        """
        known = self._asked.get(question)
        if known is None or not known.is_good(now, age_s):
            self._forget(now, age_s)
            task: asyncio.Task[Any] = spawn(ask(), name="shared asking", on_error=_heard)
            known = self._asked[question] = _Asked(now, asyncio.get_running_loop(), task)
        # Who asked first may be gone before the answer comes: the others still wait for it.
        answer: T = await asyncio.shield(known.answer)
        return answer

    def _forget(self, now: float, age_s: float) -> None:
        for question in [one for one, asked in self._asked.items() if now - asked.at >= age_s]:
            del self._asked[question]


def _heard(error: BaseException) -> None:
    """Whoever waits for the answer gets the error."""
