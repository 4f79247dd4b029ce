"""What is captured while others read and write: nothing is lost, mixed up or waited for.

Run with the tape in Python and with the compiled one: they promise the same.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from console.connection import ConnectionState
from console.recorder import Recorder
from runtime.taps import Connection
from tests.console.recording import Recording

MESSAGES = 400
PATIENCE_S = 30


def echo(recorder: Recorder, connection: Connection, text: str) -> None:
    """Let a handler answer a message with the same text."""
    event = {"type": "websocket.receive", "text": text}
    recorder.event_received(connection, event, recorder.timer())
    recorder.handler_started(connection, event, None, recorder.timer())
    recorder.event_sent(connection, {"type": "websocket.send", "text": text})
    recorder.handler_finished(connection, event, None)


def opened(recording: Recording) -> Connection:
    connection = recording.open()
    recording.start(connection)
    return connection


def require_echoes(recording: Recording, connection: Connection, texts: list[str]) -> None:
    """Fail unless each text came in, was handled and went out, as an effect of its own message."""
    journal = recording.recorder.journal
    mine = [entry for entry in journal if entry.connection is recording.state(connection)]
    came = {journal.spell(entry): entry for entry in mine if entry.kind == "in"}
    assert [entry.payload for entry in came.values()] == texts
    for kind in ("out", "handler"):
        effects = [entry for entry in mine if entry.kind == kind]
        assert [came[entry.cause].payload for entry in effects] == texts, kind
        assert [came[entry.cause].trace for entry in effects] == [e.trace for e in effects], kind
    assert [entry.payload for entry in mine if entry.kind == "out"] == texts
    assert all(entry.took_s is not None for entry in came.values())
    known = recording.state(connection)
    assert (known.in_count, known.out_count) == (len(texts), len(texts))
    assert not known.pending


@contextmanager
def hurried() -> Iterator[None]:
    """Let threads take turns as often as they can, and the garbage collector run at all times."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(1)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)


def test_what_happens_while_somebody_reads_in_another_thread_is_written_afterwards() -> None:
    recording = Recording()
    connection = opened(recording)
    reads, may_end = threading.Event(), threading.Event()

    def read() -> None:
        with recording.recorder.lock:
            reads.set()
            assert may_end.wait(PATIENCE_S)

    reader = threading.Thread(target=read)
    reader.start()
    assert reads.wait(PATIENCE_S)
    recording.clock.advance(1)
    echo(recording.recorder, connection, "while somebody reads")
    recording.clock.advance(5)
    may_end.set()
    reader.join(PATIENCE_S)
    echo(recording.recorder, connection, "afterwards")
    require_echoes(recording, connection, ["while somebody reads", "afterwards"])
    times = [entry.at for entry in recording.recorder.journal if entry.kind in ("in", "out")]
    assert times == [1_001.0, 1_001.0, 1_006.0, 1_006.0]


def test_one_who_reads_for_long_is_waited_for_in_the_end_and_nothing_is_lost() -> None:
    recording = Recording(RING_ENTRIES=20_000)
    connection = opened(recording)
    texts = [str(number) for number in range(2_000)]

    def talk() -> None:
        for text in texts:
            echo(recording.recorder, connection, text)

    thread = threading.Thread(target=talk)
    with recording.recorder.lock:
        thread.start()
        thread.join(1.0)
        assert thread.is_alive()  # what waits is bounded
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    require_echoes(recording, connection, texts)


def test_one_who_reads_sees_what_happened_before_and_nothing_of_what_happens_meanwhile() -> None:
    recording = Recording()
    connection = opened(recording)
    recorder = recording.recorder
    echo(recorder, connection, "before")
    with recorder.lock:
        before = len(recorder.journal)
        known = recorder.state.get(connection.id)
        assert known is not None
        assert known.in_count == 1
        thread = threading.Thread(target=echo, args=(recorder, connection, "meanwhile"))
        thread.start()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()  # it does not wait for a reader
        assert before == 4  # it was opened; and the message came in, went out, was handled
    require_echoes(recording, connection, ["before", "meanwhile"])


def test_threads_that_write_while_others_read_and_join_mix_nothing_up() -> None:
    recording = Recording(RING_ENTRIES=20_000)
    recorder = recording.recorder
    connections = [opened(recording) for _ in range(4)]
    texts = [str(number) for number in range(MESSAGES)]
    failures: list[BaseException] = []

    def run(work: Any, *args: Any) -> None:
        try:
            work(*args)
        except BaseException as failure:
            failures.append(failure)

    def talk(connection: Connection) -> None:
        for text in texts:
            echo(recorder, connection, text)

    def look() -> None:
        for _ in range(MESSAGES // 4):
            with recorder.lock:
                assert len(recorder.journal) >= 4
            recorder.group_joined(None, "room", "channel")  # written at once, between the others

    threads = [threading.Thread(target=run, args=(talk, one)) for one in connections]
    threads += [threading.Thread(target=run, args=(look,)) for _ in range(2)]
    with hurried():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert failures == []
    for connection in connections:
        require_echoes(recording, connection, texts)


def test_what_is_written_late_is_overtaken_by_nothing_that_came_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording = Recording()
    recorder, turn = recording.recorder, ConnectionState.turn
    busy, late = opened(recording), opened(recording)
    event = {"type": "websocket.receive", "text": "late"}
    reader = threading.Thread(target=lambda: len(recorder.journal))

    def turned(self: ConnectionState, now: float) -> None:
        """Let others do what they would while this connection's message is being written."""
        turn(self, now)
        if self.id == busy.id:
            with recorder.lock:
                recorder.event_received(late, event, recorder.timer())
        elif self.id == late.id:
            recorder.handler_started(late, event, None, recorder.timer())
            reader.start()
            reader.join(0.1)  # or it waits for the lock until all of this is over

    monkeypatch.setattr(ConnectionState, "turn", turned)
    recording.clock.advance(3_600)
    recorder.event_received(busy, {"type": "websocket.receive", "text": "busy"}, recorder.timer())
    while not recording.state(late).in_count:  # the tape in Python writes when somebody reads
        pass
    reader.join(PATIENCE_S)
    recorder.handler_finished(late, event, None)
    (came, ended) = (
        entry
        for entry in recorder.journal
        if entry.connection is recording.state(late) and entry.kind in ("in", "handler")
    )
    assert ended.cause == recorder.journal.spell(came)


def test_a_finalizer_that_sends_in_the_middle_of_anything_mixes_nothing_up() -> None:
    recording = Recording(RING_ENTRIES=20_000)
    recorder = recording.recorder
    connection, other = opened(recording), opened(recording)
    texts = [str(number) for number in range(MESSAGES)]
    sent = 0

    class Farewell:
        def __init__(self) -> None:
            self.me = self  # so that the garbage collector finds it, wherever that runs

        def __del__(self) -> None:
            nonlocal sent
            sent += 1
            recorder.event_sent(other, {"type": "websocket.send", "text": "farewell"})
            recorder.group_joined(None, "room", "channel")

    with hurried():
        for text in texts:
            Farewell()
            echo(recorder, connection, text)
        gc.collect()
    require_echoes(recording, connection, texts)
    assert sent == MESSAGES
    assert recording.state(other).out_count == sent
    assert recording.kinds().count("join") == sent


@pytest.mark.parametrize("fault", ["take", "write"])
def test_a_fault_of_ours_ends_the_recording_and_not_the_application(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from console import folding
    from runtime.taps import taps

    recording = Recording(RING_ENTRIES=5_000)
    recorder = recording.recorder
    connection = opened(recording)
    name = "keep" if fault == "take" else "stats_of"

    def fail(*args: Any) -> None:
        raise RuntimeError("of ours")

    monkeypatch.setattr(folding.Folding, name, fail)
    taps.attach(recorder)
    try:
        for number in range(MESSAGES):
            echo(recorder, connection, str(number))
        assert recorder not in taps.observers
    finally:
        taps.detach(recorder)
