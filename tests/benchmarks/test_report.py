from __future__ import annotations

from tests.benchmarks.goals import GOALS, Goal
from tests.benchmarks.report import Row, rows_of, shortfalls, table

ECHO = GOALS["async_echo"]


def row(*, goal: Goal = ECHO, ours: list[float], channels: list[float], **rest: list[float]) -> Row:
    return Row("async_echo", goal, ours, channels, **rest)


def test_a_ratio_is_taken_within_a_round() -> None:
    assert row(ours=[10, 20, 10], channels=[100, 240, 90]).ratios == [10, 12, 9]


def test_the_median_decides_whether_a_factor_is_reached() -> None:
    assert row(goal=Goal(factor=10), ours=[1, 1, 1], channels=[1, 10, 99]).is_reached
    assert not row(goal=Goal(factor=10), ours=[1, 1, 1], channels=[1, 9.9, 99]).is_reached


def test_a_bound_is_on_our_own_cost() -> None:
    assert row(goal=Goal(at_most=60, unit="ms"), ours=[60], channels=[61]).is_reached
    assert not row(goal=Goal(at_most=60, unit="ms"), ours=[61], channels=[6_000]).is_reached


def test_a_cost_of_nothing_reaches_a_bound_and_has_no_ratio() -> None:
    idle = row(goal=Goal(at_most=1, unit="commands"), ours=[0, 0], channels=[3, 0])
    assert idle.is_reached
    assert idle.ratios == []
    assert "| 0.00 commands | 1.50 commands |  " in table([idle])


def test_what_is_not_reached_is_said_with_the_goal() -> None:
    short = row(goal=Goal(factor=10), ours=[1], channels=[5], observed=[1.25])
    assert list(shortfalls([short])) == [
        "async_echo: 5.00 times less than Channels, and 10x was the goal.",
        "async_echo: an idle observer costs 1.25 times as much as none, and 1.1 was the goal.",
    ]
    bounded = row(goal=Goal(at_most=8, unit="kB"), ours=[12.5], channels=[16])
    assert list(shortfalls([bounded])) == ["async_echo: 12.5 kB, and 8 kB was the goal."]


def test_nothing_is_said_of_what_is_reached() -> None:
    reached = row(goal=Goal(factor=2), ours=[1], channels=[5], observed=[1.1])
    assert list(shortfalls([reached])) == []


def test_a_workload_that_failed_on_one_side_has_no_row() -> None:
    costs = {"runtime": [1.0], "channels": [], "bare": [], "observed": []}
    assert rows_of({"async_echo": costs}) == []


def test_the_table_shows_medians_and_how_far_the_ratios_are_apart() -> None:
    lines = table([row(ours=[10, 20, 10], channels=[100, 2_400, 90], bare=[4])]).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("async_echo", "10.0 us", "100 us", "10.0 (9.00 to 120)", "10x", "yes", "4.00 us", "")
    ]
    assert len({len(line) for line in lines}) == 1
