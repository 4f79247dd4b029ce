"""What is true of one connection: folded from its happenings, cheap to keep.

Owns the counters, the state and who closed it. Formatting and redaction are in
`connection_view`. Changed by the recorder alone, under its lock. Pure: it never
resolves a lazy object and never touches the database.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from django.utils.functional import LazyObject, empty

from console.captured import Waiting
from console.taping import Counted
from runtime.taps import Connection
from runtime.typing import Event, Scope

Phase: TypeAlias = Literal["connecting", "open", "closing", "closed", "refused", "error"]
Closer: TypeAlias = Literal["client", "application", "server", "error", ""]

ACTIVITY_BUCKETS = 18
ACTIVITY_S = 60.0


class Meter:
    """Counts over the last `span_s` seconds, in buckets of equal length."""

    __slots__ = ("_begins_at", "_bucket_s", "_counts", "_newest", "_slot", "ends_at")

    def __init__(self, buckets: int, span_s: float) -> None:
        self._bucket_s = span_s / buckets
        self._counts = [0] * buckets
        self._newest = 0
        self._slot = 0
        self._begins_at = 0.0
        self.ends_at = 0.0  # of the running bucket

    def mark(self, now: float) -> None:
        """Count one happening at `now`."""
        self.turn_to(now)
        self._counts[self._slot] += 1

    def add(self, count: int) -> None:
        """Count happenings in the running bucket."""
        self._counts[self._slot] += count

    def turn_to(self, now: float) -> None:
        """Let the bucket of `now` be the running one."""
        if not self._begins_at <= now < self.ends_at:
            self._turn_to(int(now / self._bucket_s))

    def read(self, now: float) -> tuple[int, ...]:
        """Return the counts, oldest bucket first."""
        counts, size = self._counts, len(self._counts)
        passed = int(now / self._bucket_s) - self._newest
        if abs(passed) >= size:
            return (0,) * size
        oldest = self._slot + 1
        known = (*counts[oldest:], *counts[:oldest])
        nothing = (0,) * abs(passed)
        # Before the running bucket: the clock was set back.
        return known[passed:] + nothing if passed >= 0 else nothing + known[:passed]

    def _turn_to(self, bucket: int) -> None:
        size = len(self._counts)
        if bucket < self._newest:  # the clock was set back: what was counted means nothing now
            self._newest = bucket - size
        for stale in range(max(self._newest + 1, bucket - size + 1), bucket + 1):
            self._counts[stale % size] = 0
        self._newest = bucket
        self._slot = bucket % size
        self._begins_at = bucket * self._bucket_s
        self.ends_at = self._begins_at + self._bucket_s


class ConnectionState(Counted):
    """One connection as the recorder knows it.

    Holds the populated scope while it is listed, so that who is signed in is read
    when somebody asks; `forget()` lets go of it.
    """

    __slots__ = (
        "_counted",
        "_meter",
        "arguments",
        "channel_name",
        "close_code",
        "close_reason",
        "closed_at",
        "closed_by",
        "connection",
        "error_count",
        "error_id",
        "id",
        "is_from_console",
        "last_error",
        "method",
        "opened_at",
        "opened_by",
        "path",
        "phase",
        "protocol",
        "route",
        "scope",
        "shown",
        "status",
        "subprotocol",
        "user",
    )

    def __init__(
        self, connection: Connection, *, is_from_console: bool = False, opened_by: str = ""
    ) -> None:
        super().__init__()
        scope = connection.scope
        self.id = connection.id
        self.connection: Connection | None = connection  # for who acts on it, while it is served
        self.scope: Scope | None = scope
        self.protocol = str(scope.get("type", ""))
        self.path = str(scope.get("path") or scope.get("channel") or "")
        self.method = str(scope.get("method") or "")
        self.opened_at = self.last_at = connection.opened_at
        self.is_from_console = is_from_console
        self.opened_by = opened_by
        self.phase: Phase = "connecting" if self.protocol == "websocket" else "open"
        self.route = ""
        self.arguments: dict[str, Any] = {}
        self.channel_name = ""
        self.subprotocol = ""
        self.error_count = 0
        self.last_error = ""
        self.error_id = 0
        self.closed_at: float | None = None
        self.close_code: int | None = None
        self.close_reason = ""
        self.closed_by: Closer = ""
        self.status: int | None = None
        self.user = ""
        # What a reader has worked out of the scope, and of which arguments.
        self.shown: tuple[dict[str, Any], tuple[str, str, str, str]] | None = None
        self._meter = Meter(ACTIVITY_BUCKETS, ACTIVITY_S)
        self._counted = 0  # of its messages, in the meter

    def __repr__(self) -> str:
        return f"<ConnectionState {self.id} {self.protocol} {self.phase}>"

    @property
    def short_id(self) -> str:
        """The beginning of the id, which is enough for a person."""
        return self.id[:8]

    @property
    def is_closed(self) -> bool:
        """Whether it has come to its end."""
        return self.closed_at is not None

    def start(self, connection: Connection, consumer: Any) -> None:
        """A consumer took it: its populated scope is read from now on."""
        self.consumer_class = type(consumer)
        self.scope = getattr(consumer, "scope", self.scope)
        self.channel_name = connection.channel_name or ""

    def count_in(self, size_bytes: int | None, now: float) -> None:
        """Count one message from the client."""
        self._mark(now)
        self.in_count += 1
        self.in_bytes += size_bytes or 0

    def count_out(self, size_bytes: int | None, now: float) -> None:
        """Count one message to the client."""
        self._mark(now)
        self.out_count += 1
        self.out_bytes += size_bytes or 0

    def count_layer(self, now: float) -> None:
        """Count one layer message that it sent or was delivered."""
        self._mark(now)
        self.layer_count += 1

    def turn(self, now: float) -> None:
        """Begin the bucket of `now`: what was counted since the last turn was before it."""
        self._settle()
        self._meter.turn_to(now)
        self.turns_at = self._meter.ends_at

    def activity(self, now: float) -> tuple[int, ...]:
        """Return its messages of the last 60 s in buckets, the oldest first."""
        self._settle()
        return self._meter.read(now)

    def count_error(self, sentence: str, error: BaseException) -> None:
        """Count one failure; the same error seen again further out is not counted twice."""
        self.error_count += 1
        self.last_error = sentence
        self.error_id = id(error)

    def close_begins(self, by: Closer, code: int | None, reason: str = "") -> None:
        """One side asked for the end; whoever asked first closed it."""
        if self.closed_by:
            return
        self.closed_by, self.close_code, self.close_reason = by, code, reason
        if by == "application" and self.phase == "connecting":
            self.phase = "refused"
        elif self.phase != "error":
            self.phase = "closing"

    def end(self, now: float) -> None:
        """It is over for its client; its application may still be at work."""
        self.closed_at = now
        if self.phase not in ("refused", "error"):
            self.phase = "closed"
        self.user = self.user_now()

    def release(self) -> None:
        """Its application is through: let go of what waited for a handler."""
        self.pending.clear()
        self.connection = None

    def forget(self) -> None:
        """Nobody lists it any more: keep only what its entries say of it."""
        self.user = self.user_now()
        self.scope = None

    def user_now(self) -> str:
        """Return the name of whoever is signed in, "anonymous", or "" if nobody knows."""
        if self.closed_at is not None and self.user:
            return self.user
        return name_of(self.scope.get("user")) if self.scope is not None else self.user

    def give_up(self, message: Event) -> Waiting | None:
        """Return what is known of a message that has waited too long; it waits no more."""
        for index, waiting in enumerate(self.pending):
            if waiting[0] == message:  # a copy is what is said to be lost
                del self.pending[index]
                return waiting
        return None

    def take_pending(self, message: Event) -> Waiting | None:
        """Return what is known of `message` as its handler begins, and drop those before it.

        Events are entered as they arrive and handled later, in the same order.
        """
        pending = self.pending
        if len(pending) > self.deepest:  # nothing has left since the mailbox was less deep
            self.deepest = len(pending)
        for index, waiting in enumerate(pending):
            if waiting[0] is message:
                for _ in range(index + 1):
                    pending.popleft()
                return waiting
        return None

    def _mark(self, now: float) -> None:
        self.last_at = now
        if now >= self.turns_at:
            self.turn(now)

    def _settle(self) -> None:
        count = self.in_count + self.out_count + self.layer_count
        self._meter.add(count - self._counted)
        self._counted = count


def name_of(user: object) -> str:
    """Return how `user` is called, from what is already in memory.

    A lazy user that nobody has resolved stays so, and a field that was not loaded
    is not fetched: looking must not cause a query.
    """
    if isinstance(user, LazyObject):
        user = user._wrapped
        if user is empty:
            return ""
    if user is None:
        return ""
    if getattr(user, "is_anonymous", False) is True:
        return "anonymous"
    loaded = getattr(user, "__dict__", {})
    field = getattr(type(user), "USERNAME_FIELD", "username")
    return str(loaded.get(field) or loaded.get("id") or type(user).__name__)
