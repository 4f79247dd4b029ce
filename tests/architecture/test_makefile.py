"""What the Makefile takes for granted of what is to be installed is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def brought_along(extra: str, extras: dict[str, list[str]]) -> set[str]:
    """Return the other extras that come with one."""
    needed = [Requirement(line) for line in extras[extra]]
    own = {name for one in needed if one.name == "channelscope" for name in one.extras}
    return own.union(*(brought_along(name, extras) for name in own))


def test_an_extra_that_is_not_installed_by_itself_comes_with_another() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    taken_for_granted = re.findall(r"^WITH_(\w+) := (.+)$", makefile, re.MULTILINE)
    assert taken_for_granted
    for extra, names in taken_for_granted:
        assert set(names.split()) <= brought_along(extra, extras), extra
        assert {f".venv/.{name}" for name in names.split()} <= set(makefile.split()), extra
