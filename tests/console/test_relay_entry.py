from __future__ import annotations

from typing import Any

import pytest

from console.relay_entry import EFFECTS, ask_entry
from console.relay_processes import NoAnswer
from tests.console.several import Process, processes, until


async def known(one: Process, other: Process) -> None:
    await one.relay.listing()
    await until(lambda: other.name in [view.name for view in one.relay.processes()])


def sent_by(process: Process, text: str = "hi") -> Any:
    """Let a connection of `process` send a layer message, and return what caused its effects."""
    connection = process.open()
    process.start(connection)
    process.receive(connection, text=text)
    return process.recorder.message_sent(connection, None, "specific!a", {"type": "chat.message"})


def deliver(process: Process, cause: Any) -> None:
    process.recorder.message_delivered(None, "specific!a", {"type": "chat.message"}, cause)


async def test_the_effects_in_all_processes_are_in_the_order_of_their_times() -> None:
    async with processes("web-1", "web-2", "web-3") as (one, two, three):
        cause = sent_by(one)
        offset = one.last().offset
        for number, process in enumerate((three, one, two)):
            process.clock.advance(number + 1)
            deliver(process, cause)
        found = await ask_entry(one.relay, one.epoch, offset)
        assert found is not None
        assert [effect.process for effect in found.effects] == ["web-3", "web-1", "web-2"]


async def test_no_more_effects_are_shown_than_fit_a_page() -> None:
    async with processes("web-1", "web-2") as (one, two):
        cause = sent_by(one)
        offset = one.last().offset
        for _ in range(EFFECTS):
            deliver(one, cause)
            deliver(two, cause)
        found = await ask_entry(one.relay, one.epoch, offset)
        assert found is not None
        assert len({effect.position for effect in found.effects}) == EFFECTS


async def test_the_cause_is_asked_from_the_process_that_has_it() -> None:
    async with processes("web-1", "web-2", "web-3") as (one, two, three):
        deliver(three, sent_by(two, "from two"))
        await known(one, three)
        found = await ask_entry(one.relay, three.epoch, three.last().offset)
        assert found is not None
        assert found.caused_by is not None
        assert (found.view.process, found.caused_by.process) == ("web-3", "web-2")


async def test_an_entry_that_its_process_has_no_more_is_none() -> None:
    async with processes("web-1", "web-2", RING_ENTRIES=2) as (one, two):
        connection = two.open()
        for _ in range(5):
            two.receive(connection, text="x")
        await known(one, two)
        assert await ask_entry(one.relay, two.epoch, 0) is None
        assert await ask_entry(one.relay, one.epoch, 0) is None


async def test_an_entry_of_a_process_that_has_ended_is_none() -> None:
    async with processes("web-1") as (one,):
        assert await ask_entry(one.relay, "5f00c2a1d0e4", 0) is None


async def test_a_process_that_is_there_and_does_not_answer_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with processes("web-1", "web-2") as (one, two):
        await known(one, two)
        await two.layer.release_channel(two.node.channel)
        ask = one.node.ask

        async def briefly(*arguments: Any, **options: Any) -> Any:
            return await ask(*arguments, **options | {"timeout_s": 0.05})

        monkeypatch.setattr(one.node, "ask", briefly)
        with pytest.raises(NoAnswer, match="web-2 did not answer"):
            await ask_entry(one.relay, two.epoch, 0)
