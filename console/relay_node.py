"""This process on the project's channel layer: heard by consoles, and a console itself.

Owns the parts and their tasks, what becomes of each frame that comes in, and what a console
here asks of the others. What this process says of itself is in `relay_publisher` and
`relay_requests`, the layer in `relay_transport`; what is said and what it means is in
`relay_protocol` and `relay_watching`, which know no layer. As long as no console is open this
process listens, and does nothing else. Used by the relay.

Source: decisions 11 and 12 of the design
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from console.action import Action
from console.process import ProcessReport, ProcessStatus
from console.reader import Reader
from console.reading import Interest
from console.relay_protocol import (
    MOST_SUBSCRIPTIONS,
    Act,
    Answer,
    Ask,
    Batch,
    Beat,
    ForeignMessage,
    Frame,
    Lease,
    OtherVersion,
    RefusedMessage,
    Rewind,
    Seal,
    Subscription,
)
from console.relay_publisher import Publisher
from console.relay_questions import Questions
from console.relay_replies import Replies
from console.relay_requests import Requests
from console.relay_tasks import Tasks, spawn_unobserved
from console.relay_transport import Transport
from console.relay_watching import RENEW_S, Watched, Watching
from runtime.tasks import cancel_and_wait

logger = logging.getLogger("console.relay")

ANSWER_S = 2.0
"""How long an answer is waited for."""

ACTING_S = 12.0
"""How long what became of an action is waited for: longer than it may take."""

LINGER_S = 30.0
"""How long a console counts as open after the last page was asked for."""

OTHER_VERSIONS_KEPT = 20


class RelayNode:
    """One process among those of the project, on the event loop that runs.

    Args:
        reader: of this process.
        layer: the project's channel layer.
        seals: of the project's secret, then of those that it had before.
        clock: seconds that only grow.
        batch_s: seconds between two looks at what changed, at least.

    Attributes:
        is_away: whether the layer takes nothing, so that nobody can be asked.
    """

    def __init__(
        self,
        reader: Reader,
        layer: Any,
        seals: tuple[Seal, ...],
        *,
        clock: Callable[[], float] = time.monotonic,
        batch_s: float = 0.25,
    ) -> None:
        epoch = reader.process.epoch
        self.reader = reader
        self.watching = Watching(epoch)
        self.on_news: dict[str, Callable[[], None]] = {}
        self._clock = clock
        self._transport = Transport(layer, reader.process.name, seals)
        self._publisher = Publisher(reader, self._transport, clock=clock, batch_s=batch_s)
        self._requests = Requests(reader, self._transport, self._publisher)
        self._questions = Questions(self.watching, clock)
        self.is_away = False
        self._open_until = 0.0
        self._tasks = Tasks()
        self._holding: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<RelayNode {self.reader.process.name} consoles={len(self._publisher.leases)}>"

    @property
    def channel(self) -> str:
        """Where this process can be reached, alone."""
        return self._transport.channel

    async def start(self) -> None:
        """Join the others. Raises what the layer raises."""
        await self._transport.open()
        if self._transport.is_polled:
            self._tasks.begin(self._transport.poll(), "relay.receive")
        await self._transport.join()
        self._tasks.begin(self._read(), "relay.read")
        self._tasks.begin(self._publisher.run(), "relay.tell")
        self._tasks.begin(self._transport.stay(), "relay.stay")

    async def stop(self) -> None:
        """Say that this process goes, and leave."""
        await self._publisher.say_goodbye()
        await self.abandon()
        await self._transport.leave()

    async def say_goodbye(self) -> None:
        """Say that this process goes; it serves on until it ends."""
        await self._publisher.say_goodbye()

    async def abandon(self) -> None:
        """End what runs, without a word."""
        holding = [self._holding] if self._holding is not None else []
        await cancel_and_wait(*self._tasks, *self._requests.tasks(), *holding)

    def report(self) -> ProcessReport:
        """Return what this process says of itself."""
        return self._publisher.report()

    # A console in this process

    def open(self) -> None:
        """Somebody looks: hold a lease from now on, for a while at least."""
        now = self._clock()
        self._open_until = now + LINGER_S
        self.watching.open(now)
        if self._holding is None or self._holding.done():
            self._holding = spawn_unobserved(self._hold(), "relay.hold")

    def subscribe(
        self, interest: Interest, since: Mapping[str, int], on_news: Callable[[], None]
    ) -> Watched | None:
        """Hear of what changes in the other processes; None if too many do already."""
        if len(self.watching.watched) >= MOST_SUBSCRIPTIONS:
            return None
        self.open()
        others = {epoch: at for epoch, at in since.items() if epoch != self.reader.process.epoch}
        watched = Watched(Subscription(secrets.token_hex(6), interest, others))
        self.watching.watched[watched.id] = watched
        self.on_news[watched.id] = on_news
        self._tasks.begin(self._renew(), "relay.renew")
        return watched

    def unsubscribe(self, watched: Watched) -> None:
        """Hear no more of it; the others learn with the next lease."""
        self.watching.watched.pop(watched.id, None)
        self.on_news.pop(watched.id, None)

    def statuses(self) -> list[ProcessStatus]:
        """Return the other processes as they are known."""
        return self.watching.statuses(self._clock())

    async def ask(
        self,
        question: str,
        arguments: Mapping[str, Any],
        *,
        only: str = "",
        timeout_s: float = ANSWER_S,
    ) -> Replies:
        """Ask the other processes, and wait until those that are known have answered.

        Args:
            only: the epoch of the one process that is asked; "" for all.
            timeout_s: how long is waited at most, for the layer and for them.
        """
        self.open()
        until = self._clock() + timeout_s
        ask = Ask(secrets.token_hex(6), self.channel, question, arguments)
        with self._questions.open(ask.id) as waiting:
            is_sent = await self._send_in_time(ask, only, timeout_s)
            left_s = until - self._clock() if is_sent else 0.0
            return await self._questions.replies(waiting, only, left_s)

    async def _send_in_time(self, ask: Ask, only: str, timeout_s: float) -> bool:
        """Return whether the layer took a question: one that is away would keep it for long."""
        if self.is_away:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                if not only:
                    return await self._transport.send_all(ask)
                known = self.watching.processes.get(only)
                return known is not None and await self._transport.send(known.channel, ask)
        except TimeoutError:
            if not self.is_away:
                self.is_away = True  # until a lease goes out again
                self._tasks.begin(self._renew(), "relay.renew")
            return False

    async def act(
        self, action: Action, epoch: str, *, timeout_s: float = ACTING_S
    ) -> Replies | None:
        """Let another process carry out an action, and wait for what it says of it.

        Args:
            epoch: of that process.
            timeout_s: how long is waited at most.

        Returns: None if it could not be sent: the process is not known, or the layer is full.
        """
        self.open()
        known = self.watching.processes.get(epoch)
        if known is None:
            return None
        act = Act(secrets.token_hex(16), self.channel, epoch, time.time(), action)
        with self._questions.open(act.id) as waiting:
            if not await self._transport.send(known.channel, act):
                return None
            return await self._questions.replies(waiting, epoch, timeout_s)

    async def _hold(self) -> None:
        """Say again and again that a console is open, until it is not."""
        while self._clock() < self._open_until or self.watching.watched:
            await self._renew()
            for epoch in self.watching.expire(self._clock()):
                logger.debug("Process %s is gone.", epoch)
                self._wake_all()
            await asyncio.sleep(RENEW_S)
        self.watching.close()

    async def _renew(self) -> None:
        lease = self.watching.lease(self.channel, self._clock())
        self.is_away = not await self._transport.send_all(lease)

    # What comes in

    async def _read(self) -> None:
        while True:
            try:
                frame = await self._transport.receive()
            except RefusedMessage as refused:
                self._refuse(refused)
                continue
            await self._act(frame)
            await asyncio.sleep(0)

    async def _act(self, frame: Frame) -> None:
        now = self._clock()
        if isinstance(frame, Lease):
            if frame.console != self.channel:
                self._publisher.take(frame)
        elif isinstance(frame, Rewind):
            self._publisher.rewind(frame)
        elif isinstance(frame, Ask | Act):
            self._requests.take(frame)
        elif isinstance(frame, Answer):
            self.watching.seen(frame.epoch, now)
            self._questions.take(frame)
        elif isinstance(frame, Beat):
            is_news = frame.report.process.epoch not in self.watching.processes
            back = self.watching.hear(frame, self.channel, now)
            await self._go_back(back, frame.report.process.epoch)
            if is_news or frame.is_last:
                self._wake_all()
        else:
            await self._take_batch(frame, now)

    async def _take_batch(self, batch: Batch, now: float) -> None:
        is_wanted, back = self.watching.take(batch, self.channel, now)
        await self._go_back(back, batch.epoch)
        if is_wanted and (wake := self.on_news.get(batch.subscription)) is not None:
            wake()

    async def _go_back(self, rewinds: Sequence[Rewind], epoch: str) -> None:
        known = self.watching.processes.get(epoch)
        if known is not None:
            for rewind in rewinds:
                await self._transport.send(known.channel, rewind)

    def _refuse(self, refused: RefusedMessage) -> None:
        if isinstance(refused, OtherVersion):
            others = self.watching.other_versions
            if refused.name in others or len(others) < OTHER_VERSIONS_KEPT:
                others[refused.name] = refused.version
        elif isinstance(refused, ForeignMessage):
            self.watching.foreign = refused.reason
        logger.debug("A message was refused: %s", refused)

    def _wake_all(self) -> None:
        for wake in list(self.on_news.values()):
            wake()
