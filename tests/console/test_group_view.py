from __future__ import annotations

from console.group_view import (
    MOST_MEMBERS,
    GroupDetail,
    GroupRow,
    Kin,
    MemberView,
    in_order,
    merged,
)


def activity(last: int) -> tuple[int, ...]:
    return (0,) * 17 + (last,)


def test_what_several_processes_say_of_a_group_is_one_row():
    one = [GroupRow("lobby", members=2, sends=3, activity=activity(10), first_at=20.0)]
    two = [
        GroupRow("lobby", members=1, sends=1, activity=activity(5), first_at=10.0),
        GroupRow("ops", members=1),
    ]
    lobby, ops = merged([one, two])
    assert lobby == GroupRow(
        "lobby", members=3, sends=4, activity=activity(15), first_at=10.0, processes=2
    )
    assert lobby.rate == 1.5
    assert ops.members == 1


def test_a_process_that_saw_nothing_does_not_say_when_it_began():
    row = GroupRow("lobby", first_at=0.0) + GroupRow("lobby", first_at=7.0)
    assert row.first_at == 7.0


def test_rows_are_ordered_by_members_rate_or_name():
    rows = [
        GroupRow("b", members=1, activity=activity(9)),
        GroupRow("a", members=1),
        GroupRow("c", members=5, activity=activity(1)),
    ]
    assert [row.name for row in in_order(rows, "members")] == ["c", "b", "a"]
    assert [row.name for row in in_order(rows, "rate")] == ["b", "c", "a"]
    assert [row.name for row in in_order(rows, "name")] == ["a", "b", "c"]


def test_members_of_several_processes_are_listed_by_who_came_last_and_bounded():
    one = GroupDetail(
        GroupRow("lobby", members=MOST_MEMBERS),
        (Kin("web-1", "Chat", MOST_MEMBERS, {"ops": 2}),),
        ("demo.Chat",),
        tuple(MemberView(f"a{n}", joined_at=n) for n in range(MOST_MEMBERS)),
        {"web-1": MOST_MEMBERS},
    )
    two = GroupDetail(
        GroupRow("lobby", members=1),
        (Kin("web-2", "Chat", 1, {"ops": 1, "x": 1}),),
        ("demo.Chat",),
        (MemberView("b", joined_at=1e9),),
        {"web-2": 1},
    )
    whole = one + two
    assert whole.row.members == MOST_MEMBERS + 1
    assert len(whole.members) == MOST_MEMBERS
    assert whole.members[0].channel == "b"
    assert whole.shared == [("ops", 3), ("x", 1)]
    assert whole.consumers == ("demo.Chat",)
    assert whole.by_process == {"web-1": MOST_MEMBERS, "web-2": 1}
