"""A process's side of the relay: which consoles are open, and what each was told.

Owns the leases and where each subscription stands. It says what is due; reading and
sending are the publisher's. Without a lease there is nothing to do. Knows no channel layer and
no event loop; the clock is handed in. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from console.reading import Interest
from console.relay_protocol import Lease, Rewind
from console.roster import Roster

MOST_CONSOLES = 32
BEAT_S = 2.0

NEWS_S = 0.7
"""Between two beats of a process in which something happens; in a quiet one it is `BEAT_S`."""

UNDER_WAY_S = 1.0
"""How long a lease may be under way, and so be older than it says."""


@dataclass(slots=True, eq=False)
class Told:
    """Where one subscription of one console stands.

    Attributes:
        origin: the offset at which it began.
        cursor: the offset up to which this process has looked.
        sent: the offset up to which it has told what it saw: the start of the next batch.
        is_unknown: whether the console has seen nothing yet of what was before it.
        is_rewound: whether it missed something, and may not know what went, either.
        roster: which connections it was told of, if it lists them.
    """

    console: str
    subscription: str
    interest: Interest
    origin: int
    cursor: int
    sent: int
    is_unknown: bool = False
    is_rewound: bool = False
    roster: Roster | None = None


@dataclass(slots=True)
class _Console:
    expires_at: float
    beat_at: float | None = None
    beat_position: int = 0
    told: dict[str, Told] = field(default_factory=dict)

    def is_due(self, now: float, position: int) -> bool:
        """Return whether it has to hear a beat: sooner if there is something to say."""
        if self.beat_at is None:
            return True
        return now - self.beat_at >= (BEAT_S if position == self.beat_position else NEWS_S)


class Leases:
    """The consoles that look at this process.

    Args:
        epoch: of this process's journal.
    """

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._consoles: dict[str, _Console] = {}

    def __bool__(self) -> bool:
        return bool(self._consoles)

    def __len__(self) -> int:
        return len(self._consoles)

    def __contains__(self, console: object) -> bool:
        return console in self._consoles

    @property
    def told(self) -> list[Told]:
        """Every subscription of every console."""
        return [one for console in self._consoles.values() for one in console.told.values()]

    def take(self, lease: Lease, *, now: float, position: int, uptime_s: float) -> list[Told]:
        """Begin or renew a lease. Returns the subscriptions that are new.

        Args:
            position: the offset that this process's next entry gets.
            uptime_s: for how long this process has been running.
        """
        console = self._consoles.pop(lease.console, None)
        if console is None:
            console = _Console(expires_at=now)
        self._consoles[lease.console] = console
        console.expires_at = now + lease.ttl_s
        # Younger than the console: whoever looks there has seen nothing of this process.
        usual = 0 if uptime_s <= lease.age_s + UNDER_WAY_S else position
        fresh = []
        wanted: dict[str, Told] = {}
        for one in lease.subscriptions:
            known = console.told.get(one.id)
            if known is None or known.interest != one.interest:
                start = min(one.since.get(self._epoch, usual), position)
                is_unknown = self._epoch not in one.since
                known = Told(lease.console, one.id, one.interest, start, start, start, is_unknown)
                fresh.append(known)
            wanted[one.id] = known
        console.told = wanted
        while len(self._consoles) > MOST_CONSOLES:
            del self._consoles[next(iter(self._consoles))]
        return fresh

    def rewind(self, frame: Rewind) -> Told | None:
        """Go back, because a console missed a batch; never forward. Returns what goes back."""
        console = self._consoles.get(frame.console)
        told = console.told.get(frame.subscription) if console else None
        if told is None or not told.origin <= frame.offset < told.sent:
            return None
        told.cursor = told.sent = frame.offset
        return told

    def release(self, console: str) -> None:
        """A console is gone: its channel takes no messages."""
        self._consoles.pop(console, None)

    def expire(self, now: float) -> None:
        """Forget those who have not said for long that they are still open."""
        for name in [name for name, one in self._consoles.items() if one.expires_at <= now]:
            del self._consoles[name]

    def beats_due(self, now: float, position: int) -> dict[str, dict[str, int]]:
        """Return the consoles that a beat is due to, each with what it was told up to.

        Args:
            position: the offset that this process's next entry gets.
        """
        due = {}
        for name, console in self._consoles.items():
            if console.is_due(now, position):
                console.beat_at, console.beat_position = now, position
                due[name] = {one.subscription: one.sent for one in console.told.values()}
        return due

    def consoles(self) -> list[str]:
        """Return the channels of all consoles."""
        return list(self._consoles)

    def is_current(self, told: Told) -> bool:
        """Return whether a subscription is still wanted: much may happen while it is read for."""
        console = self._consoles.get(told.console)
        return console is not None and console.told.get(told.subscription) is told
