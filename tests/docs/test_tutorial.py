"""The tutorial, typed in as it stands: every file, every command, in the order of the pages."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, Block, blocks_of

PARTS = [f"part-{number}" for number in range(1, 5)]
COMMAND_S = 240

NOT_TYPED = ("-m venv", "activate", "-m pip install", "createsuperuser", "runserver")
"""What prepares a machine, asks a person, or does not end."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the parts fill, one after the other."""
    return tmp_path_factory.mktemp("tutorial")


def type_in(command: str, project: Path, chromium: Path) -> None:
    program, *arguments = shlex.split(command)
    words = {"python": [sys.executable], "django-admin": [sys.executable, "-m", "django"]}[program]
    foreign = ("PYTEST_", "PYTHON", "DJANGO_", "CHANNELSCOPE_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    done = subprocess.run(
        [*words, *arguments],
        cwd=project,
        # A root has no sandbox of its own in a container.
        env=kept | {"CHROMIUM": str(launcher(chromium, project))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"


def launcher(chromium: Path, project: Path) -> Path:
    """Return a script that starts the browser as a test machine has to."""
    script = project.parent / f"{project.name}-chromium"
    script.write_text(f'#!/bin/sh\nexec "{chromium}" --no-sandbox "$@"\n')
    script.chmod(0o700)
    return script


def follow(block: Block, project: Path, chromium: Path) -> None:
    if block.file is not None:
        block.write(project)
    for command in block.commands():
        if not any(words in command for words in NOT_TYPED):
            type_in(command, project, chromium)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_works_as_it_stands(part: str, project: Path, chromium_path: Path) -> None:
    for block in blocks_of(DOCS / f"tutorial/{part}.md"):
        follow(block, project, chromium_path)


def test_the_parts_are_all_there_is() -> None:
    assert sorted(page.stem for page in DOCS.glob("tutorial/*.md")) == ["index", *PARTS]
