"""Reads the groups of this process, for its own pages and for others'.

Owns the reading alone: names and counts of all, and one of them with its members. Large groups
are read in slices, between which the application's events get through. Used by the relay, and
by what answers one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from console.group_flow import GroupFlow, flow_of
from console.group_view import (
    MOST_COUNTED,
    MOST_GROUPS,
    MOST_KINDS,
    MOST_MEMBERS,
    MOST_SHARED,
    GroupDetail,
    GroupRow,
    Kin,
    MemberView,
)
from console.slices import in_slices
from runtime import DEFAULT_CHANNEL_LAYER
from runtime.layers import channel_layers

if TYPE_CHECKING:
    from console.entry import Entry
    from console.reader import Reader

MEMBER_GROUPS = 6
"""Other groups of one member that are named."""


async def read_groups(reader: Reader, contains: str = "") -> list[GroupRow]:
    """Return the groups that have members here, the largest first.

    Args:
        contains: only those whose name has this in it, in any case.
    """
    recorder = reader.recorder
    with recorder.lock:
        counts = recorder.state.memberships.groups()
    wanted = contains.casefold()
    names = [name for name in counts if wanted in name.casefold()]
    names.sort(key=lambda name: (-counts[name], name))
    rows: list[GroupRow] = []
    now = recorder.clock()
    await in_slices(
        names[:MOST_GROUPS],
        lambda name: rows.append(_row(reader, name, counts[name], now)),
        recorder.lock,
    )
    return rows


async def read_group(reader: Reader, name: str) -> GroupDetail | None:
    """Return one group with its members here; None if this process knows nothing of it."""
    recorder = reader.recorder
    with recorder.lock:
        members = recorder.state.memberships.members(name)
        if not members and recorder.state.groups.get(name) is None:
            return None
    now = recorder.clock()
    row = _row(reader, name, len(members), now)
    flow = _flow(reader, name, now)
    latest = list(members)[: -MOST_MEMBERS - 1 : -1]
    views: list[MemberView] = []
    await in_slices(
        latest,
        lambda channel: views.append(_member(reader, name, channel, members[channel])),
        recorder.lock,
    )
    kin, consumers = await _kin(reader, name, list(members)[:MOST_COUNTED])
    process = reader.process.name
    by_process = {process: len(members)} if members else {}
    return GroupDetail(row, kin, consumers, tuple(views), by_process, flow)


def _row(reader: Reader, name: str, members: int, now: float) -> GroupRow:
    state = reader.recorder.state
    stats = state.groups.get(name)
    return GroupRow(
        name,
        _alias_of(state.memberships.layers_of(name)),
        members,
        stats.sends if stats is not None else 0,
        stats.activity(now) if stats is not None else (),
        stats.first_at if stats is not None else 0.0,
        1 if members else 0,
    )


def _flow(reader: Reader, name: str, now: float) -> GroupFlow:
    """Return what was sent to a group: how often as it was counted, to how many as it is held."""
    recorder = reader.recorder
    with recorder.lock:
        sends = [one for one in recorder.journal if one.group == name and one.kind == "group_send"]
        held = flow_of([(one.at, _receivers(one)) for one in sends], now)
        stats = recorder.state.groups.get(name)
        sent = stats.sent_by_step(now) if stats is not None else held.sent
    return GroupFlow(held.newest, sent, held.addressed)


def _receivers(entry: Entry) -> int:
    count = (entry.facts or {}).get("receivers", 0)
    return count if isinstance(count, int) else 0


def _member(reader: Reader, group: str, channel: str, joined_at: float) -> MemberView:
    state, process = reader.recorder.state, reader.process
    known = state.of_channel(channel)
    others = tuple(one for one in state.memberships.names_of(channel) if one != group)
    if known is None:
        return MemberView(
            channel,
            process=process.name,
            epoch=process.epoch,
            joined_at=joined_at,
            groups=others[:MEMBER_GROUPS],
        )
    consumer = known.consumer_class
    return MemberView(
        channel,
        known.id,
        process.epoch,
        process.name,
        known.user_now(),
        reader.entry_reader.path(known),
        consumer.__name__ if consumer is not None else "",
        joined_at,
        known.layer_count,
        others[:MEMBER_GROUPS],
    )


async def _kin(
    reader: Reader, group: str, channels: list[str]
) -> tuple[tuple[Kin, ...], tuple[str, ...]]:
    """Return the members by consumer with what they share, and the consumers' dotted names."""
    state = reader.recorder.state
    counts: Counter[str] = Counter()
    shared: dict[str, Counter[str]] = {}
    dotted: dict[str, None] = {}

    def look(channel: str) -> None:
        known = state.of_channel(channel)
        consumer = known.consumer_class if known is not None else None
        name = consumer.__name__ if consumer is not None else ""
        if consumer is not None:
            dotted[f"{consumer.__module__}.{consumer.__qualname__}"] = None
        counts[name] += 1
        others = (one for one in state.memberships.names_of(channel) if one != group)
        shared.setdefault(name, Counter()).update(others)

    await in_slices(channels, look, reader.recorder.lock)
    kin = tuple(
        Kin(reader.process.name, name, count, dict(shared[name].most_common(MOST_SHARED)))
        for name, count in counts.most_common(MOST_KINDS)
    )
    return kin, tuple(dotted)[:MOST_KINDS]


def _alias_of(layers: list[Any]) -> str:
    """Return under which alias the project knows the first of these layers."""
    for layer in layers:
        for alias, known in list(channel_layers.backends.items()):
            if known is layer:
                return str(alias)
    return DEFAULT_CHANNEL_LAYER
