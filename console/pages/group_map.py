"""Who is in a group and what else they are in, laid out as a picture.

Owns the geometry. A few members are drawn one by one; many are drawn as bundles, one for each
consumer and process, so that the picture has at most six places on each side, whatever the
size of the group. Knows no colours and reads nothing. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from console.group_view import GroupDetail, Kin, MemberView

WIDTH = 470
LEFT, RIGHT = 178, 276
STEP = 34
TOP = 20
MOST_SINGLE = 6
"""Members that are drawn one by one."""

MOST_PLACES = 6
LABEL_CHARS = 18


@dataclass(frozen=True, slots=True)
class Place:
    """One end of the lines.

    Attributes:
        label: what it is, cut; `title` is all of it.
        count: how many members it stands for.
        link: id of the connection, of a single member.
    """

    label: str
    title: str
    count: int
    x: int
    y: int
    is_group: bool = False
    link: str = ""

    @property
    def text_y(self) -> int:
        """Where its words stand."""
        return self.y + 4


@dataclass(frozen=True, slots=True)
class Line:
    """Members of one place that are in one group."""

    path: str
    width: float
    is_match: bool


@dataclass(frozen=True, slots=True)
class GroupMap:
    """The picture.

    Attributes:
        sentence: what it shows, for who cannot see it.
        is_bundled: whether places on the left stand for many.
    """

    members: tuple[Place, ...]
    groups: tuple[Place, ...]
    lines: tuple[Line, ...]
    height: int
    sentence: str
    is_bundled: bool
    width: int = WIDTH


def draw(group: GroupDetail) -> GroupMap | None:
    """Return the picture of a group; None if nobody is in it."""
    if not group.members:
        return None
    is_bundled = group.row.members > MOST_SINGLE
    bundles = _bundles(group) if is_bundled else _singles(group.members)
    names = [group.row.name, *(name for name, _ in _shared(bundles)[: MOST_PLACES - 1])]
    totals = dict(_shared(bundles))
    left = tuple(
        Place(_cut(label), label, count, LEFT, TOP + STEP * at, link=link)
        for at, (label, count, _, link) in enumerate(bundles)
    )
    right = tuple(
        Place(
            _cut(name), name, totals.get(name, group.row.members), RIGHT, TOP + STEP * at, at == 0
        )
        for at, name in enumerate(names)
    )
    lines = [
        _line(place, groups, count if groups.is_group else shared.get(groups.title, 0))
        for place, (_, count, shared, _) in zip(left, bundles, strict=True)
        for groups in right
    ]
    # The group's own lines last: they lie above the others.
    drawn = sorted((line for line in lines if line is not None), key=lambda line: line.is_match)
    height = 2 * TOP + STEP * (max(len(left), len(right)) - 1)
    return GroupMap(left, right, tuple(drawn), height, _sentence(group, right), is_bundled)


def _singles(members: Sequence[MemberView]) -> list[tuple[str, int, dict[str, int], str]]:
    return [
        (
            one.user or one.channel.rpartition("!")[2][:8],
            1,
            dict.fromkeys(one.groups, 1),
            one.connection,
        )
        for one in members[:MOST_SINGLE]
    ]


def _bundles(group: GroupDetail) -> list[tuple[str, int, dict[str, int], str]]:
    """Return (label, members, how many of them in which other group, no link)."""
    kin = group.kin
    shown = kin if len(kin) <= MOST_PLACES else kin[: MOST_PLACES - 1]
    has_one_process = len({one.process for one in kin}) == 1
    has_one_consumer = len({one.consumer for one in kin}) == 1
    found = [
        (_label(one, has_one_process, has_one_consumer), one.count, dict(one.shared), "")
        for one in shown
    ]
    left_out = group.row.members - sum(one.count for one in shown)
    if left_out > 0:
        shared: dict[str, int] = {}
        for one in kin[len(shown) :]:
            for name, count in one.shared.items():
                shared[name] = shared.get(name, 0) + count
        found.append((f"{left_out:,} more".replace(",", "\u00a0"), left_out, shared, ""))
    return found


def _label(kin: Kin, has_one_process: bool, has_one_consumer: bool) -> str:
    """Return what tells a bundle from the others."""
    consumer = kin.consumer or "no consumer"
    if has_one_process:
        return consumer
    return kin.process if has_one_consumer else f"{kin.process} {consumer}"


def _shared(bundles: Iterable[tuple[str, int, dict[str, int], str]]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for _, _, shared, _ in bundles:
        for name, count in shared.items():
            counts[name] = counts.get(name, 0) + count
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _line(member: Place, group: Place, count: int) -> Line | None:
    if not count:
        return None
    middle = (LEFT + RIGHT) // 2
    path = f"M{LEFT} {member.y}C{middle} {member.y} {middle} {group.y} {RIGHT} {group.y}"
    return Line(path, round(1 + math.log2(count + 1) / 2, 2), group.is_group)


def _sentence(group: GroupDetail, right: Sequence[Place]) -> str:
    others = ", ".join(f"{one.count} in {one.title}" for one in right[1:])
    count = group.row.members
    said = f"{count} member{'' if count == 1 else 's'} of {group.row.name}"
    return f"{said}; of them {others}" if others else f"{said}, in no other group"


def _cut(text: str) -> str:
    return text if len(text) <= LABEL_CHARS else f"{text[: LABEL_CHARS - 1]}…"
