from __future__ import annotations

import asyncio
import os
import subprocess
import warnings
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from tests.support.short_stacks import LINES
from tools import native


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


def test_what_was_compiled_from_another_source_is_not_tested(
    pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (conftest,) = (
        plugin
        for plugin in pytestconfig.pluginmanager.get_plugins()
        if getattr(plugin, "__file__", None) == str(Path(__file__).with_name("conftest.py"))
    )
    monkeypatch.setattr(native, "PACKAGE", tmp_path)
    sources = native.sources()
    extension = tmp_path / f"tape_native{EXTENSION_SUFFIXES[0]}"
    for file in (*sources, extension):
        file.touch()
        made_s = 2_000 if file is extension else 1_000
        os.utime(file, (made_s, made_s))
    conftest.pytest_configure()

    os.utime(sources[0], (3_000, 3_000))
    with pytest.raises(pytest.UsageError, match="`make native`, or remove it with `make clean`"):
        conftest.pytest_configure()
