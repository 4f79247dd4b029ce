"""Which tests stay together when several processes share them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.distribution import TOGETHER, home_of

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
    homes = {
        home_of(f"{beginning}::test_a") for beginning in TOGETHER if "wheel" in TOGETHER[beginning]
    }
    assert homes == {"one wheel"}
    assert home_of("tests/e2e/test_a.py::test_a") == home_of("tests/e2e/test_b.py::test_b[n]")


def test_what_is_named_is_there() -> None:
    assert [beginning for beginning in TOGETHER if not (ROOT / beginning).exists()] == []
