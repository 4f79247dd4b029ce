"""A console's side of the relay: which processes there are, and what of each it has seen.

Owns the list of processes, with who is stale and who is gone, and the order of their
batches: one that comes twice is passed over, one that is missing is asked for again, and
what cannot be had any more is counted as a gap. Knows no channel layer and no event loop;
the clock is handed in. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from console.process import ProcessReport, ProcessStatus
from console.relay_protocol import Batch, Beat, Lease, Rewind, Subscription

STALE_S = 10.0
GONE_S = 30.0
LEASE_S = 15.0
RENEW_S = 4.0
PATIENCE_S = 3.0
"""How long a batch that is missing is waited for; then the page has a gap."""

AGAIN_S = 1.0
MOST_PROCESSES = 1_000
MOST_LOST = 100
"""Processes that are gone without a word and may come back, as after a long outage of the layer."""

MOST_WAITING = 2_000
"""Entries of one process that wait for a page that is slow: of more the oldest are a gap."""


@dataclass(slots=True)
class Known:
    """A process that this console has heard of.

    Attributes:
        channel: where it can be asked, alone.
    """

    report: ProcessReport
    channel: str
    seen_at: float


@dataclass(slots=True)
class Feed:
    """What one subscription has heard of one process.

    Attributes:
        expected: the offset at which its next batch starts; None until one has come.
        asked_at: when it was first asked to go back there; None if it was not.
        again_at: when it may be asked again.
    """

    expected: int | None
    asked_at: float | None = None
    again_at: float = 0.0
    waiting: list[Batch] = field(default_factory=list)
    cut_off: int = 0

    def is_given_up(self, now: float) -> bool:
        """Return whether what was asked for again has not come in time."""
        return self.asked_at is not None and now - self.asked_at >= PATIENCE_S

    def ask(self, now: float) -> int | None:
        """Return the offset to go back to, or None as long as an answer may be on its way."""
        if self.asked_at is None:
            self.asked_at = now
        elif now < self.again_at:
            return None
        self.again_at = now + AGAIN_S
        return self.expected


class Watched:
    """One subscription of this console: a page that somebody looks at."""

    def __init__(self, subscription: Subscription) -> None:
        self.id = subscription.id
        self.interest = subscription.interest
        self.feeds = {epoch: Feed(offset) for epoch, offset in subscription.since.items()}
        self._lost: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"<Watched {self.id} processes={len(self.feeds)}>"

    @property
    def since(self) -> dict[str, int]:
        """Where each process is to go on from."""
        return {
            epoch: feed.expected for epoch, feed in self.feeds.items() if feed.expected is not None
        }

    @property
    def has_news(self) -> bool:
        """Whether there is something to drain."""
        return any(feed.waiting for feed in self.feeds.values())

    def take(self, batch: Batch, now: float) -> int | None:
        """Take a batch, in whatever order they come.

        Returns: the offset that its process is to be asked to go back to, or None.
        """
        self._lost.pop(batch.epoch, None)
        feed = self.feeds.setdefault(batch.epoch, Feed(None))
        if feed.expected is None:
            feed.expected = batch.origin
        if batch.end < feed.expected or (batch.end == feed.expected and batch.start < batch.end):
            return None  # a second time
        gap = batch.start - feed.expected
        if gap > 0 and not feed.is_given_up(now):
            return feed.ask(now)
        # It was asked for again and did not come: it is lost, and the page says so.
        self._keep(feed, batch, max(gap, 0))
        return None

    def check(self, epoch: str, sent: int, now: float) -> int | None:
        """Return what to go back to if a process has told more than has come, or None."""
        feed = self.feeds.get(epoch)
        if feed is None or feed.expected is None or sent <= feed.expected:
            return None
        return feed.ask(now)

    def drain(self) -> list[tuple[str, Batch]]:
        """Return what has come since the last call, of each process in its order."""
        taken = []
        for epoch, feed in self.feeds.items():
            if feed.cut_off and feed.waiting:
                first = feed.waiting[0]
                feed.waiting[0] = replace(first, missed=first.missed + feed.cut_off)
            feed.cut_off = 0
            taken += [(epoch, batch) for batch in feed.waiting]
            feed.waiting = []
        return taken

    def forget(self, epoch: str) -> None:
        """A process has ended."""
        self.feeds.pop(epoch, None)

    def lose(self, epoch: str) -> None:
        """A process is gone without a word: if it comes back, what it told goes on where it was.

        A list of connections has let go of its rows, and wants them anew.
        """
        if self.interest.subject == "rows":
            self.forget(epoch)
        elif epoch in self.feeds:
            self._lost[epoch] = None
            while len(self._lost) > MOST_LOST:
                self.forget(oldest := next(iter(self._lost)))
                del self._lost[oldest]

    def _keep(self, feed: Feed, batch: Batch, missed: int) -> None:
        expected = feed.expected or 0
        if batch.start < expected:  # it went back further than it had to
            batch = _from(batch, expected)
        if missed:
            batch = replace(batch, missed=batch.missed + missed)
        feed.expected, feed.asked_at = batch.end, None
        feed.waiting.append(batch)
        while sum(len(one.entries) for one in feed.waiting) > MOST_WAITING:
            cut = feed.waiting.pop(0)
            feed.cut_off += len(cut.entries) + cut.missed + cut.sampled_out


class Watching:
    """All that one console knows of the other processes.

    Args:
        own_epoch: of the process that it runs in, which is read without the relay.
        opened_at: when it was opened, on the clock whose times are handed in.
    """

    def __init__(self, own_epoch: str) -> None:
        self._own_epoch = own_epoch
        self.opened_at: float | None = None
        self.processes: dict[str, Known] = {}
        self.watched: dict[str, Watched] = {}
        self.other_versions: dict[str, int] = {}
        self.foreign = ""

    def open(self, now: float) -> None:
        """Somebody looks."""
        if self.opened_at is None:
            self.opened_at = now

    def close(self) -> None:
        """Nobody looks any more: what was known of the others is of no use later."""
        self.opened_at = None
        self.processes.clear()
        self.watched.clear()
        self.other_versions.clear()
        self.foreign = ""

    def lease(self, console: str, now: float) -> Lease:
        """Return the lease that this console holds."""
        age_s = now - self.opened_at if self.opened_at is not None else 0.0
        subscriptions = tuple(
            Subscription(one.id, one.interest, one.since) for one in self.watched.values()
        )
        return Lease(console, LEASE_S, age_s, subscriptions)

    def hear(self, beat: Beat, console: str, now: float) -> list[Rewind]:
        """Take a beat. Returns what its process is to tell again."""
        epoch = beat.report.process.epoch
        if epoch == self._own_epoch:
            return []
        if beat.is_last:
            self._forget(epoch)
            return []
        if epoch in self.processes or len(self.processes) < MOST_PROCESSES:
            self.processes[epoch] = Known(beat.report, beat.channel, now)
        wanted = []
        for name, sent in beat.sent.items():
            watched = self.watched.get(name)
            offset = watched.check(epoch, sent, now) if watched else None
            if offset is not None:
                wanted.append(Rewind(console, name, offset))
        return wanted

    def take(self, batch: Batch, console: str, now: float) -> tuple[bool, list[Rewind]]:
        """Take a batch. Returns whether there is something to drain, and what to tell again."""
        watched = self.watched.get(batch.subscription)
        if watched is None or batch.epoch == self._own_epoch:
            return False, []
        if (known := self.processes.get(batch.epoch)) is not None:
            known.seen_at = now
        offset = watched.take(batch, now)
        back = [] if offset is None else [Rewind(console, batch.subscription, offset)]
        return watched.has_news, back

    def seen(self, epoch: str, now: float) -> None:
        """A process said something."""
        if (known := self.processes.get(epoch)) is not None:
            known.seen_at = now

    def expire(self, now: float) -> list[str]:
        """Forget who has been silent for too long. Returns their epochs."""
        gone = [epoch for epoch, known in self.processes.items() if now - known.seen_at >= GONE_S]
        for epoch in gone:
            del self.processes[epoch]
            for watched in self.watched.values():
                watched.lose(epoch)
        return gone

    def live(self, now: float) -> list[str]:
        """Return the epochs of the processes that may be expected to answer."""
        return [epoch for epoch, known in self.processes.items() if now - known.seen_at < STALE_S]

    def statuses(self, now: float) -> list[ProcessStatus]:
        """Return the other processes, by name."""
        found = [
            ProcessStatus(
                known.report,
                "stale" if now - known.seen_at >= STALE_S else "live",
                now - known.seen_at,
            )
            for known in list(self.processes.values())  # maybe on a thread of a template
        ]
        return sorted(found, key=lambda one: (one.process.name, one.process.address))

    def _forget(self, epoch: str) -> None:
        self.processes.pop(epoch, None)
        for watched in self.watched.values():
            watched.forget(epoch)


def _from(batch: Batch, offset: int) -> Batch:
    """Return the part of `batch` that lies at `offset` or after it."""
    kept = tuple(entry for entry in batch.entries if entry.offset >= offset)
    # What it says of missing ones lies before its first entry.
    missed = max(batch.missed - (offset - batch.start), 0)
    return replace(batch, start=offset, entries=kept, missed=missed)
