"""A connection looked at for one or two of its values, not for all of them.

Owns the short way to each value that a filter or an order asks for: of ten thousand
connections most are looked at and not shown. The same names and the same values as those
of a `ConnectionView`, so that both are filtered and sorted by the same rules. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from console.connection import ConnectionState
from console.connection_view import RECORD, ConnectionPhase, ConnectionReader, badge_of, pane_of


class Glance(Mapping[str, object]):
    """One connection, and the record of it that a query holds its terms against.

    Each value is worked out when it is asked for.

    Args:
        known: the connection.
        reader: shows what is not secret of it.
        groups: the groups that its channel is in, and their members.
        now: seconds since the Unix epoch.
    """

    __slots__ = ("_reader", "groups", "known", "now")

    def __init__(
        self,
        known: ConnectionState,
        reader: ConnectionReader,
        groups: tuple[tuple[str, int], ...],
        now: float,
    ) -> None:
        self.known = known
        self.groups = groups
        self.now = now
        self._reader = reader

    def __getitem__(self, key: str) -> object:
        return RECORD[key](self)

    def __iter__(self) -> Iterator[str]:
        return iter(RECORD)

    def __len__(self) -> int:
        return len(RECORD)

    def __getattr__(self, name: str) -> Any:
        # What is counted or plain is the connection's own.
        return getattr(self.known, name)

    @property
    def pane(self) -> str:
        """What the console's client calls it, if that has opened it."""
        return pane_of(self.known)

    @property
    def badge(self) -> str:
        """The short form of its protocol."""
        return badge_of(self.known.protocol)

    @property
    def path(self) -> str:
        """Its path, without secret arguments."""
        return self._reader.fixed(self.known)[0]

    @property
    def query_string(self) -> str:
        """Its query string, redacted."""
        return self._reader.fixed(self.known)[1]

    @property
    def client(self) -> str:
        """Where its client is."""
        return self._reader.fixed(self.known)[2]

    @property
    def consumer(self) -> str:
        """The class of its consumer."""
        consumer = self.known.consumer_class
        return consumer.__name__ if consumer else ""

    @property
    def consumer_path(self) -> str:
        """The dotted name of that class."""
        consumer = self.known.consumer_class
        return f"{consumer.__module__}.{consumer.__qualname__}" if consumer else ""

    @property
    def user(self) -> str:
        """Who is signed in."""
        return self.known.user_now()

    @property
    def process(self) -> str:
        """The name of its process."""
        return self._reader.process

    @property
    def last_error(self) -> str:
        """What failed last, redacted."""
        return self._reader.redactor.text(self.known.last_error)

    @property
    def activity(self) -> tuple[int, ...]:
        """Its messages in each bucket of the last minute."""
        return self.known.activity(self.now)

    @property
    def state(self) -> ConnectionPhase:
        """How it stands."""
        return self._reader.state(self.known, self.now)
