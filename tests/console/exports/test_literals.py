from __future__ import annotations

import ast
import subprocess
import sys
from typing import Any

import pytest

from console.exports.literals import Name, call, flat, literal

LONG = {"type": "message", "text": "x" * 60, "user": {"id": 1, "name": "ada"}, "more": [1, 2]}
VALUES: list[Any] = [
    None,
    True,
    -7,
    1.5,
    "plain",
    'say "hello"',
    "it's",
    "both ' and \"",
    "back\\slash\n\u202e\x00",
    b"\x89PNG'",
    [],
    {},
    {"a": [1, {"b": None}]},
    LONG,
    [LONG, LONG],
    {"deep": {"deeper": LONG}},
    ["x" * 50, "y" * 50],
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_literal_means_its_value(value: Any) -> None:
    assert ast.literal_eval(literal(value, 0, 0)) == value
    assert ast.literal_eval(flat(value)) == value


def test_a_name_stands_where_a_literal_could() -> None:
    assert flat({"id": Name("ANY")}) == '{"id": ANY}'


def test_a_formatter_leaves_it_as_it_is() -> None:
    lines = []
    for number, value in enumerate(VALUES):
        lines.append(f"value_{number} = {literal(value, 8 + len(str(number)) + 1, 0)}\n")
        lines.append(call(f"call_{number}(", value, 0) + "\n")
        lines.append(call(f"call_{number}(text_data=", value, 0) + "\n")
    code = "".join(lines)
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--stdin-filename",
        "x.py",
        "-",
    ]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
    assert done.stdout == code
