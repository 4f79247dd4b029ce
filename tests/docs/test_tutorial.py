"""The tutorial, typed in as it stands: every file, every command, in the order of the pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, blocks_of
from tests.docs.terminal import Terminal, launcher

PARTS = [f"part-{number}" for number in range(1, 5)]


@pytest.fixture(scope="module")
def terminal(
    environment: Path, wheel: Path, chromium_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Terminal:
    """Return the terminal that the parts are typed in, one after the other."""
    folder = tmp_path_factory.mktemp("tutorial")
    variables = {
        "CHROMIUM": str(launcher(chromium_path, folder.parent)),
        "PIP_FIND_LINKS": str(wheel.parent),
    }
    return Terminal(folder, environment, folder.parent / f"{folder.name}.txt", variables)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_works_as_it_stands(part: str, terminal: Terminal) -> None:
    for block in blocks_of(DOCS / f"tutorial/{part}.md"):
        if block.file is not None:
            block.write(terminal.folder)
        for command in block.commands():
            terminal.type(command)


def test_the_parts_are_all_there_is() -> None:
    assert sorted(page.stem for page in DOCS.glob("tutorial/*.md")) == ["index", *PARTS]
