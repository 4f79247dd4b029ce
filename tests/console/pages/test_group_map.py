from __future__ import annotations

from console.group_view import GroupDetail, GroupRow, Kin, MemberView
from console.pages.group_map import MOST_PLACES, MOST_SINGLE, draw


def single(count: int) -> GroupDetail:
    members = tuple(
        MemberView(f"specific!{n:08x}", f"c{n}", user=f"user-{n}", groups=("ops",) if n else ())
        for n in range(count)
    )
    kin = (Kin("web-1", "Chat", count, {"ops": count - 1}),)
    return GroupDetail(GroupRow("lobby", members=count), kin, members=members)


def test_a_few_members_are_drawn_one_by_one():
    picture = draw(single(5))
    assert [place.label for place in picture.members] == [f"user-{n}" for n in range(5)]
    assert [(place.label, place.count) for place in picture.groups] == [("lobby", 5), ("ops", 4)]
    assert len(picture.lines) == 5 + 4
    assert [line.is_match for line in picture.lines].count(True) == 5
    assert not picture.is_bundled
    assert picture.sentence == "5 members of lobby; of them 4 in ops"


def test_five_thousand_are_drawn_as_bundles_that_add_up():
    kin = tuple(
        Kin(f"web-{n}", "Chat", 5_000 - 700 * n, {"ops": 10, f"user.{n}": 1}) for n in range(7)
    )
    total = sum(one.count for one in kin)
    members = tuple(MemberView(f"specific!{n:08x}") for n in range(100))
    picture = draw(GroupDetail(GroupRow("lobby", members=total), kin, members=members))
    assert picture.is_bundled
    assert len(picture.members) == MOST_PLACES
    assert picture.members[0].label == "web-0"  # all are of one consumer
    assert sum(place.count for place in picture.members) == total
    assert picture.members[-1].label.endswith("more")
    assert len(picture.groups) == MOST_PLACES
    assert picture.groups[1].title == "ops"
    assert picture.groups[1].count == 70
    widths = [line.width for line in picture.lines if line.is_match]
    assert widths[0] == max(widths) < 8
    assert picture.height < 300


def test_a_member_without_a_name_is_told_by_its_channel_and_long_names_are_cut():
    members = (MemberView("specific.inmemory!a1b2c3d4e5"), MemberView("x!y", user="u" * 60))
    picture = draw(GroupDetail(GroupRow("g" * 60, members=2), members=members))
    assert picture.members[0].label == "a1b2c3d4"
    assert len(picture.members[1].label) == 18
    assert picture.members[1].title == "u" * 60
    assert picture.sentence.endswith("in no other group")


def test_the_picture_changes_its_way_of_drawing_at_one_size():
    assert not draw(single(MOST_SINGLE)).is_bundled
    assert draw(single(MOST_SINGLE + 1)).is_bundled


def test_a_group_without_members_has_no_picture():
    assert draw(GroupDetail(GroupRow("lobby"))) is None
