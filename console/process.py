"""One process of the project, as the console names it.

Owns the name, the host and the epoch of a process; pure.
"""

from __future__ import annotations

from dataclasses import dataclass


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
    """

    name: str
    pid: int
    host: str
    started_at: float
    epoch: str
