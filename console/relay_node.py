"""This process on the project's channel layer: heard by consoles, and a console itself.

Owns the channel, the tasks and the sending. What is said and what it means is in
`relay_protocol`, `relay_leases` and `relay_watching`, which know no layer; what is
answered comes from `relay_answers` and `relay_batches`. As long as no console is open
this process listens, and does nothing else.

All of it is muted, so that the console never watches itself. Used by the relay.

Source: decisions 11 and 12 of the design
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Any

from console import plain, vitals
from console.acting import Acting
from console.action import Action, failure
from console.loop_lag import LoopLag
from console.process import ProcessReport, ProcessStatus
from console.reader import Reader
from console.reading import Interest
from console.relay_answers import Answers
from console.relay_batches import Batches
from console.relay_leases import Leases
from console.relay_once import Once, TooOld
from console.relay_protocol import (
    GROUP,
    MOST_PARTS,
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
    cut,
    decode,
    dumps,
    encode,
)
from console.relay_questions import Questions
from console.relay_replies import Replies
from console.relay_watching import RENEW_S, Watched, Watching
from runtime.layers.base import can_push
from runtime.taps import Cause, muted
from runtime.tasks import cancel_and_wait, spawn
from runtime.typing import Message

logger = logging.getLogger("console.relay")

MOST_WAITING = 2_000
"""Messages that wait to be read: of more the oldest are lost, and asked for again."""

MOST_ANSWERED = 8
"""Questions that are answered at once; others are not answered."""

ANSWER_S = 2.0
"""How long an answer is waited for."""

ACTING_S = 12.0
"""How long what became of an action is waited for: longer than it may take."""

LOOK_S = 0.5
"""Between two looks at what changed, even when nothing says that it did."""

LINGER_S = 30.0
"""How long a console counts as open after the last page was asked for."""

REJOIN_S = 60.0
"""How often membership is said again: a layer may forget it, or have been emptied."""

OTHER_VERSIONS_KEPT = 20
GOODBYE_S = 0.5


class RelayNode:
    """One process among those of the project, on the event loop that runs.

    Args:
        reader: of this process.
        layer: the project's channel layer.
        seals: of the project's secret, then of those that it had before.
        clock: seconds that only grow.
        batch_s: seconds between two looks at what changed, at least.
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
        self.reader = reader
        self.layer = layer
        self.channel = ""
        self.loop = asyncio.get_running_loop()
        self.watching = Watching(reader.process.epoch)
        self.on_news: dict[str, Callable[[], None]] = {}
        self._seals = seals
        self._clock = clock
        self._born_at = clock()
        self._leases = Leases(reader.process.epoch)
        self._answers = Answers(reader)
        self._acting = Acting(reader.recorder)
        self._once = Once(reader.process.epoch)
        self._batches = Batches(reader)
        self._inbox: deque[Message] = deque(maxlen=MOST_WAITING)
        self._has_mail = asyncio.Event()
        self._is_looked_at = asyncio.Event()
        self._questions = Questions(self.watching, clock)
        self._open_until = 0.0
        self._lag = LoopLag(self.loop)
        self._watch = reader.watchers.watch(batch_s)
        self._tasks: list[asyncio.Task[None]] = []
        self._answering: set[asyncio.Task[None]] = set()
        self._carrying_out: set[asyncio.Task[None]] = set()
        self._renewing: set[asyncio.Task[None]] = set()
        self._holding: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<RelayNode {self.reader.process.name} consoles={len(self._leases)}>"

    async def start(self) -> None:
        """Join the others. Raises what the layer raises."""
        with muted():
            self.channel = await self.layer.new_channel("channelscope")
            if can_push(self.layer):
                self.layer.attach(self.channel, self._push)
            else:
                self._begin(self._receive(), "relay.receive")
            await self.layer.group_add(GROUP, self.channel)
        self._begin(self._read(), "relay.read")
        self._begin(self._tell(), "relay.tell")
        self._begin(self._stay(), "relay.stay")

    async def stop(self) -> None:
        """Say that this process goes, and leave."""
        await self._say_goodbye()
        await self.abandon()
        with muted(), suppress(Exception):
            await self.layer.group_discard(GROUP, self.channel)
            if can_push(self.layer):
                await self.layer.release_channel(self.channel)

    async def abandon(self) -> None:
        """End what runs, without a word."""
        holding = [self._holding] if self._holding is not None else []
        others = (*self._answering, *self._carrying_out, *self._renewing)
        await cancel_and_wait(*self._tasks, *others, *holding)

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
        self._spawn_once(self._renew(), "relay.renew", self._renewing)
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
            timeout_s: how long is waited at most.
        """
        self.open()
        ask = Ask(secrets.token_hex(6), self.channel, question, arguments)
        with self._questions.open(ask.id) as waiting:
            if not only:
                await self._send_all(ask)
            elif (known := self.watching.processes.get(only)) is not None:
                await self._send(known.channel, ask)
            else:
                return Replies({}, [only])
            return await self._questions.replies(waiting, only, timeout_s)

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
            if not await self._send(known.channel, act):
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
        await self._send_all(self.watching.lease(self.channel, self._clock()))

    # This process, looked at by consoles

    async def _tell(self) -> None:
        """As long as somebody looks: say what changed, and that this process is there."""
        try:
            await self._tell_on()
        except asyncio.CancelledError:
            # The server ends in an orderly way: who looks need not wait to learn of it. A layer
            # that is away is no error by now: what it would have told, silence tells.
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._say_goodbye()
            raise

    async def _say_goodbye(self) -> None:
        for console in self._leases.consoles():
            await self._send(console, Beat(self.report(), self.channel, {}, True))
            self._leases.release(console)

    async def _tell_on(self) -> None:
        while True:
            await self._is_looked_at.wait()
            with self._lag.measured():
                async with self._watch:
                    await self._tell_while_looked_at()
            self._is_looked_at.clear()

    async def _tell_while_looked_at(self) -> None:
        await self._tell_once()
        while self._leases:
            # At once if it was quiet before: who looks sees the first of many happenings early.
            await self._watch.changed_within(LOOK_S)
            await self._tell_once()

    async def _tell_once(self) -> None:
        self._leases.expire(self._clock())
        if due := self._leases.beats_due(self._clock(), self.reader.position[1]):
            report = self.report()
            self._lag.reset()
            for console, sent in due.items():
                await self._send(console, Beat(report, self.channel, sent))
        for told in self._leases.told:
            batches = await self._batches.next(told)
            for number, batch in enumerate(batches):
                if not self._leases.is_current(told):
                    break
                if not await self._send(told.console, batch):
                    self._batches.not_sent(told, batches[number:])
                    break
                told.sent = batch.end

    def report(self) -> ProcessReport:
        """Return what this process says of itself."""
        return ProcessReport(
            self.reader.process, self.reader.totals(), vitals.rss_bytes(), self._lag.most_s
        )

    async def _answer(self, ask: Ask) -> None:
        try:
            text = await self._answers.to(ask.question, ask.arguments)
        except RefusedMessage as refused:
            self._refuse(refused)
            return
        if ask.console not in self._leases:  # a console that does not know of this process
            await self._send(ask.console, Beat(self.report(), self.channel))
        await self._say(ask, text)

    async def _carry_out(self, act: Act) -> None:
        try:
            self._once.require_new(act, time.time())
        except TooOld as late:
            outcome = failure(late.reason, max(len(act.action.connections), 1))
        except RefusedMessage as refused:
            self._refuse(refused)
            return
        else:
            outcome = await self._acting.carry_out(act.action)
        await self._say(act, "\n".join(("{}", dumps(plain.to_plain(outcome)))))

    async def _say(self, asked: Ask | Act, text: str) -> None:
        epoch, parts = self.reader.process.epoch, cut(text)
        if len(parts) > MOST_PARTS:
            return
        for number, part in enumerate(parts):
            answer = Answer(asked.id, epoch, number, len(parts), part)
            if not await self._send(asked.console, answer):
                return
            await asyncio.sleep(0)

    # What comes in

    def _push(self, message: Message, cause: Cause | None) -> bool:
        """Take a message from the layer, from any thread; what nobody can read is no drop."""
        self._inbox.append(message)
        # The loop may have ended without saying so, as in a test.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._has_mail.set)
        return True

    async def _receive(self) -> None:
        while True:
            try:
                message = await self.layer.receive(self.channel)
            except Exception:
                logger.debug("The channel layer failed.", exc_info=True)
                await asyncio.sleep(1.0)
                continue
            self._inbox.append(message)
            self._has_mail.set()

    async def _read(self) -> None:
        while True:
            await self._has_mail.wait()
            self._has_mail.clear()
            while self._inbox:
                try:
                    frame = decode(self._inbox.popleft(), self._seals)
                except RefusedMessage as refused:
                    self._refuse(refused)
                    continue
                await self._act(frame)
                await asyncio.sleep(0)

    async def _act(self, frame: Frame) -> None:
        now = self._clock()
        if isinstance(frame, Lease):
            self._take_lease(frame, now)
        elif isinstance(frame, Rewind):
            if (told := self._leases.rewind(frame)) is not None:
                self._batches.rewound(told)
                self._watch.wake()
        elif isinstance(frame, Ask | Act):
            self._take_request(frame)
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

    def _take_request(self, frame: Ask | Act) -> None:
        if isinstance(frame, Act):
            if len(self._carrying_out) < MOST_ANSWERED:
                self._spawn_once(self._carry_out(frame), "relay.act", self._carrying_out)
        elif frame.console != self.channel and len(self._answering) < MOST_ANSWERED:
            self._spawn_once(self._answer(frame), "relay.answer", self._answering)

    def _take_lease(self, lease: Lease, now: float) -> None:
        if lease.console == self.channel:
            return
        is_new = self._leases.take(
            lease,
            now=now,
            position=self.reader.position[1],
            uptime_s=now - self._born_at,
        )
        self._is_looked_at.set()
        if is_new:
            self._watch.wake()

    async def _take_batch(self, batch: Batch, now: float) -> None:
        is_wanted, back = self.watching.take(batch, self.channel, now)
        await self._go_back(back, batch.epoch)
        if is_wanted and (wake := self.on_news.get(batch.subscription)) is not None:
            wake()

    async def _go_back(self, rewinds: Sequence[Rewind], epoch: str) -> None:
        known = self.watching.processes.get(epoch)
        if known is not None:
            for rewind in rewinds:
                await self._send(known.channel, rewind)

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

    # What goes out

    async def _send(self, channel: str, frame: Frame) -> bool:
        return await self._try(lambda message: self.layer.send(channel, message), frame)

    async def _send_all(self, frame: Frame) -> bool:
        return await self._try(lambda message: self.layer.group_send(GROUP, message), frame)

    async def _try(self, send: Callable[[dict[str, Any]], Awaitable[object]], frame: Frame) -> bool:
        try:
            with muted():
                await send(encode(frame, self.reader.process.name, self._seals[0]))
        except Exception as error:  # a full channel, a layer that is away: the next look tells
            logger.debug("Not sent: %s", error)
            return False
        return True

    # Tasks

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(REJOIN_S)
            with suppress(Exception):
                await self.layer.group_add(GROUP, self.channel)

    def _begin(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(spawn_unobserved(coroutine, name))

    def _spawn_once(
        self, coroutine: Coroutine[Any, Any, None], name: str, among: set[asyncio.Task[None]]
    ) -> None:
        task = spawn_unobserved(coroutine, name)
        among.add(task)
        task.add_done_callback(among.discard)


def spawn_unobserved(coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run `coroutine` as a task in a context of its own, and out of sight of every tap."""
    # Nothing of whoever was served when it began goes with it.
    task: asyncio.Task[None] = Context().run(spawn, _unobserved(coroutine), name=name)
    return task


async def _unobserved(coroutine: Coroutine[Any, Any, None]) -> None:
    with muted():
        await coroutine
