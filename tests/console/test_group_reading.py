"""Groups as one process reads them, and as all processes together know them."""

from __future__ import annotations

from typing import Any

from console.group_reading import read_group, read_groups
from tests.console.recording import Layer, Recording
from tests.console.several import processes, until
from tests.support.observing import observed

LAYER = Layer()


def join(process: Any, connection: Any, channel: str, *groups: str) -> None:
    process.start(connection, channel=channel)
    for group in groups:
        process.recorder.group_joined(LAYER, group, channel)


async def test_groups_are_read_with_members_and_sends_the_largest_first() -> None:
    recording = Recording()
    join(recording, recording.open(), "specific!a", "lobby", "ops")
    join(recording, recording.open(), "specific!b", "lobby")
    recording.recorder.group_sent(None, LAYER, "lobby", {"type": "chat.message"}, 2)
    rows = await read_groups(recording.relay.reader)
    assert [(row.name, row.members, row.sends) for row in rows] == [("lobby", 2, 1), ("ops", 1, 0)]
    assert sum(rows[0].activity) == 1
    assert rows[0].first_at == recording.clock.now
    assert [row.name for row in await read_groups(recording.relay.reader, "OP")] == ["ops"]


async def test_a_group_is_read_with_its_members_and_what_they_share() -> None:
    recording = Recording()
    connection = recording.open("/ws/chat/lobby/")
    join(recording, connection, "specific!a", "lobby", "ops")
    recording.clock.advance(5)
    recording.recorder.group_joined(LAYER, "lobby", "elsewhere!x")
    found = await read_group(recording.relay.reader, "lobby")
    unknown, known = found.members
    assert (unknown.channel, unknown.connection) == ("elsewhere!x", "")
    assert (known.connection, known.consumer, known.groups) == (connection.id, "Consumer", ("ops",))
    assert known.joined_at == recording.clock.now - 5
    assert {kin.consumer: kin.count for kin in found.kin} == {"Consumer": 1, "": 1}
    assert found.shared == [("ops", 1)]
    assert found.consumers == ("tests.console.recording.Consumer",)
    assert await read_group(recording.relay.reader, "nobody") is None


async def test_a_group_says_how_much_was_sent_to_it_and_to_how_many_step_by_step() -> None:
    recording = Recording()
    join(recording, recording.open(), "specific!a", "lobby", "ops")
    for group, receivers in (("lobby", 3), ("ops", 9), ("lobby", -1)):
        recording.recorder.group_sent(None, LAYER, group, {"type": "chat.message"}, receivers)
    flow = (await read_group(recording.relay.reader, "lobby")).flow
    assert (flow.sent[-1], sum(flow.sent), flow.addressed_lately) == (2, 2, 3)
    recording.clock.advance(400)
    flow = (await read_group(recording.relay.reader, "lobby")).flow
    assert (sum(flow.sent), flow.addressed_lately) == (0, 0)


async def test_a_member_that_leaves_is_gone_and_one_that_joins_again_stays_since_it_came() -> None:
    recording = Recording()
    join(recording, recording.open(), "specific!a", "lobby")
    recording.clock.advance(9)
    recording.recorder.group_joined(LAYER, "lobby", "specific!a")
    [member] = (await read_group(recording.relay.reader, "lobby")).members
    assert member.joined_at == recording.clock.now - 9
    recording.recorder.group_left(LAYER, "lobby", "specific!a")
    found = await read_group(recording.relay.reader, "lobby")
    assert (found.row.members, found.members) == (0, ())
    assert await read_groups(recording.relay.reader) == []


async def test_the_members_in_all_processes_are_one_group() -> None:
    async with processes("web-1", "web-2") as (one, two):
        join(one, one.open(), "specific!a", "lobby")
        theirs = two.open("/ws/?token=hunter2")
        join(two, theirs, "specific!b", "lobby", "ops")
        await one.relay.listing()
        await until(lambda: len(one.relay.processes()) == 2)
        rows, silent = await one.relay.groups()
        assert {row.name: (row.members, row.processes) for row in rows} == {
            "lobby": (2, 2),
            "ops": (1, 1),
        }
        assert silent == []
        found, _ = await one.relay.group("lobby")
        assert found.by_process == {"web-1": 1, "web-2": 1}
        assert {(member.process, member.channel) for member in found.members} == {
            ("web-1", "specific!a"),
            ("web-2", "specific!b"),
        }
        only, _ = await one.relay.groups(process="web-2")
        assert {row.name: row.members for row in only} == {"lobby": 1, "ops": 1}
        found, _ = await one.relay.group("lobby", process="web-2")
        assert found.row.members == 1
        assert (await one.relay.group("nobody"))[0] is None


async def test_a_recorder_that_is_attached_hears_of_groups() -> None:
    from runtime.layers import InMemoryChannelLayer

    recording, layer = Recording(), InMemoryChannelLayer()
    with observed(recording.recorder):
        channel = await layer.new_channel()
        await layer.group_add("lobby", channel)
        await layer.group_send("lobby", {"type": "x"})
    [row] = await read_groups(recording.relay.reader)
    assert (row.name, row.members, row.sends) == ("lobby", 1, 1)
