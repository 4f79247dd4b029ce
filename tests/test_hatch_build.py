"""Whether a wheel has the recorder's hot path compiled, and what a build leaves behind.

What both kinds of wheel have to hold is in `tests/frontend/test_packaging.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.packaging import ROOT, Environment, build, contents
from tests.support.saying import said_by
from tools import native

EXTENSION = f"console/tape_native{sysconfig.get_config_var('EXT_SUFFIX')}"
OLDER = b"what was compiled in place, of an older source"
NO_COMPILER = {"CC": "no-such-compiler"}
WHERE = (
    "import sys; from console import taping; print(sys.modules[taping.Tape.__module__].__file__)"
)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("unpacked")
    archive = build("sdist", ROOT, folder / "archive")
    subprocess.run(["tar", "-xf", str(archive)], cwd=folder, check=True)
    (source,) = folder.glob("channelscope-*")
    return source


@pytest.fixture
def source(unpacked: Path, tmp_path: Path) -> Path:
    """Return a source of the test's own."""
    return Path(shutil.copytree(unpacked, tmp_path / "source"))


def build_as_said(
    source: Path, target: str = "wheel", **variables: str
) -> tuple[int, str, list[Path]]:
    """Build a wheel and return the exit status, what was said, and what was made."""
    folder = source.parent / "wheels"
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    kept = {key: value for key, value in os.environ.items() if key != "CHANNELSCOPE_COMPILE"}
    status, said = said_by(command, cwd=source, env=kept | variables)
    return status, said, list(folder.glob("*"))


def files_of(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.rglob("*") if file.is_file() and file.parent.name != "__pycache__"
    )


def test_a_wheel_is_compiled_where_that_can_be_done_and_leaves_nothing(
    source: Path, wheel: Path
) -> None:
    (source / EXTENSION).write_bytes(OLDER)
    before = files_of(source)
    status, said, (made,) = build_as_said(source)
    assert status == 0, said
    sources = {f"console/{part}" for part in native.PARTS}
    assert {EXTENSION, "console/tape.py", *sources} <= set(contents(made))
    assert contents(made)[EXTENSION].startswith(b"\x7fELF")
    assert files_of(source) == before
    assert (source / EXTENSION).read_bytes() == OLDER
    # Twice compiled, in two folders: from the repository, and from the source distribution.
    assert made.name == wheel.name
    assert made.read_bytes() == wheel.read_bytes()


def test_without_a_compiler_a_wheel_is_pure_and_says_so_in_one_line(source: Path) -> None:
    status, said, (made,) = build_as_said(source, **NO_COMPILER)
    assert status == 0, said
    assert made.name.endswith("-py3-none-any.whl")
    (line,) = (line for line in said.splitlines() if "recorder" in line)
    assert "The recorder stays pure Python." in line
    assert "a C compiler (`no-such-compiler`" in line


def test_a_compiler_that_fails_leaves_a_pure_wheel(source: Path) -> None:
    status, said, (made,) = build_as_said(source, CC="false")
    assert status == 0, said
    assert made.name.endswith("-py3-none-any.whl")
    assert "The recorder stays pure Python. " in said


def test_a_wheel_that_has_to_be_compiled_says_what_is_missing(source: Path) -> None:
    status, said, made = build_as_said(source, CHANNELSCOPE_COMPILE="1", **NO_COMPILER)
    assert status != 0
    assert "Compiling needs a C compiler (`no-such-compiler`; Debian: gcc and libc6-dev)." in said
    assert made == []


def test_a_wheel_that_has_to_be_compiled_shows_what_the_compiler_said(source: Path) -> None:
    (source / "console/tape_native.pyx").write_text("cdef class Tape:\n    no C\n")
    status, said, made = build_as_said(source, CHANNELSCOPE_COMPILE="1")
    assert status != 0
    assert "console/tape_native.pyx:2" in said
    assert made == []


def test_a_wish_that_is_none_is_refused(source: Path) -> None:
    status, said, _ = build_as_said(source, CHANNELSCOPE_COMPILE="yes")
    assert status != 0
    assert 'CHANNELSCOPE_COMPILE is \'yes\': expected "0", "1" or nothing' in said


def test_an_editable_install_compiles_nothing(source: Path) -> None:
    status, said, (made,) = build_as_said(source, "wheel:editable", CHANNELSCOPE_COMPILE="1")
    assert status == 0, said
    assert made.name.endswith("-py3-none-any.whl")
    assert not (source / EXTENSION).exists()


def test_what_was_compiled_in_place_is_in_no_pure_wheel(source: Path) -> None:
    (source / EXTENSION).write_bytes(OLDER)
    _, said, (made,) = build_as_said(source, CHANNELSCOPE_COMPILE="0")
    assert EXTENSION not in contents(made), said


def test_a_compiled_wheel_is_for_this_interpreter_and_its_code_is_what_is_imported(
    wheel: Path, installed: Environment, tmp_path: Path
) -> None:
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert f"-{version}-{version}-" in wheel.name
    assert "Root-Is-Purelib: false" in said_of(wheel)
    said = installed.run("python", "-c", WHERE, cwd=tmp_path)
    assert said.strip().endswith(f"/{EXTENSION}")


def test_a_pure_wheel_is_for_any_interpreter(
    pure_wheel: Path, installed: Environment, tmp_path: Path
) -> None:
    assert pure_wheel.name.endswith("-py3-none-any.whl")
    assert "Root-Is-Purelib: true" in said_of(pure_wheel)
    place = tmp_path / "place"
    installed.run(
        "pip", "install", "--quiet", "--no-deps", "--target", str(place), str(pure_wheel),
        cwd=tmp_path,
    )  # fmt: skip
    said = installed.run("python", "-c", WHERE, cwd=tmp_path, PYTHONPATH=str(place))
    assert said.strip() == str(place / "console/tape.py")


def said_of(wheel: Path) -> str:
    """Return what a wheel says of itself."""
    (name,) = (name for name in contents(wheel) if name.endswith(".dist-info/WHEEL"))
    return contents(wheel)[name].decode()
