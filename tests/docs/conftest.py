"""The documentation, built once for all tests of it, and an environment to type commands in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.built import Built, build
from tests.docs.terminal import lend_packages


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return the documentation of this checkout."""
    return build(tmp_path_factory.mktemp("documentation"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment that has the packages of the tests, and may get others."""
    folder = tmp_path_factory.mktemp("environment") / "env"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
    lend_packages(folder)
    return folder
