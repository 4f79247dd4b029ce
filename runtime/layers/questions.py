"""Questions that a node asks others, and the answers as they come in.

Owns who has answered what, and how long is waited for the rest. Knows no way to anybody:
the nodes of the Redis layers send the question and hand over the answers.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

LONGEST_WAIT_S: Final = 2.0
"""How long a node may take to answer; one that is blocked for longer is left out."""


class _Question:
    __slots__ = ("answers", "done", "expected")

    def __init__(self) -> None:
        self.expected: int | None = None
        self.answers: list[Any] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def look(self) -> None:
        is_complete = self.expected is not None and len(self.answers) >= self.expected
        if is_complete and not self.done.done():
            self.done.set_result(None)


class Questions:
    """The questions of one node that are open."""

    def __init__(self) -> None:
        self._open: dict[int, _Question] = {}

    def begin(self, number: int) -> None:
        """Take note of a question, before it is sent."""
        self._open[number] = _Question()

    def answered(self, number: int, payload: bytes) -> None:
        """Take an answer; one that comes too late is passed over."""
        question = self._open.get(number)
        if question is not None:
            question.answers.append(json.loads(payload))
            question.look()

    async def gather(self, number: int, expected: int, timeout_s: float) -> list[Any]:
        """Return the answers when as many as expected are there, or those that are, in time."""
        question = self._open[number]
        question.expected = expected
        question.look()
        try:
            await asyncio.wait([question.done], timeout=timeout_s)
        finally:
            del self._open[number]
        return question.answers


def write_answer(answer: Any) -> bytes:
    """Return an answer as it travels."""
    return json.dumps(answer, separators=(",", ":")).encode()
