"""Which tests stay together when several processes share them, and which run alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.distribution import (
    ALONE,
    IN_A_BROWSER,
    TOGETHER,
    ByWhatIsShared,
    home_of,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("test", "home"),
    [
        ("tests/runtime/test_pool.py::test_a", "tests/runtime/test_pool.py"),
        ("tests/runtime/test_pool.py::test_a[x::y]", "tests/runtime/test_pool.py"),
        ("tests/runtime/test_pool.py::TestPool::test_a[1]", "tests/runtime/test_pool.py::TestPool"),
    ],
)
def test_tests_stay_with_those_of_their_class_or_module(test: str, home: str) -> None:
    assert home_of(test) == home


def test_tests_that_share_what_is_costly_stay_together() -> None:
    for beginning, shared in (TOGETHER | ALONE).items():
        assert home_of(f"{beginning}::test_a[n]") == shared


def test_what_is_named_is_there() -> None:
    assert [one for one in TOGETHER | ALONE if not (ROOT / one).exists()] == []


class Process:
    """A process that runs what it is given, and like pytest-xdist's keeps its last test for later.

    It ends when it is told to.
    """

    def __init__(self, name: str, tests: list[str]) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.tests = tests
        self.waiting: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.waiting += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    def steps(self, scheduler: ByWhatIsShared) -> Iterator[str]:
        """Run a test at each step, and yield its name; nothing while there is none to run."""
        while self.waiting or not self.shutting_down:
            if len(self.waiting) > (0 if self.shutting_down else 1):
                index = self.waiting.pop(0)
                scheduler.mark_test_complete(self, index)
                yield self.tests[index]
            else:
                yield ""
        scheduler.remove_node(self)


def run(tests: list[str], processes: int) -> list[set[str]]:
    """Return which tests ran beside each other, step by step."""
    config: Any = SimpleNamespace(
        option=SimpleNamespace(loadscopereorder=True), getvalue=lambda name: ["popen"] * processes
    )
    scheduler = ByWhatIsShared(config)
    nodes = [Process(f"gw{number}", tests) for number in range(processes)]
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, tests)
    scheduler.schedule()
    running = [node.steps(scheduler) for node in nodes]
    beside = [{test for one in running if (test := next(one, ""))} for _ in range(20 * len(tests))]
    return [tests for tests in beside if tests]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_those_that_measure_run_last_and_beside_no_other(processes: int) -> None:
    others = [f"tests/runtime/test_{letter}.py::test_{n}" for letter in "abcd" for n in range(5)]
    measuring = [f"{next(iter(ALONE))}::test_{n}" for n in range(6)]
    beside = run([*measuring, *others], processes)
    assert sorted(test for some in beside for test in some) == sorted([*measuring, *others])
    assert beside[-6:] == [{one} for one in measuring]
    assert processes == 1 or max(map(len, beside)) > 1


def test_one_process_has_the_browser_while_the_others_have_something_else_to_do() -> None:
    others = [f"tests/runtime/test_{letter}.py::test_{n}" for letter in "abc" for n in range(5)]
    seeing = [f"{IN_A_BROWSER}test_{letter}.py::test_{n}" for letter in "xyz" for n in range(5)]
    beside = run([*others, *seeing], 2)
    assert sorted(test for some in beside for test in some) == sorted([*others, *seeing])
    in_a_browser = [sum(test in seeing for test in some) for some in beside]
    assert in_a_browser == [1] * 15


def test_who_has_nothing_else_to_do_helps_with_the_browser() -> None:
    others = [f"tests/runtime/test_a.py::test_{n}" for n in range(5)]
    seeing = [f"{IN_A_BROWSER}test_{letter}.py::test_{n}" for letter in "xyz" for n in range(5)]
    beside = run([*others, *seeing], 2)
    assert [len(some) for some in beside] == [2] * 10
