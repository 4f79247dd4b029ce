"""A recorder under a clock that is set by hand, and connections that were never opened."""

from __future__ import annotations

from typing import Any

from console.conf import Settings
from console.process import ProcessView
from console.recorder import Recorder
from console.relay import Relay
from runtime.taps import Connection

EPOCH = "e0c4e0c4e0c4"
PROCESS = ProcessView(name="web-1", pid=1, host="example", started_at=0.0, epoch=EPOCH)


class Clock:
    """Says the time that it was last set to."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Recording:
    """A recorder, the clock it reads, and the relay that reads it."""

    def __init__(self, process: ProcessView = PROCESS, **settings: Any) -> None:
        self.clock = Clock()
        self.recorder = Recorder(process, Settings(**settings), clock=self.clock, timer=self.clock)
        self.relay = Relay(self.recorder)

    def open(self, path: str = "/ws/chat/lobby/", **scope: Any) -> Connection:
        connection = Connection({"type": "websocket", "path": path, "headers": [], **scope})
        connection.opened_at = self.clock.now
        self.recorder.scope_opened(connection)
        return connection

    def start(
        self, connection: Connection, consumer: Any = None, channel: str | None = None
    ) -> Any:
        consumer = Consumer(connection.scope) if consumer is None else consumer
        connection.consumer = consumer
        connection.channel_name = channel
        self.recorder.consumer_started(connection, consumer)
        return consumer

    def receive(
        self, connection: Connection, kind: str = "websocket.receive", **fields: Any
    ) -> Any:
        event = {"type": kind, **fields}
        self.recorder.event_received(connection, event, self.recorder.timer())
        return event

    def send(self, connection: Connection, kind: str = "websocket.send", **fields: Any) -> None:
        self.recorder.event_sent(connection, {"type": kind, **fields})

    def begin(
        self, connection: Connection, message: Any, cause: Any = None, *, waited_s: float = 0.0
    ) -> None:
        put_at = self.recorder.timer() - waited_s
        self.recorder.handler_started(connection, message, cause, put_at)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.recorder.journal]

    def last(self) -> Any:
        return next(reversed(self.recorder.journal))

    def state(self, connection: Connection) -> Any:
        return self.recorder.state.get(connection.id)


class Consumer:
    """Has what the recorder looks at."""

    def __init__(self, scope: Any) -> None:
        self.scope = scope


class Layer:
    """Stands for a channel layer: an identity and no more."""
