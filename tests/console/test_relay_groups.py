from __future__ import annotations

from typing import Any

from console.relay_groups import ask_group, ask_groups
from console.relay_watching import STALE_S
from tests.console.recording import Layer
from tests.console.several import Process, processes, until

LAYER = Layer()


def join(process: Process, channel: str, *groups: str) -> None:
    connection = process.open()
    process.start(connection, channel=channel)
    for group in groups:
        process.recorder.group_joined(LAYER, group, channel)


async def known(one: Process, *others: Process) -> None:
    await one.relay.listing()
    names = {other.name for other in others}
    await until(lambda: names <= {view.name for view in one.relay.processes()})


def counts(rows: Any) -> dict[str, tuple[int, int]]:
    return {row.name: (row.members, row.processes) for row in rows}


async def test_each_group_is_listed_once_with_the_members_of_all_processes() -> None:
    async with processes("web-1", "web-2", "web-3") as (one, two, three):
        join(one, "specific!a", "lobby")
        join(two, "specific!b", "lobby", "ops")
        join(three, "specific!c", "lobby")
        await known(one, two, three)
        rows, silent = await ask_groups(one.relay, "", "")
        assert (counts(rows), silent) == ({"lobby": (3, 3), "ops": (1, 1)}, [])
        rows, _ = await ask_groups(one.relay, "OP", "")
        assert counts(rows) == {"ops": (1, 1)}
        rows, _ = await ask_groups(one.relay, "", "web-3")
        assert counts(rows) == {"lobby": (1, 1)}


async def test_a_group_that_only_others_know_is_theirs() -> None:
    async with processes("web-1", "web-2", "web-3") as (one, two, three):
        join(two, "specific!b", "ops")
        join(three, "specific!c", "ops")
        await known(one, two, three)
        found, silent = await ask_group(one.relay, "ops", "")
        assert found is not None
        assert (found.by_process, silent) == ({"web-2": 1, "web-3": 1}, [])
        assert await ask_group(one.relay, "ops", "web-1") == (None, [])
        assert await ask_group(one.relay, "nobody", "") == (None, [])


async def test_who_does_not_answer_is_named_beside_what_the_others_say() -> None:
    async with processes("web-1", "web-2") as (one, two):
        join(one, "specific!a", "lobby")
        join(two, "specific!b", "lobby")
        await known(one, two)
        await two.layer.release_channel(two.node.channel)
        one.node.watching.processes[two.epoch].seen_at = one.node._clock() - STALE_S
        rows, silent = await ask_groups(one.relay, "", "")
        assert (counts(rows), silent) == ({"lobby": (1, 1)}, ["web-2"])
        _, silent = await ask_group(one.relay, "lobby", "")
        assert silent == ["web-2"]
