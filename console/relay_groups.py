"""Groups as all processes know them: each once, with the members that each process has.

Owns the adding up of what they say. Called by the relay.
"""

from __future__ import annotations

from console.group_reading import read_group, read_groups
from console.group_view import GroupDetail, GroupRow, merged
from console.relay_processes import Processes
from console.relay_replies import heard


async def ask_groups(
    processes: Processes, contains: str, process: str
) -> tuple[list[GroupRow], list[str]]:
    """Return the groups that have members; see `Relay.groups`."""
    reader, asked = processes.reader, {"contains": contains}
    own, others = await processes.ask_all(read_groups(reader, contains), "groups", asked)
    answers = {reader.process.epoch: own}
    for answer in await heard(others, GroupRow):
        answers[answer.epoch] = answer.values
    return merged(processes.only(process, answers)), processes.silent_names(others)


async def ask_group(
    processes: Processes, name: str, process: str
) -> tuple[GroupDetail | None, list[str]]:
    """Return one group; see `Relay.group`."""
    reader = processes.reader
    own, others = await processes.ask_all(read_group(reader, name), "group", {"name": name})
    answers = {reader.process.epoch: [own] if own is not None else []}
    for answer in await heard(others, GroupDetail):
        answers[answer.epoch] = answer.values
    found = [one for said in processes.only(process, answers) for one in said[:1]]
    whole = found[0] if found else None
    for one in found[1:]:
        whole = whole + one if whole is not None else one
    return whole, processes.silent_names(others)
