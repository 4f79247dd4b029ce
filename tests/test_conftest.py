from __future__ import annotations

import asyncio
import subprocess
import warnings
from pathlib import Path

import pytest


async def test_tests_run_in_the_debug_mode_of_asyncio() -> None:
    assert asyncio.get_running_loop().get_debug()


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="loud"):
        warnings.warn("loud", UserWarning, stacklevel=1)


def test_the_browser_of_the_tests_starts(chromium_path: Path) -> None:
    done = subprocess.run([chromium_path, "--version"], capture_output=True, text=True, check=True)
    assert "Chrom" in done.stdout
