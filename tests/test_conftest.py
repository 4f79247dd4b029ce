from __future__ import annotations

import asyncio
import subprocess
import warnings
from pathlib import Path

import pytest

from tests.support.short_stacks import LINES


async def test_tests_run_in_the_debug_mode_of_asyncio() -> None:
    assert asyncio.get_running_loop().get_debug()


async def test_what_is_made_knows_where_and_not_the_whole_way_there() -> None:
    loop = asyncio.get_running_loop()
    made = [loop.create_future(), loop.call_soon(int), asyncio.ensure_future(asyncio.sleep(0))]
    await made[-1]
    for one in made:
        stack = one._source_traceback
        assert "test_conftest.py" in str(stack)
        assert len(stack) <= LINES


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="loud"):
        warnings.warn("loud", UserWarning, stacklevel=1)


def test_the_browser_of_the_tests_starts(chromium_path: Path) -> None:
    done = subprocess.run([chromium_path, "--version"], capture_output=True, text=True, check=True)
    assert "Chrom" in done.stdout
