"""A recorded connection played again, against the application as it is now.

Owns the order: an event that came in is given, its answers are waited for, and then comes
the next. Runs the application as a virtual scope; what came back is held against the
recording by `replay`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from console.recorded import Recorded, Segment, event_of
from console.replay import Answer, Comparison, compare
from console.virtual import VirtualScope
from console.volatile import Volatility

PATIENCE_S = 2.0
"""How much longer than in the recording an answer is waited for."""

LONGEST_GAP_S = 30.0
LINGER_S = 0.2
"""How long is waited at the end for what nobody expects."""

CONNECT = "websocket.connect"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay has come.

    Attributes:
        given: the positions of the recorded events that it has given.
        of: how many there are to give.
        at_s: the moment of the recording that it has reached, from its beginning.
        comparisons: verdicts on the answers so far.
        is_done: whether nothing is left.
    """

    given: Sequence[str]
    of: int
    at_s: float
    comparisons: Sequence[Comparison]
    is_done: bool


class Replaying:
    """One replay.

    Args:
        recorded: what is played.
        connection: which of its connections.
        run: the application, which has not been given anything.
        patience_s: how much longer than in the recording an answer is waited for.
    """

    def __init__(
        self,
        recorded: Recorded,
        connection: str,
        run: VirtualScope,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._run = run
        self._patience_s = patience_s
        self._volatility = Volatility(recorded.volatile)
        self._segments = recorded.segments(connection)
        self._began_at = recorded.began_at
        self._expected: list[Answer] = []
        self._came: list[Answer] = []
        self._given: list[str] = []
        self._next = 0
        self._at = recorded.began_at
        self._has_come = asyncio.Event()
        self._begin()

    def heard(self, answer: Answer) -> None:
        """Take an answer of the application."""
        self._came.append(answer)
        self._has_come.set()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to give."""
        return self._next >= len(self._segments)

    async def play(self, speed: float, on_progress: Callable[[Progress], None]) -> None:
        """Give all that is left.

        Args:
            speed: 1.0 for the waits of the recording, 0.0 for none.
        """
        while not self.is_done and self._run.is_running:
            await self._pause(speed)
            on_progress(await self.step())
        on_progress(await self.finish())

    async def step(self) -> Progress:
        """Give the next event and wait for its answers."""
        segment = self._segments[self._next]
        self._next += 1
        already = len(self._came)
        if segment.given is not None:
            self._run.feed(event_of(segment.given))
            self._given.append(segment.given.view.position)
            self._at = segment.given.view.at
        expected = [Answer.of(one) for one in segment.expected]
        self._expected += expected
        await self._wait_for(already + len(expected), self._patience_s + _length_s(segment))
        if segment.expected:
            self._at = segment.expected[-1].view.at
        return self.progress()

    async def finish(self) -> Progress:
        """Wait a little for what nobody expects."""
        await self._wait_for(len(self._came) + 1, LINGER_S)
        return self.progress()

    def progress(self) -> Progress:
        """Return how far it has come."""
        return Progress(
            given=tuple(self._given),
            of=len(self._segments),
            at_s=max(self._at - self._began_at, 0.0),
            comparisons=compare(self._expected, self._came, self._volatility),
            is_done=self.is_done or not self._run.is_running,
        )

    def _begin(self) -> None:
        """Begin as a server does, if the recording does not: it may have begun later."""
        first = self._segments[0].given if self._segments else None
        is_websocket = self._run.scope["type"] == "websocket"
        if is_websocket and (first is None or first.view.type != CONNECT):
            self._run.feed({"type": CONNECT})

    async def _pause(self, speed: float) -> None:
        given = self._segments[self._next].given
        if speed > 0 and given is not None:
            gap_s = min(max(given.view.at - self._at, 0.0), LONGEST_GAP_S)
            await asyncio.sleep(gap_s / speed)

    async def _wait_for(self, count: int, patience_s: float) -> None:
        try:
            async with asyncio.timeout(patience_s):
                while len(self._came) < count and self._run.is_running:
                    self._has_come.clear()
                    await self._has_come.wait()
        except TimeoutError:
            pass


def _length_s(segment: Segment) -> float:
    times = [one.view.at for one in (segment.given, *segment.expected) if one is not None]
    return min(max(times) - min(times), LONGEST_GAP_S) if times else 0.0
