"""Whatever the taps say, and in whatever order: the state is what counting anew would give."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.taps import Connection
from tests.console.recording import Layer, Recording

CLOSED_KEPT = 2
SLOTS = 4
GROUPS = ("lobby", "news")
REASONS = ("capacity", "expired", "no handler", "slow client")

slots = st.integers(0, SLOTS - 1)
steps = st.one_of(
    st.tuples(st.just("open"), slots, st.sampled_from(["websocket", "http", "mqtt"])),
    st.tuples(st.just("receive"), slots, st.integers(0, 9)),
    st.tuples(st.just("send"), slots, st.integers(0, 9)),
    st.tuples(st.just("handle"), slots, st.sampled_from([None, KeyError, ValueError])),
    st.tuples(st.just("deliver"), slots, st.none()),
    st.tuples(st.just("drop"), slots, st.sampled_from(REASONS)),
    st.tuples(st.just("join"), slots, st.sampled_from(GROUPS)),
    st.tuples(st.just("leave"), slots, st.sampled_from(GROUPS)),
    st.tuples(st.just("tell"), slots, st.none()),
    st.tuples(st.just("broadcast"), slots, st.sampled_from(GROUPS)),
    st.tuples(st.just("accept"), slots, st.none()),
    st.tuples(st.just("hang_up"), slots, st.sampled_from(["client", "application"])),
    st.tuples(st.just("miss"), slots, st.none()),
    st.tuples(st.just("close"), slots, st.sampled_from([None, OSError])),
)


class Player:
    """Plays steps to a recorder, and writes down each that had an effect."""

    def __init__(self) -> None:
        self.recording = Recording(CLOSED_KEPT=CLOSED_KEPT)
        self.layer = Layer()
        self.open: dict[int, Connection] = {}
        self.waiting: dict[str, list[Any]] = {}
        self.log: list[tuple[str, Connection, Any]] = []

    def play(self, name: str, slot: int, value: Any) -> None:
        """Play one step; one on a connection that is not open has no effect."""
        if name == "open":
            if slot not in self.open:
                self._open(slot, value)
            return
        if (connection := self.open.get(slot)) is None:
            return
        getattr(self, f"_{name}")(connection, value)
        self.log.append((name, connection, value))
        if name == "close":
            del self.open[slot]

    def _open(self, slot: int, protocol: str) -> None:
        connection = self.recording.open(f"/{slot}/", type=protocol)
        self.recording.start(connection, channel=f"specific!{connection.id}")
        self.open[slot] = connection
        self.waiting[connection.id] = []
        self.log.append(("open", connection, protocol))

    def _receive(self, connection: Connection, size: int) -> None:
        # Of every other length by the type that comes with most messages, and is folded later.
        kind = "websocket.receive" if size % 2 else "chat.receive"
        event = self.recording.receive(connection, kind, text="é" * size)
        self.waiting[connection.id].append(event)

    def _send(self, connection: Connection, size: int) -> None:
        kind = "websocket.send" if size % 2 else "chat.send"
        self.recording.send(connection, kind, text="é" * size)

    def _handle(self, connection: Connection, error: type[Exception] | None) -> None:
        waiting = self.waiting[connection.id]
        event = waiting.pop(0) if waiting else {"type": "websocket.receive"}
        self.recording.begin(connection, event)
        failure = error("failed") if error is not None else None
        self.recording.recorder.handler_finished(connection, event, failure)

    def _deliver(self, connection: Connection, _: None) -> None:
        message = {"type": "chat.message"}
        channel = connection.channel_name or ""
        self.recording.recorder.message_delivered(connection, channel, message, None)
        self.waiting[connection.id].append(message)

    def _drop(self, connection: Connection, reason: Any) -> None:
        message = {"type": "chat.lost"}
        self.recording.recorder.message_dropped(connection, "", message, reason, None)

    def _join(self, connection: Connection, group: str) -> None:
        self.recording.recorder.group_joined(self.layer, group, connection.channel_name or "")

    def _leave(self, connection: Connection, group: str) -> None:
        self.recording.recorder.group_left(self.layer, group, connection.channel_name or "")

    def _tell(self, connection: Connection, _: None) -> None:
        self.recording.recorder.message_sent(connection, self.layer, "jobs", {"type": "job"})

    def _broadcast(self, connection: Connection, group: str) -> None:
        message = {"type": "chat.message"}
        self.recording.recorder.group_sent(connection, self.layer, group, message, 0)

    def _accept(self, connection: Connection, _: None) -> None:
        self.recording.send(connection, "websocket.accept")

    def _hang_up(self, connection: Connection, by: str) -> None:
        if by == "client":
            event = self.recording.receive(connection, "websocket.disconnect", code=1001)
            self.waiting[connection.id].append(event)
        else:
            self.recording.send(connection, "websocket.close", code=4000)

    def _miss(self, connection: Connection, _: None) -> None:
        self.recording.recorder.route_missed(connection, "", ["chat/"])

    def _close(self, connection: Connection, error: type[Exception] | None) -> None:
        self.recording.recorder.scope_closed(connection, error() if error is not None else None)

    # Counting anew

    def times(self, name: str, connection: Connection | None = None) -> int:
        """Return how often a step was played, on one connection or on all."""
        return sum(step == name and connection in (None, where) for step, where, _ in self.log)

    def values(self, name: str, connection: Connection | None = None) -> list[Any]:
        """Return the values of a step, in order."""
        return [
            value for step, where, value in self.log if step == name and connection in (None, where)
        ]

    def ending(self, connection: Connection) -> tuple[str, int | None]:
        """Return who began to end a connection, and with which code."""
        by = next(iter(self.values("hang_up", connection)), "")
        return by, {"": None, "client": 1001, "application": 4000}[by]

    def members(self) -> dict[str, int]:
        """Return the members of the groups that have some."""
        members: set[tuple[str, str]] = set()
        for step, where, group in self.log:
            if step == "join":
                members.add((group, where.id))
            elif step == "leave":
                members.discard((group, where.id))
        return dict(Counter(group for group, _ in members))

    def listed(self) -> list[str]:
        """Return the ids of those that are open, and of the last that were closed."""
        closed: dict[str, list[str]] = {}
        protocols = {where.id: value for step, where, value in self.log if step == "open"}
        for step, where, _ in self.log:
            if step == "close":
                closed.setdefault(protocols[where.id], []).append(where.id)
        gone = {one for ids in closed.values() for one in ids[:-CLOSED_KEPT]}
        return [one for one in reversed(protocols) if one not in gone]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(steps, st.booleans()), max_size=60))
def test_any_sequence_of_taps_folds_to_what_counting_anew_gives(played: Any) -> None:
    player = Player()
    for step, is_looked_at in played:
        player.play(*step)
        if is_looked_at:  # whoever reads has everything folded first
            assert len(player.recording.recorder.journal) <= 5_000
    recorder = player.recording.recorder
    state = recorder.state

    assert [known.id for known in state] == player.listed()
    assert state.open_count == len(player.open)
    protocols = [connection.scope["type"] for connection in player.open.values()]
    assert state.count_by_protocol() == dict(Counter(protocols))
    assert state.drops == Counter(player.values("drop"))
    assert state.memberships.groups() == player.members()
    assert state.missed_routes == player.times("miss")
    assert state.waiting == sum(len(player.waiting[one.id]) for one in player.open.values())

    failed = [error for error in player.values("handle") if error is not None]
    ended_badly = [error for error in player.values("close") if error is not None]
    errors = [*failed, *ended_badly]
    assert state.errors == Counter(("Consumer", error.__name__) for error in errors)
    sends = {group: state.groups.get(group) for group in player.values("broadcast")}
    assert {group: stats and stats.sends for group, stats in sends.items()} == dict(
        Counter(player.values("broadcast"))
    )
    now = player.recording.clock.now
    ended = [handler.latency(now) for handler in state.handlers]
    assert sum(one.count for one in ended) == player.times("handle")
    assert sum(one.errors for one in ended) == len(failed)

    assert [entry.offset for entry in recorder.journal] == list(range(len(recorder.journal)))
    assert Counter(entry.kind for entry in recorder.journal) == recorder.journal.kinds_since(0.0)
    totals = state.tally.totals
    hung_up = Counter(player.values("hang_up"))
    assert totals["in"] == player.times("receive") + hung_up["client"]
    assert totals["send"] == player.times("tell")
    assert totals["deliver"] == player.times("deliver")
    assert totals["error"] == len(errors) + player.times("miss")
    assert sum(totals.values()) == recorder.journal.position[1]
    for connection in player.open.values():
        known: Any = state.get(connection.id)
        assert known.in_count == player.times("receive", connection)
        assert known.in_bytes == 2 * sum(player.values("receive", connection))
        assert known.out_count == player.times("send", connection)
        layer = sum(player.times(name, connection) for name in ("deliver", "tell", "broadcast"))
        assert known.layer_count == layer
        assert (known.closed_by, known.close_code) == player.ending(connection)
        misses, failures = player.times("miss", connection), player.values("handle", connection)
        assert known.error_count == misses + sum(error is not None for error in failures)
    counts = state.counts()
    assert sum(one.opened for one in counts.values()) == player.times("open")
    assert sum(one.in_count for one in counts.values()) == player.times("receive")
    assert sum(one.out_bytes for one in counts.values()) == 2 * sum(player.values("send"))
