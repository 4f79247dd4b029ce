"""What other consoles ask of this process: questions to answer, and actions to carry out.

Owns how many are under way at once, and that each gets what became of it, in parts that fit
into a message. What is answered comes from `relay_answers`; that an action is carried out once
is held by `relay_once`. Called by the node.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

from console import plain
from console.acting import Acting
from console.action import failure
from console.reader import Reader
from console.relay_answers import Answers
from console.relay_once import Once, TooOld
from console.relay_protocol import MOST_PARTS, Act, Answer, Ask, RefusedMessage, cut, dumps
from console.relay_publisher import Publisher
from console.relay_tasks import Tasks
from console.relay_transport import Transport

logger = logging.getLogger("console.relay")

MOST_ANSWERED = 8
"""Questions that are answered at once; others are not answered."""


class Requests:
    """The requests to one process.

    Args:
        reader: of this process.
        transport: leads back to who asks.
        publisher: introduces this process to a console that does not know of it.
    """

    def __init__(self, reader: Reader, transport: Transport, publisher: Publisher) -> None:
        self._epoch = reader.process.epoch
        self._transport = transport
        self._publisher = publisher
        self._answers = Answers(reader)
        self._acting = Acting(reader.recorder)
        self._once = Once(self._epoch)
        self._answering = Tasks()
        self._carrying_out = Tasks()

    def take(self, frame: Ask | Act) -> None:
        """Begin with a request; one too many is passed over."""
        if isinstance(frame, Act):
            if len(self._carrying_out) < MOST_ANSWERED:
                self._carrying_out.begin(self._carry_out(frame), "relay.act")
        elif frame.console != self._transport.channel and len(self._answering) < MOST_ANSWERED:
            self._answering.begin(self._answer(frame), "relay.answer")

    def tasks(self) -> Iterator[asyncio.Task[None]]:
        """Yield those that are under way."""
        yield from self._answering
        yield from self._carrying_out

    async def _answer(self, ask: Ask) -> None:
        try:
            text = await self._answers.to(ask.question, ask.arguments)
        except RefusedMessage as refused:
            logger.debug("A question was refused: %s", refused)
            return
        await self._publisher.introduce(ask.console)
        await self._say(ask, text)

    async def _carry_out(self, act: Act) -> None:
        try:
            self._once.require_new(act, time.time())
        except TooOld as late:
            outcome = failure(late.reason, max(len(act.action.connections), 1))
        except RefusedMessage as refused:
            logger.debug("An action was refused: %s", refused)
            return
        else:
            outcome = await self._acting.carry_out(act.action)
        await self._say(act, "\n".join(("{}", dumps(plain.to_plain(outcome)))))

    async def _say(self, asked: Ask | Act, text: str) -> None:
        parts = cut(text)
        if len(parts) > MOST_PARTS:
            return
        for number, part in enumerate(parts):
            answer = Answer(asked.id, self._epoch, number, len(parts), part)
            if not await self._transport.send(asked.console, answer):
                return
            await asyncio.sleep(0)
