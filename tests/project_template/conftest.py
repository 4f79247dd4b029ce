"""A project that was started from the wheel, in an environment with nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.packaging import Environment


@dataclass(frozen=True, slots=True)
class Project:
    """A generated project.

    Attributes:
        folder: where it is.
        environment: what it runs in.
    """

    folder: Path
    environment: Environment

    def make(self, *arguments: str) -> str:
        """Run `make` in it and return what it said."""
        return self.environment.run(
            "make", f"VENV={self.environment.folder}", *arguments, cwd=self.folder
        )


@pytest.fixture(scope="session")
def project(installed: Environment, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project that `channelscope startproject` made."""
    home = tmp_path_factory.mktemp("projects")
    said = installed.run("channelscope", "startproject", "mysite", cwd=home)
    assert "make run" in said
    project = Project(home / "mysite", installed)
    project.make(f"{installed.folder}/.test")
    return project
