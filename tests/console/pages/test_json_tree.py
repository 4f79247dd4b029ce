from __future__ import annotations

from typing import Any

import pytest

from console.pages.json_tree import Node, tree
from console.redact import REDACTED


def count(node: Node) -> int:
    return 1 + sum(count(child) for child in node.children)


def leaf(value: Any) -> tuple[str, str]:
    node = tree(value)
    return node.text, node.css


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("é\n", ('"é\\n"', "js")),
        (1.5, ("1.5", "jn")),
        (True, ("true", "jb")),
        (None, ("null", "jb")),
        (REDACTED, ("redacted", "redacted")),
        ([], ("[ 0 items ]", "p")),
        ({}, ("{ 0 keys }", "p")),
    ],
)
def test_a_value_without_parts_is_one_line(value: Any, expected: tuple[str, str]) -> None:
    assert leaf(value) == expected


def test_objects_keep_their_keys_and_arrays_have_none() -> None:
    root = tree({"a": [1]})
    assert (root.bracket, root.summary) == ("{", "1 key }")
    (array,) = root.children
    assert (array.key, array.summary) == ('"a"', "1 item ]")
    assert [child.key for child in array.children] == [""]


def test_the_headers_of_a_scope_read_as_names_and_values() -> None:
    root = tree({"headers": [["host", "example"], ["cookie", REDACTED], ["cookie", "x"]]})
    headers = root.children[0].children
    assert [child.key for child in headers] == ['"host"', '"cookie"', '"cookie"']


def test_other_pairs_stay_arrays() -> None:
    root = tree({"points": [["x", 1]], "headers": [["host"]]})
    assert [child.children[0].bracket for child in root.children] == ["[", "["]


def test_a_large_value_is_cut_and_says_by_how_much() -> None:
    root = tree(list(range(100)), nodes=10)
    assert len(root.children) == 11
    assert root.children[-1].text == "… 90 more"


def test_nesting_does_not_escape_the_bound() -> None:
    value: Any = [0, 0, 0]
    for _ in range(8):
        value = [value, value, value]
    assert count(tree(value, nodes=200)) < 500


def test_long_containers_start_folded_and_short_ones_open_to_two_levels() -> None:
    root = tree({"deep": {"deeper": {"deepest": 1}}, "long": list(range(60))})
    deep, long = root.children
    assert root.is_open
    assert deep.is_open
    assert not deep.children[0].is_open
    assert not long.is_open
