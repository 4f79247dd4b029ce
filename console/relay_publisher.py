"""What this process tells the consoles that look at it, unasked: beats and batches.

Owns when something is told, and that nothing is without a lease. Who looks is in
`relay_leases`, what there is to tell in `relay_batches`. Run by the node.

Source: decision 11 of the design
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from console import vitals
from console.loop_lag import LoopLag
from console.process import ProcessReport
from console.reader import Reader
from console.relay_batches import Batches
from console.relay_leases import Leases
from console.relay_protocol import Beat, Lease, Rewind
from console.relay_transport import Transport

LOOK_S = 0.5
"""Between two looks at what changed, even when nothing says that it did."""

GOODBYE_S = 0.5

LEASE_COMES_S = 10.0
"""How long the lease of a console that has asked may take to come."""


class Publisher:
    """Tells consoles about one process.

    Args:
        reader: of this process.
        transport: leads to them.
        clock: seconds that only grow.
        batch_s: seconds between two looks at what changed, at least.

    Attributes:
        leases: which consoles look.
    """

    def __init__(
        self, reader: Reader, transport: Transport, *, clock: Callable[[], float], batch_s: float
    ) -> None:
        self.leases = Leases(reader.process.epoch)
        self._reader = reader
        self._transport = transport
        self._clock = clock
        self._born_at = clock()
        self._batches = Batches(reader)
        self._has_left = False
        self._introduced: dict[str, float] = {}
        self._is_looked_at = asyncio.Event()
        self._lag = LoopLag(asyncio.get_running_loop())
        self._watch = reader.watchers.watch(batch_s)

    def __repr__(self) -> str:
        return f"<Publisher consoles={len(self.leases)}>"

    def report(self) -> ProcessReport:
        """Return what this process says of itself."""
        reader = self._reader
        return ProcessReport(reader.process, reader.totals(), vitals.rss_bytes(), self._lag.most_s)

    def take(self, lease: Lease) -> None:
        """A console looks, or goes on to."""
        if self._has_left:
            return
        now = self._clock()
        is_new = self.leases.take(
            lease,
            now=now,
            position=self._reader.position[1],
            uptime_s=now - self._born_at,
        )
        self._is_looked_at.set()
        if is_new:
            self._watch.wake()

    def rewind(self, frame: Rewind) -> None:
        """A console missed something: tell it again."""
        if (told := self.leases.rewind(frame)) is not None:
            self._batches.rewound(told)
            self._watch.wake()

    async def introduce(self, console: str) -> None:
        """Say that this process is there, to a console that does not know of it."""
        if console in self.leases or self._has_left:
            return
        now = self._clock()
        self._introduced[console] = now
        for one in [one for one, at in self._introduced.items() if now - at >= LEASE_COMES_S]:
            del self._introduced[one]
        await self._transport.send(console, Beat(self.report(), self._transport.channel))

    async def say_goodbye(self) -> None:
        """Say that this process goes, to whoever looks; from now on it says nothing else.

        A layer that is away is no error by now: what it would have told, silence tells.
        """
        self._has_left = True
        now = self._clock()
        asked = [one for one, at in self._introduced.items() if now - at < LEASE_COMES_S]
        beat = Beat(self.report(), self._transport.channel, {}, True)
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                for console in dict.fromkeys((*self.leases.consoles(), *asked)):
                    self.leases.release(console)
                    await self._transport.send(console, beat)

    async def run(self) -> None:
        """As long as somebody looks: say what changed, and that this process is there."""
        try:
            await self._run_on()
        except asyncio.CancelledError:
            # The loop ends in an orderly way: who looks need not wait to learn of it.
            await self.say_goodbye()
            raise

    async def _run_on(self) -> None:
        while True:
            await self._is_looked_at.wait()
            with self._lag.measured():
                async with self._watch:
                    await self._tell_while_looked_at()
            self._is_looked_at.clear()

    async def _tell_while_looked_at(self) -> None:
        await self._tell_once()
        while self.leases:
            # At once if it was quiet before: who looks sees the first of many happenings early.
            await self._watch.changed_within(LOOK_S)
            await self._tell_once()

    async def _tell_once(self) -> None:
        self.leases.expire(self._clock())
        if due := self.leases.beats_due(self._clock(), self._reader.position[1]):
            report = self.report()
            self._lag.reset()
            for console, sent in due.items():
                await self._transport.send(console, Beat(report, self._transport.channel, sent))
        for told in self.leases.told:
            batches = await self._batches.next(told)
            for number, batch in enumerate(batches):
                if not self.leases.is_current(told):
                    break
                if not await self._transport.send(told.console, batch):
                    self._batches.not_sent(told, batches[number:])
                    break
                told.sent = batch.end
