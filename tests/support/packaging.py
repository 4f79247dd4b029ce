"""The distribution as a user gets it: a wheel, and an environment with nothing but that.

Owns how they are made. What gives them to tests is in `fixtures`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from tests.support.saying import said_by

ROOT = Path(__file__).resolve().parents[2]

UNCOMPILED = {"PIP_NO_COMPILE": "0"}
"""Has pip compile nothing, for it takes a variable of a "no" at its word: 0 is without, 1 is with.

Most of what is installed is never imported, and compiling it takes longest.
"""


def build(target: str, source: Path, folder: Path, **variables: str) -> Path:
    """Build a "wheel" or an "sdist" of `source` and return the file."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    environment = os.environ | variables
    subprocess.run(command, cwd=source, check=True, capture_output=True, env=environment)
    (built,) = folder.iterdir()
    return built


def compile_tape(folder: Path) -> Path:
    """Compile the recorder's hot path into `folder` and return the extension."""
    status, said = said_by([sys.executable, "-m", "tools.native", str(folder)], cwd=ROOT)
    assert status == 0, said
    return Path(said.splitlines()[-1])


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files in a wheel."""
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def extension_of(wheel: Path, folder: Path) -> Path:
    """Put the recorder's hot path, compiled, from a wheel into `folder`, and return it."""
    extension = folder / f"tape_native{sysconfig.get_config_var('EXT_SUFFIX')}"
    extension.write_bytes(contents(wheel)[f"console/{extension.name}"])
    return extension


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment of a test's own.

    Attributes:
        folder: where it is.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def run(self, *command: str, cwd: Path, **variables: str) -> str:
        """Run a command of this environment and return what it said.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        variables = self.variables() | variables
        program = shutil.which(command[0], path=variables["PATH"])
        assert program is not None, f"{command[0]} is not installed"
        status, said = said_by([program, *command[1:]], cwd=cwd, env=variables)
        assert status == 0, said
        return said

    def variables(self) -> dict[str, str]:
        """Return an environment that knows nothing of the test session's own."""
        foreign = ("PYTEST_", "PYTHON", "DJANGO_", "VIRTUAL_ENV", "MAKE", "MFLAGS", "CHANNELSCOPE_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        path = f"{self.folder / 'bin'}{os.pathsep}{kept['PATH']}"
        return kept | {"PATH": path} | UNCOMPILED


def make_environment(folder: Path, *packages: str) -> Environment:
    """Make a virtual environment in `folder` with these packages, and what they need."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    environment = Environment(folder)
    environment.run("pip", "install", "--quiet", *packages, cwd=folder)
    return environment
