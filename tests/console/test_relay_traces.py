from __future__ import annotations

from typing import Any

from console.journal import Journal
from console.query import parse
from console.relay_traces import ask_traces, held_of
from console.trace_glance import TraceListing, TracesRequest
from console.traces import Held
from tests.console.entries import an_entry
from tests.console.several import Process, processes, until


async def known(one: Process, other: Process) -> None:
    await one.relay.listing()
    await until(lambda: other.name in [view.name for view in one.relay.processes()])


def say(sender: Process, receiver: Process, text: str) -> None:
    """Let a client say something that `receiver` is delivered a message of."""
    connection = sender.open()
    sender.start(connection)
    event = sender.receive(connection, text=text)
    sender.begin(connection, event)
    message = {"type": "chat.message", "text": text}
    cause: Any = sender.recorder.message_sent(connection, None, "specific!a", message)
    sender.recorder.handler_finished(connection, event, None)
    receiver.recorder.message_delivered(None, "specific!a", message, cause)


async def asked(one: Process, query: str = "", **fields: Any) -> TraceListing:
    understood = parse(query) or None
    return await ask_traces(one.relay, understood, TracesRequest(query, **fields))


async def test_a_trace_that_went_through_two_processes_is_one() -> None:
    async with processes("web-1", "web-2") as (one, two):
        say(two, one, "hello")
        await known(one, two)
        found = await asked(one)
        [trace] = found.traces
        assert (trace.root.preview, trace.processes) == ("hello", ("web-2", "web-1"))
        assert (trace.entry_count, trace.delivery_count) == (4, 1)
        assert (found.is_cut, found.silent) == (False, [])


async def test_one_that_matches_in_one_process_is_counted_whole() -> None:
    async with processes("web-1", "web-2") as (one, two):
        say(two, one, "hello")
        say(two, two, "other")
        await known(one, two)
        found = await asked(one, "process:web-1 dir:deliver")
        assert [(trace.root.preview, trace.entry_count) for trace in found.traces] == [("hello", 4)]


async def test_the_first_of_all_processes_are_the_list_and_that_there_are_more_is_said() -> None:
    # The ids of traces begin as the epochs do, and those here as the names.
    async with processes("first", "second") as (one, two):
        for number, process in enumerate((one, two, one, two)):
            for every in (one, two):
                every.clock.advance(1)
            say(process, process, str(number))
        await known(one, two)
        found = await asked(one, limit=3)
        assert [trace.root.preview for trace in found.traces] == ["3", "2", "1"]
        assert found.is_cut
        found = await asked(one, limit=4)
        assert (len(found.traces), found.is_cut) == (4, False)


async def test_what_is_held_is_all_of_the_own_ring_and_of_others_what_was_read() -> None:
    journal = Journal("e0c4", capacity=2, capacity_bytes=1_000)
    entries = [an_entry("beef", 7), an_entry("beef", 4), an_entry("e0c4", 1)]
    held = held_of(entries, journal)
    assert held == {"e0c4": Held(0, 0), "beef": Held(4, 8)}
