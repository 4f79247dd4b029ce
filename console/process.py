"""One process of the project, as the console names it, and how it is doing.

Owns the facts of a process and the measurements that it reports; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Presence: TypeAlias = Literal["live", "stale"]
"""A process that has been silent for long is stale; one that is gone is not listed."""


@dataclass(frozen=True, slots=True)
class ProcessView:
    """A process that serves connections.

    Attributes:
        name: what people call it, such as "web-4211".
        pid: its process id.
        host: the machine it runs on.
        started_at: seconds since the Unix epoch.
        epoch: hex digits that are new at each start, so that a position never
            means an entry of an earlier life.
        server: what serves it, such as "daphne 4.2.0" or "runworker"; "" if nobody knows.
        versions: of what matters in it, by name.
    """

    name: str
    pid: int
    host: str
    started_at: float
    epoch: str
    server: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where it runs: the host without its domain, and the process id."""
        return f"{self.host.partition('.')[0]}:{self.pid}"


@dataclass(frozen=True, slots=True)
class Totals:
    """The measurements of the status bar, of one process or of several together.

    Attributes:
        in_rate, out_rate, layer_rate: happenings a second over the last 10 s.
        held, capacity, held_bytes: entries in the ring, how many fit, what they weigh.
        dropped: layer messages that did not reach a receiver, since the start.
        open_count: open connections; `by_protocol` says how many of each scope type.
    """

    in_rate: float
    out_rate: float
    layer_rate: float
    held: int
    capacity: int
    held_bytes: int
    dropped: int
    open_count: int
    by_protocol: Mapping[str, int]

    def __add__(self, other: Totals) -> Totals:
        """Return both together."""
        protocols = {*self.by_protocol, *other.by_protocol}
        return Totals(
            self.in_rate + other.in_rate,
            self.out_rate + other.out_rate,
            self.layer_rate + other.layer_rate,
            self.held + other.held,
            self.capacity + other.capacity,
            self.held_bytes + other.held_bytes,
            self.dropped + other.dropped,
            self.open_count + other.open_count,
            {
                name: self.by_protocol.get(name, 0) + other.by_protocol.get(name, 0)
                for name in sorted(protocols)
            },
        )


@dataclass(frozen=True, slots=True)
class ProcessReport:
    """What a process says of itself every two seconds while somebody looks.

    Attributes:
        rss_bytes: the memory that it holds; 0 if it cannot know.
        loop_lag_s: how late its event loop was, at worst, since the last report.
    """

    process: ProcessView
    totals: Totals
    rss_bytes: int = 0
    loop_lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A process as this console knows it.

    Attributes:
        report: the last that it said.
        presence: whether it still speaks.
        silent_s: seconds since it last said something; 0 for the console's own.
        is_own: whether it is the process that this console runs in.
    """

    report: ProcessReport
    presence: Presence = "live"
    silent_s: float = 0.0
    is_own: bool = False

    @property
    def process(self) -> ProcessView:
        """Which process it is."""
        return self.report.process

    @property
    def is_stale(self) -> bool:
        """Whether it has been silent for long."""
        return self.presence == "stale"
